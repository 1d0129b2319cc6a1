"""The figures that choose an epoch, on validation frames; each process takes its share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ..data import FrameDataset
from ..runtime.runtime import Runtime
from .attack import attack

ATTACK: dict[str, Any] = {"steps": 10, "step_size": 2.5, "stop_at_success": True}


def _batches(
    runtime: Runtime, dataset: FrameDataset, size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """This process's frames of a FrameDataset, in batches."""
    mine = dataset.subset(runtime.mine)
    for start in range(0, len(mine), size):
        rows = slice(start, start + size)
        iq = torch.as_tensor(mine.iq[rows].astype(np.float32), device=runtime.device)
        yield iq, torch.as_tensor(mine.label[rows], dtype=torch.long, device=runtime.device)


@torch.no_grad()
def accuracy(runtime: Runtime, network: nn.Module, dataset: FrameDataset) -> float:
    """Share of frames that the network gets right, in the runtime's precision."""
    right = 0
    for iq, label in _batches(runtime, dataset, runtime.batch_size):
        with runtime.fast_math():
            right += int((network(iq).argmax(1) == label).sum())
    return runtime.sum(right) / len(dataset)


def robust_accuracy(
    runtime: Runtime, network: nn.Module, dataset: FrameDataset, radius: float
) -> float:
    """Share of frames still right after a short l2 PGD of relative radius `radius`.

    Good enough to choose an epoch; not a robustness figure.
    """
    broken = 0
    for iq, label in _batches(runtime, dataset, 16 * runtime.batch_size):
        relative = torch.full((len(iq),), radius, device=iq.device)
        with runtime.fast_math():
            broken += int(attack(network, iq, label, relative, **ATTACK).success.sum())
    return 1 - runtime.sum(broken) / len(dataset)
