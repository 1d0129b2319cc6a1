"""The figures that choose an epoch, on validation frames."""

import numpy as np
import torch

from ..classifier import BATCH
from .attack import attack

ATTACK = {"steps": 10, "step_size": 2.5, "stop_at_success": True}


def _batches(dataset, network, size):
    device = next(network.parameters()).device
    for start in range(0, len(dataset), size):
        rows = slice(start, start + size)
        iq = torch.as_tensor(dataset.iq[rows].astype(np.float32), device=device)
        yield iq, torch.as_tensor(dataset.label[rows], dtype=torch.long, device=device)


@torch.no_grad()
def accuracy(network, dataset):
    """Share of frames that the network gets right."""
    right = sum(
        int((network(iq).argmax(1) == label).sum())
        for iq, label in _batches(dataset, network, BATCH)
    )
    return right / len(dataset)


def robust_accuracy(network, dataset, radius):
    """Share of frames still right after a short l2 PGD of relative radius `radius`.

    Good enough to choose an epoch; not a robustness figure.
    """
    broken = 0
    for iq, label in _batches(dataset, network, 16 * BATCH):
        relative = torch.full((len(iq),), radius, device=iq.device)
        broken += int(attack(network, iq, label, relative, **ATTACK).success.sum())
    return 1 - broken / len(dataset)
