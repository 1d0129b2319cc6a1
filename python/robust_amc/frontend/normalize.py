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
CERTAIN = 8.0  # evidence from which a block's carrier is believed
MEDIAN = 5  # blocks
DRIFT = 0.02  # of the rate, that a carrier moves within them
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

    For the carriers of BPSK and its like that drift, as those of satellites do: see
    Carrier.is_of_square. In each block the carrier is looked for by itself. What is off by more
    than 2 % of the rate from the median of five blocks is replaced by that median, and where
    nothing is found neighbors count. The phase is not continuous from block to block.

    Args:
        samples: complex ``[n]``, the carrier within 10 % of the rate of 0
        rate: symbols a sample
        block: samples
    """
    starts = np.arange(0, len(samples), block)
    found = np.full(len(starts), np.nan)
    for number, start in enumerate(starts):
        piece = samples[start : start + block]
        if len(piece) == block:
            each = carriers.of_square(piece, rate, KEPT * rate)
            if each.is_of_square and each.evidence > CERTAIN:
                found[number] = each.frequency
    known = np.flatnonzero(np.isfinite(found))
    if not len(known):
        return samples
    values = found[known]
    padded = np.pad(values, MEDIAN // 2, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN), 1)
    values = np.where(np.abs(values - medians) > DRIFT * rate, medians, values)
    frequency = np.interp(np.arange(len(starts)), known, values)
    return samples * np.exp(
        -2j * np.pi * np.repeat(frequency, block)[: len(samples)] * np.arange(len(samples))
    )
