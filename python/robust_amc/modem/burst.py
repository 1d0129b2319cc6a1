"""Bursts of known bits: a preamble, a payload and its checksum."""

import zlib
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Bools, Complexes, Integers

SAMPLES_PER_SYMBOL = 8
SPAN = 8  # symbols on either side that a pulse lasts; twice as many are silent around a burst
PREAMBLE = 24  # symbols, the same in all bursts of a class
CHECKSUM = 32  # bits
SEARCHED = SPAN * SAMPLES_PER_SYMBOL  # samples on either side of where the preamble should be


@dataclass(frozen=True)
class Bursts:
    """Bursts of one class, and what is in them.

    Attributes:
        name: the class
        samples: complex ``[n, length]``, of mean power 1 while a burst lasts
        number: of each symbol behind the preamble, ``[n, symbols]``
        bits: of these, ``[n, symbols·bits]``: the payload, filled up, and its checksum
    """

    name: str
    samples: Complexes
    number: Integers
    bits: Array

    @property
    def symbols(self) -> int:
        """Symbols of a burst behind the preamble."""
        return self.number.shape[1]

    @property
    def active(self) -> slice:
        """The samples from the first symbol on, as many as the symbols last."""
        begin = 2 * SPAN * SAMPLES_PER_SYMBOL
        return slice(begin, begin + (PREAMBLE + self.symbols) * SAMPLES_PER_SYMBOL)


def payloads(count: int, bits: int, rng: np.random.Generator) -> Array:
    """Random payloads and their checksums, `bits` together, ``[count, bits]``."""
    payload = rng.integers(2, size=(count, bits - CHECKSUM))
    return np.concatenate([payload, checksum(payload)], axis=1)


def checksum(payload: Array) -> Array:
    """CRC-32 of rows of bits ``[n, bits]``, as bits ``[n, 32]``."""
    packed = np.packbits(payload.astype(np.uint8), axis=1)
    sums = np.array([zlib.crc32(row.tobytes()) for row in packed], np.uint64)
    return (sums[:, None] >> np.arange(CHECKSUM, dtype=np.uint64)[::-1] & np.uint64(1)).astype(int)


def checked(bits: Array) -> Bools:
    """Whether the checksum at the end of rows of bits is that of the rest, ``[n]``."""
    return (checksum(bits[:, :-CHECKSUM]) == bits[:, -CHECKSUM:]).all(1)
