"""Points of linear modulations, and the bits that they stand for: neighbors differ in one."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..arrays import Array, Complexes, Floats, Integers
from ..errors import UserError

PSK = {"BPSK": 2, "QPSK": 4, "8PSK": 8}
PAM = {"PAM4": 4}
QAM = {"QAM16": 16, "QAM64": 64}
NAMES = (*PSK, *PAM, *QAM)


@dataclass(frozen=True)
class Constellation:
    """Points of mean power 1, in the order of the numbers that their bits make.

    Attributes:
        points: complex ``[2^bits]``
        bits: of a symbol, the first one the most significant
    """

    points: Complexes
    bits: int

    @classmethod
    def of(cls, name: str) -> Self:
        """That of a class; UserError when it is none of NAMES."""
        if name in PSK:
            points = _gray(np.exp(2j * np.pi * np.arange(PSK[name]) / PSK[name]))
        elif name in PAM:
            points = _levels(PAM[name]) + 0j
        elif name in QAM:
            side = _levels(int(QAM[name] ** 0.5))
            points = (side[:, None] + 1j * side).ravel()
        else:
            raise UserError(f"{name[:40]} is no linear modulation; there are {', '.join(NAMES)}")
        points = points / np.sqrt(np.mean(np.abs(points) ** 2))
        return cls(points, len(points).bit_length() - 1)

    def modulated(self, bits: Array) -> Integers:
        """Numbers of the symbols ``[…, n]`` of bits ``[…, n·bits]``."""
        weight = 1 << np.arange(self.bits)[::-1]
        grouped = bits.reshape(*bits.shape[:-1], -1, self.bits)
        return (grouped * weight).sum(-1)

    def demodulated(self, number: Integers) -> Array:
        """Bits ``[…, n·bits]`` of the numbers of symbols ``[…, n]``."""
        found = number[..., None] >> np.arange(self.bits)[::-1] & 1
        return found.reshape(*number.shape[:-1], -1)

    def nearest(self, values: Complexes) -> Integers:
        """Numbers of the points nearest to values, of the same shape."""
        return np.abs(values[..., None] - self.points).argmin(-1)


def _gray(points: Array) -> Array:
    """Points that are each other's neighbors in the order given, by the Gray code of theirs."""
    place = np.arange(len(points))
    made = np.empty_like(points)
    made[place ^ place >> 1] = points
    return made


def _levels(count: int) -> Floats:
    return _gray(np.arange(count) * 2.0 - (count - 1))
