"""The figures that choose an epoch, on validation frames; each process takes its share."""

import numpy as np
import torch

from .attack import attack

ATTACK = {"steps": 10, "step_size": 2.5, "stop_at_success": True}


def _batches(engine, dataset, size):
    """This process's frames of a FrameDataset, in batches."""
    mine = dataset.subset(engine.mine)
    for start in range(0, len(mine), size):
        rows = slice(start, start + size)
        iq = torch.as_tensor(mine.iq[rows].astype(np.float32), device=engine.device)
        yield iq, torch.as_tensor(mine.label[rows], dtype=torch.long, device=engine.device)


@torch.no_grad()
def accuracy(engine, network, dataset):
    """Share of frames that the network gets right, in the engine's precision."""
    right = 0
    for iq, label in _batches(engine, dataset, engine.batch_size):
        with engine.fast_math():
            right += int((network(iq).argmax(1) == label).sum())
    return engine.sum(right) / len(dataset)


def robust_accuracy(engine, network, dataset, radius):
    """Share of frames still right after a short l2 PGD of relative radius `radius`.

    Good enough to choose an epoch; not a robustness figure.
    """
    broken = 0
    for iq, label in _batches(engine, dataset, 16 * engine.batch_size):
        relative = torch.full((len(iq),), radius, device=iq.device)
        with engine.fast_math():
            broken += int(attack(network, iq, label, relative, **ATTACK).success.sum())
    return 1 - engine.sum(broken) / len(dataset)
