"""A signal as a model takes it: at a fixed number of samples a symbol, its carrier at 0."""

from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

from ..arrays import Complexes
from ..errors import UserError
from . import occupied

FINEST = 1000  # denominator of the ratio of rates: off by less than 10⁻⁶
SLOWEST, FASTEST = 1e-4, 0.5  # symbols a sample
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
