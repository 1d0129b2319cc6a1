"""The pulse of linear modulations."""

import numpy as np

from .arrays import Floats

EXCESS_BANDWIDTH = 0.35  # of RML2016's


def root_raised_cosine(time: Floats, beta: float = EXCESS_BANDWIDTH) -> Floats:
    """Impulse response at `time` in symbols, of excess bandwidth `beta`; energy in no unit."""
    time = np.where(np.abs(np.abs(time) - 1 / (4 * beta)) < 1e-9, time + 1e-6, time)  # 0 / 0
    safe = np.where(time == 0, 1, time)
    rising = np.sin(np.pi * safe * (1 - beta))
    falling = 4 * beta * safe * np.cos(np.pi * safe * (1 + beta))
    pulse = (rising + falling) / (np.pi * safe * (1 - (4 * beta * safe) ** 2))
    return np.where(time == 0, 1 - beta + 4 * beta / np.pi, pulse)
