"""All that is estimated of one signal, in one go."""

from dataclasses import dataclass

from ..arrays import Complexes
from . import carrier, occupied, symbol_rate
from .carrier import Carrier
from .occupied import Band
from .symbol_rate import SymbolRate


@dataclass(frozen=True)
class Signal:
    """What is known of a signal; frequencies in cycles a sample, the rate in symbols a sample."""

    band: Band
    symbol_rate: SymbolRate
    carrier: Carrier


def analyze(samples: Complexes, band: Band | None = None) -> Signal:
    """A signal among `samples` ``[n]``, complex baseband.

    `band` says where it is; None: the strongest one is looked for, in white noise. Raises UserError
    for fewer than 64 samples, and for samples that are zero or not finite.
    """
    band = band or occupied.strongest(samples)
    rate = symbol_rate.estimate(samples, band)
    return Signal(band, rate, carrier.estimate(samples, rate.rate, band))
