"""Bursts of known bits: a preamble, a payload and its checksum, as root-raised-cosine pulses."""

import zlib
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Bools, Complexes, Floats, Integers
from ..pulse import root_raised_cosine
from .constellation import Constellation

SAMPLES_PER_SYMBOL = 8
SPAN = 8  # symbols on either side that a pulse lasts
PREAMBLE = 24  # symbols, the same in all bursts of a class
CHECKSUM = 32  # bits


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
        """The samples from the middle of the first pulse on, as many as the symbols last."""
        begin = 2 * SPAN * SAMPLES_PER_SYMBOL
        return slice(begin, begin + (PREAMBLE + self.symbols) * SAMPLES_PER_SYMBOL)


def transmitted(name: str, count: int, symbols: int, rng: np.random.Generator) -> Bursts:
    """Bursts of a class with random payloads, `symbols` of them behind the preamble.

    Before and after the pulses there are SPAN symbols of silence. Raises UserError for a class
    that is no linear modulation.
    """
    constellation = Constellation.of(name)
    payload = rng.integers(2, size=(count, symbols * constellation.bits - CHECKSUM))
    bits = np.concatenate([payload, checksum(payload)], axis=1)
    number = constellation.modulated(bits)
    sent = np.concatenate(
        [np.tile(preamble(name), (count, 1)), constellation.points[number]], axis=1
    )
    samples = sent @ pulses(sent.shape[1])
    samples = samples * SAMPLES_PER_SYMBOL**0.5
    return Bursts(name, samples, number, bits)


def preamble(name: str) -> Complexes:
    """The symbols that every burst of a class begins with, ``[PREAMBLE]``."""
    points = Constellation.of(name).points
    return points[np.random.default_rng(PREAMBLE).integers(len(points), size=PREAMBLE)]


def pulse() -> Floats:
    """A pulse of energy 1, ``[2·SPAN·SAMPLES_PER_SYMBOL + 1]``."""
    time = np.arange(-SPAN * SAMPLES_PER_SYMBOL, SPAN * SAMPLES_PER_SYMBOL + 1)
    made = root_raised_cosine(time / SAMPLES_PER_SYMBOL)
    return made / np.sqrt(np.sum(made**2))


def pulses(symbols: int) -> Floats:
    """The pulses of all symbols of a burst, silence around them, ``[symbols, length]``."""
    one = pulse()
    silence = SPAN * SAMPLES_PER_SYMBOL
    made = np.zeros((symbols, len(one) + (symbols - 1) * SAMPLES_PER_SYMBOL + 2 * silence))
    for number, row in enumerate(made):
        begin = silence + number * SAMPLES_PER_SYMBOL
        row[begin : begin + len(one)] = one
    return made


def checksum(payload: Array) -> Array:
    """CRC-32 of rows of bits ``[n, bits]``, as bits ``[n, 32]``."""
    packed = np.packbits(payload.astype(np.uint8), axis=1)
    sums = np.array([zlib.crc32(row.tobytes()) for row in packed], np.uint64)
    return (sums[:, None] >> np.arange(CHECKSUM, dtype=np.uint64)[::-1] & np.uint64(1)).astype(int)


def checked(bits: Array) -> Bools:
    """Whether the checksum at the end of rows of bits is that of the rest, ``[n]``."""
    return (checksum(bits[:, :-CHECKSUM]) == bits[:, -CHECKSUM:]).all(1)
