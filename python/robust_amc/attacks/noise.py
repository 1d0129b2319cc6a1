"""Gaussian noise of the same power as a perturbation: what an attack must be better than."""

import numpy as np
import numpy.typing as npt

from ..arrays import Floats


def noise(iq: Floats, epsilon: npt.ArrayLike, seed: int = 0) -> Floats:
    """Add white noise with ‖δ‖ = ε to frames ``[n, 2, length]``; `epsilon` is ``[n]``."""
    direction = np.random.default_rng(seed).standard_normal(tuple(iq.shape)).astype(np.float32)
    norm = np.sqrt((direction**2).sum((1, 2)))
    return iq + direction * (np.asarray(epsilon, np.float32) / norm)[:, None, None]
