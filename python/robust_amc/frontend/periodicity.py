"""Whether samples come again as they were: a tone in FM or AM, and no stream of symbols."""

import numpy as np

from ..arrays import Complexes

PERIODIC = 0.9  # above which there are no symbols but a tone
COMPARED = 32  # frames


def periodicity(frames: Complexes, shortest: int) -> float:
    """How well samples come again after `shortest` or more of them, 0 … 1.

    `frames` are complex ``[n, length]``. Symbols that are drawn anew do not come again; a tone
    does, and its lines look like those of a symbol rate. With a small modulation index one symbol
    is much like the next, so `shortest` should be two of them.
    """
    samples = frames[:COMPARED]
    best = 0.0
    for lag in range(shortest, samples.shape[1] // 2 + 1):
        before, after = samples[:, :-lag], samples[:, lag:]
        power = np.sqrt((np.abs(before) ** 2).sum(1) * (np.abs(after) ** 2).sum(1))
        alike = np.abs((after * before.conj()).sum(1)) / np.maximum(power, 1e-30)
        best = max(best, float(np.median(alike)))
    return best
