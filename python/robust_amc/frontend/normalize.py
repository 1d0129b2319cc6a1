"""A signal as a model takes it: at a fixed number of samples a symbol, its carrier at 0."""

from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

from ..arrays import Complexes
from ..errors import UserError
from . import carrier as carriers
from . import occupied

FINEST = 1000  # denominator of the ratio of rates: off by less than 10⁻⁶
SLOWEST, FASTEST = 1e-4, 0.5  # symbols a sample
ACQUIRED = 0.2  # of the rate, how far from 0 a carrier may be at first
CERTAIN = 8.0  # evidence from which a block's carrier is believed
DRIFT = 0.02  # of the rate, that a carrier moves from block to block
STRONG = 100.0  # ratio of signal to noise; more than it is only makes it look less constant
KEPT = 1.6  # bandwidth that is kept, in symbol rates: roll-off 0.5 and a rest of offset


def normalize(
    samples: Complexes, carrier: float, rate: float, samples_per_symbol: int = 8
) -> Complexes:
    """`samples` ``[n]`` with the carrier at 0 and so many samples a symbol, complex ``[m]``.

    Neighbors beyond 0.8 symbol rates from the carrier are filtered off. The power stays what it is.

    Args:
        samples: complex ``[n]``
        carrier: in cycles a sample
        rate: symbols a sample
        samples_per_symbol: of the result

    Raises UserError for a rate outside 10⁻⁴ … 0.5, a carrier that is not finite, and fewer than one
    sample a symbol.
    """
    if not (SLOWEST <= rate <= FASTEST and np.isfinite(carrier) and samples_per_symbol >= 1):
        raise UserError(
            f"cannot bring {rate:g} symbols a sample at the carrier {carrier:g} to "
            f"{samples_per_symbol} samples a symbol: the rate has to be {SLOWEST:g} … {FASTEST:g}"
        )
    own = occupied.cut(samples, carrier, min(KEPT * rate, 1.0))
    ratio = Fraction(samples_per_symbol * rate).limit_denominator(FINEST)
    return np.asarray(resample_poly(own, ratio.numerator, ratio.denominator))


def follow_carrier(samples: Complexes, rate: float, block: int) -> Complexes:
    """`samples` ``[n]`` around 0, with what is left of the carrier taken off block by block.

    For carriers that drift, as those of satellites do: in each block the carrier is looked for
    again, within 2 % of the rate from that of the block before it (the first one, and after blocks
    without, within 20 %). Where none is found it stays there. The phase is not continuous from
    block to block.

    Args:
        samples: complex ``[n]``
        rate: symbols a sample
        block: samples
    """
    followed = np.array(samples, complex)
    before, reach = 0.0, ACQUIRED * rate
    for start in range(0, len(samples), block):
        piece = samples[start : start + block]
        turn = np.exp(-2j * np.pi * before * np.arange(len(piece)))
        band = occupied.Band(-KEPT / 2 * rate, KEPT / 2 * rate, STRONG)
        found = carriers.estimate(piece * turn, rate, band)
        if CERTAIN < found.evidence < np.inf and abs(found.frequency) < reach:
            before, reach = before + found.frequency, DRIFT * rate
        else:
            reach = min(reach + DRIFT * rate, ACQUIRED * rate)
            turn = np.exp(-2j * np.pi * before * np.arange(len(piece)))
        followed[start : start + block] = piece * turn
    return followed
