"""How many samples of a stream are at full scale: a receiver that is overdriven mixes signals."""

from typing import Any

import numpy as np

from ..arrays import Complexes

TOLD = 1e-3  # share of the samples above which it matters


class ClippingMeter:
    """Counts samples of which I or Q is the largest or smallest number of its type.

    `dtype` is that of an I or Q value; of floating-point numbers no full scale is known.
    Attributes `samples` and `clipped`: how many came, and how many of them are.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.samples = self.clipped = 0
        fixed = dtype.kind in "iu"
        self._largest = np.float32(1 - 2.0 ** (1 - 8 * dtype.itemsize) if fixed else np.inf)

    def add(self, samples: Complexes) -> None:
        """The next samples, complex64 ``[n]``, as fractions of full scale."""
        self.samples += len(samples)
        parts = np.abs(samples.real), np.abs(samples.imag)
        self.clipped += int(np.count_nonzero(np.maximum(*parts) >= self._largest))

    def warning(self) -> str | None:
        """A line where so many are that it matters, else None."""
        if not self.samples or self.clipped <= TOLD * self.samples:
            return None
        return (
            f"warning: {self.clipped / self.samples:.1%} of the samples are at full scale; lower "
            "the receiver's gain: signals may be mixtures that are not on the air"
        )
