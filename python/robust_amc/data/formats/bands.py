"""Samples made of others as they are read: real ones made analytic, and one band of several.

The filters are linear-phase FIR filters, and their delay is taken out: sample n of the output
belongs to sample n of the input. Outside the recording samples count as zero.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import signal

from ...arrays import Floats
from .sample_file import Samples

_HALF = 127  # taps on each side of the middle one
_TRANSITION = 3.3 / (2 * _HALF + 1)  # of a filter with Hamming's window, cycles a sample


@dataclass(frozen=True)
class Analytic:
    """Real samples ``[k, 1]``, and their Hilbert transform as Q: the upper sideband alone."""

    real: Samples

    def __len__(self) -> int:
        return len(self.real)

    def read(self, begin: int, end: int) -> Floats:
        """I and Q of the samples from `begin` to before `end`, float32 ``[k, 2]``."""
        wide = _padded(self.real, begin, end)[:, 0]
        return np.stack([wide[_HALF:-_HALF], _filtered(wide, _hilbert())], 1, dtype=np.float32)


@dataclass(frozen=True)
class UpperHalf:
    """The positive frequencies of Analytic samples, at half the rate, a quarter of it at 0."""

    analytic: Analytic

    def __len__(self) -> int:
        return len(self.analytic) // 2

    def read(self, begin: int, end: int) -> Floats:
        """I and Q of the samples from `begin` to before `end`, float32 ``[k, 2]``."""
        taken = self.analytic.read(2 * begin, 2 * end)[::2]
        # A quarter down, (-j)^n, is a change of sign at every other even sample
        sign = 1.0 - 2.0 * (np.arange(begin, end) % 2)
        return (taken * sign[:, None]).astype(np.float32)


@dataclass(frozen=True)
class Band:
    """One band, shifted to the middle; what lies outside of it is filtered away.

    Attributes:
        samples: Samples with all bands
        center: of the band, in cycles a sample
        width: of the band, in cycles a sample; near 1 or more: not filtered
    """

    samples: Samples
    center: float
    width: float

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, begin: int, end: int) -> Floats:
        """I and Q of the samples from `begin` to before `end`, float32 ``[k, 2]``."""
        pairs = _padded(self.samples, begin, end)
        turns = self.center * np.arange(begin - _HALF, end + _HALF)
        shifted = (pairs[:, 0] + 1j * pairs[:, 1]) * np.exp(-2j * np.pi * (turns % 1))
        taps = _low_pass(self.width) if self.width < 1 - _TRANSITION else np.ones(1)
        skip = _HALF - len(taps) // 2
        found = _filtered(shifted[skip : len(shifted) - skip], taps)
        return np.stack([found.real, found.imag], 1, dtype=np.float32)


def _padded(samples: Samples, begin: int, end: int) -> Floats:
    """The samples and _HALF more on each side, float64 ``[k, channels]``."""
    first, last = max(0, begin - _HALF), min(len(samples), end + _HALF)
    more = (first - begin + _HALF, end + _HALF - last)
    return np.pad(samples.read(first, last).astype(np.float64), (more, (0, 0)))


def _filtered(wide: Any, taps: Floats) -> Any:
    """The samples ``[k]`` that all taps reach."""
    if len(wide) < len(taps):  # then convolutions take it for the taps
        return wide[:0]
    return signal.oaconvolve(wide, taps, mode="valid")


@lru_cache(64)
def _hilbert() -> Floats:
    """Taps of a Hilbert transformer."""
    n = np.arange(-_HALF, _HALF + 1)
    ideal = np.where(n % 2, 2 / (np.pi * np.where(n, n, 1)), 0)
    return ideal * np.hamming(len(n))


@lru_cache(64)
def _low_pass(width: float) -> Floats:
    """Taps that pass a band of `width` cycles a sample around 0."""
    cutoff = (width + _TRANSITION) / 2  # half-way between the edge and the stop band
    return np.asarray(signal.firwin(2 * _HALF + 1, cutoff, fs=1.0))
