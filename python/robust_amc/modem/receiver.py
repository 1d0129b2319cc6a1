"""The friendly transmitter and receiver of any class, and what the receiver makes of it."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..arrays import Array, Bools, Complexes, Floats
from ..errors import UserError
from . import frequency_shift, linear
from .burst import CHECKSUM, Bursts, checked, payloads
from .constellation import NAMES as LINEAR
from .constellation import Constellation

NAMES = (*LINEAR, *frequency_shift.KINDS)


@dataclass(frozen=True)
class Reception:
    """What was received of n bursts.

    Attributes:
        values: symbols before the decision, complex ``[n, symbols]``
        symbol_errors, bit_errors: shares, ``[n]``
        error_vector: its power over that of the points, ``[n]``
        passed: whether the checksum is right, ``[n]``
    """

    values: Complexes
    symbol_errors: Floats
    bit_errors: Floats
    error_vector: Floats
    passed: Bools


def transmitted(name: str, count: int, symbols: int, rng: np.random.Generator) -> Bursts:
    """Bursts of a class with random payloads, `symbols` of them behind the preamble.

    Around them there is silence. Raises UserError for a class that is none of NAMES, and for
    bursts without room for a payload beside its checksum.
    """
    width = points(name).bits
    if symbols * width <= CHECKSUM:
        raise UserError(f"{symbols} symbols of {name} hold no payload beside a checksum")
    return modulated(name, payloads(count, symbols * width, rng))


def modulated(name: str, bits: Array) -> Bursts:
    """Bursts of a class with those bits behind the preamble, ``[n, symbols·bits]``.

    Who knows the bits has what was sent, to compare with. Raises UserError for a class that is
    none of NAMES, and for bits that fill no symbols.
    """
    width = points(name).bits
    if not bits.shape[1] or bits.shape[1] % width:
        raise UserError(f"{bits.shape[1]} bits fill no symbols of {name}, which have {width}")
    made: Bursts = _kind(name).modulated(name, bits)
    return made


def receive(samples: Complexes, sent: Bursts) -> Reception:
    """Demodulate bursts as received, complex ``[n, length]``, and compare them with what was sent.

    The level, the phase, the carrier and the time within SEARCHED samples are found from the
    samples. There is no equalizer.
    """
    constellation = points(sent.name)
    values = _kind(sent.name).detected(samples, sent.name, sent.symbols)
    number = constellation.nearest(values)
    bits = constellation.demodulated(number)
    error = values - constellation.points[sent.number]
    return Reception(
        values,
        (number != sent.number).mean(1),
        (bits != sent.bits).mean(1),
        (np.abs(error) ** 2).mean(1),
        checked(bits),
    )


def points(name: str) -> Constellation:
    """What values are decided by: of frequency-shift keying, turns to either side.

    Raises UserError for a class that is none of NAMES.
    """
    if name not in NAMES:
        raise UserError(f"there is no modem for {name[:40]}; there are {', '.join(NAMES)}")
    if name in frequency_shift.KINDS:
        return Constellation(np.array([-1.0 + 0j, 1.0]), 1)
    return Constellation.of(name)


def seen(sent: Bursts) -> Floats:
    """What the receiver's decisions depend on: rows of samples of `active`, ``[…, length]``."""
    if sent.name in frequency_shift.KINDS:
        return frequency_shift.seen(sent.active.stop - sent.active.start)
    return linear.seen(sent.symbols)[:, sent.active]


def _kind(name: str) -> ModuleType:
    return frequency_shift if name in frequency_shift.KINDS else linear
