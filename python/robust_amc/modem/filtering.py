"""Filters of scipy.signal, imported when the first one is made: it takes long."""

from typing import Literal

import numpy as np

from ..arrays import Array, Floats


def filtered(rows: Array, taps: Array, mode: Literal["same", "valid"] = "same") -> Array:
    """Rows ``[n, length]`` through a filter ``[taps]``; `mode` as in scipy.signal.fftconvolve."""
    from scipy.signal import fftconvolve

    made: Array = fftconvolve(rows, np.asarray(taps)[None], mode, axes=1)
    return made


def low_pass(taps: int, cutoff: float) -> Floats:
    """A low pass with a linear phase, ``[taps]``; `cutoff` in cycles a sample."""
    from scipy.signal import firwin

    made: Floats = firwin(taps, 2 * cutoff)
    return made
