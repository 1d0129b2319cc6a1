"""A signal as a model takes it: at a fixed number of samples a symbol, its carrier at 0."""

from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

from ..arrays import Complexes, Floats
from ..errors import UserError
from . import carrier as carriers
from . import occupied

FINEST = 1000  # denominator of the ratio of rates: off by less than 10⁻⁶
SLOWEST, FASTEST = 1e-4, 0.5  # symbols a sample
CERTAIN = 8.0  # evidence from which a block's carrier is believed
MEDIAN = 5  # blocks
DRIFT = 0.02  # of the rate, that a carrier moves within them
KEPT = 1.6  # bandwidth that is kept, in symbol rates: roll-off 0.5 and a rest of offset
SHARE = 0.9  # of the power of a linear modulation lies in
WIDTH = 0.9  # symbol rates, whatever its roll-off: 0.88 … 0.91
AROUND = 3.0  # bandwidths, in which a signal's power is looked for
BINS = 512  # of the spectrum
LINE = 3  # bins on either side of a carrier, which are the line's own
SURE = 3.0  # standard deviations of the noise's power, above which there is more than noise
SIDEBANDS, NOISE = 1e-3, 0.2  # of the power, and of all noise: AM has that much beside its carrier
LEAST = 1e-5  # of the power, which a window's side lobes hold
# In standard deviations from the mean of a Gaussian value: the lowest fifth, and the mean, of the
# value itself, and of the lower of two
_ONE, _LOWER = (-0.842, 0.0), (-1.251, -0.564)


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


def by_width(
    samples: Complexes, band: occupied.Band | None = None, strict: bool = False
) -> tuple[float, float] | None:
    """Carrier and rate that :func:`normalize` takes for a signal that has no symbols.

    Analog signals are brought to one bandwidth: what holds 90 % of the power is as wide as in a
    linear modulation, 0.9 rates, from 5 % to 95 % of it counted from low frequencies. In the middle
    between these is the carrier; so it is for SSB, of either sideband. Of AM, which has
    a line with half of the power, the line is the carrier, and the power is that of what lies
    on both sides of it alike: neither the line nor a neighbor on one side. Noise is taken off, at
    the level of the lowest fifth of the spectrum.

    In units of the sample rate; None for a carrier without sidebands, or where noise hides them.

    Args:
        samples: complex ``[n]``, of that signal and white noise, 512 at least
        band: where it is (None: the strongest one is looked for)
        strict: take faint sidebands for none, as a receiver has to, whose noise is not quite white

    Raises UserError where no band can be found, see :func:`occupied.strongest`.
    """
    band = band or occupied.strongest(samples)
    line = carriers.unmodulated(samples, band)
    center = band.center if line is None else line
    time = np.arange(len(samples))
    density = occupied.spectrum(samples * np.exp(-2j * np.pi * center * time), BINS)
    spread = 1 / np.sqrt(2 * len(samples) / BINS - 1)  # of the noise in a bin, over its mean
    place = np.arange(-(BINS // 2), BINS // 2)
    if line is None:
        first, last = 0, int(np.clip(AROUND * band.width * BINS / 2, LINE, BINS // 2))
        floor = _floor(density, _ONE, spread)
    else:
        first, last = LINE + 1, BINS // 2
        density = np.minimum(density, np.roll(density[::-1], 1))  # place k beside place -k
        floor = _floor(density, _LOWER, spread)
    excess = density - floor
    # As far from the middle as the sum rises beyond what it does in noise
    distance = np.abs(place)
    added = np.bincount(distance, excess)[first : last + 1].cumsum()
    gained = added - SURE * spread * floor * np.sqrt(2 * np.arange(1, len(added) + 1))
    best = int(gained.argmax())
    least = LEAST * density.sum()
    if strict and line is not None:
        least = max(SIDEBANDS * density.sum(), NOISE * floor * BINS)
    if gained[best] <= least:
        return None
    inside = (distance >= first) & (distance <= first + best)
    # Noise makes the sum fall here and there: its largest value so far counts
    reached = np.maximum.accumulate(np.where(inside, excess, 0.0).cumsum())
    ends = np.array([1 - SHARE, 1 + SHARE]) / 2 * reached[-1]
    low, high = np.interp(ends, reached, place + 0.5) / BINS
    if line is None:
        center += (low + high) / 2
    rate = min(max((high - low) / WIDTH, SLOWEST), FASTEST)
    return float((center + 0.5) % 1 - 0.5), float(rate)


def _floor(density: Floats, of_what: tuple[float, float], spread: float) -> float:
    """Mean noise in a bin, where at least its lowest fifth holds nothing else."""
    fifth, mean = of_what
    lowest = float(np.quantile(density, occupied.FLOOR_QUANTILE))
    return lowest * max(1 + mean * spread, 0.1) / max(1 + fifth * spread, 0.1)


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
