"""How many symbols a second: a linear or frequency modulation repeats its statistics with them.

The magnitude of a signal with excess bandwidth, its product with itself a little later, and
the magnitude of its frequency have lines at the symbol rate: cyclostationarity, W. A. Gardner,
"Exploitation of spectral redundancy in cyclostationary signals", IEEE Signal Processing
Magazine 8 (2), 1991. Where noise hides them, powers of a frequency modulation may still have two
lines that far apart.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Complexes, Floats
from . import carrier, lines, occupied
from .lines import Line

CERTAIN = 6.0  # evidence from which a rate is believed: noise has it once in some hundred searches
NEAR = 0.005  # how near to a line, or a third or half of it, another one belongs to it
FEWEST_SAMPLES = 256


@dataclass(frozen=True)
class SymbolRate:
    """An estimate.

    Attributes:
        rate: symbols a sample; None: none was found, as in analog signals
        evidence: see :class:`lines.Line`; the larger, the surer
    """

    rate: float | None
    evidence: float

    @property
    def confidence(self) -> float:
        """0 … 1: one minus the probability that noise looks like this."""
        return float(1 - np.exp(-max(self.evidence, 0.0)))


@dataclass(frozen=True)
class _View:
    """A quantity of the signal, and where its line is looked for, in widths of the band."""

    margin: float  # of the band around the signal, in widths
    low: float
    high: float


# Between its 15 % points a linear modulation of roll-off 0.2 … 0.5 is 1.1 … 1.35 rates wide; a
# frequency modulation of small index may be a third of the rate.
_MAGNITUDE = _View(0.1, 0.6, 1.1)
_FREQUENCY = (_View(0.25, 0.6, 1.6), _View(1.0, 1.3, 4.2))
# The square of a frequency modulation of index 0.5, and the fourth power of one of 0.25, have two
# lines, one symbol rate apart: those of index 1. Where they lie, the signal itself has little.
_PAIRS = {2: _View(0.3, 0.9, 1.6), 4: _View(0.9, 1.8, 4.5)}
_REACH = 0.25  # how far their middle may be from that of the band, in widths and of the signal
_LAGS = (0.7, 1.0)  # of the products, in inverse widths
_STEP, _SMOOTH = 0.25, 0.4  # of the frequency, likewise


def estimate(samples: Complexes, band: occupied.Band | None = None) -> SymbolRate:
    """The symbol rate of the signal in `samples` ``[n]``, complex baseband.

    For 3 samples a symbol and more; the more symbols, the weaker may be the signal.

    Args:
        samples: complex ``[n]``, of that signal and noise
        band: where it is (None: the strongest one is looked for)

    Raises UserError where no band can be found, see :func:`occupied.strongest`.
    """
    band = band or occupied.strongest(samples)
    if len(samples) < FEWEST_SAMPLES or carrier.unmodulated(samples, band) is not None:
        return SymbolRate(None, 0.0)
    views = [(power, _MAGNITUDE) for power in _of_magnitude(samples, band, _MAGNITUDE)]
    views += [(lines.power(_frequency(samples, band, view)), view) for view in _FREQUENCY]
    width = band.width
    found = [lines.largest(power, view.low * width, view.high * width) for power, view in views]
    best = max(found, key=_evidence)
    several = np.log(len(views))  # that many searches
    if best.evidence > CERTAIN + several:
        best = _lowest(best, [power for power, _ in views], CERTAIN + several)
    else:
        best = _with_pairs(best, _pairs(samples, band))
    evidence = best.evidence - several
    return SymbolRate(best.frequency if evidence > CERTAIN else None, max(evidence, 0.0))


def _evidence(line: Line) -> float:
    return line.evidence


def _of_magnitude(samples: Complexes, band: occupied.Band, view: _View) -> list[Floats]:
    own = occupied.cut(samples, band.center, (1 + 2 * view.margin) * band.width)
    found = [lines.power(np.abs(own))]
    for each in _LAGS:
        lag = max(1, round(each / band.width))
        product = own[lag:] * own[:-lag].conj()
        power = lines.power(product)
        found += [power, np.roll(power[::-1], 1)]  # at positive and at negative frequencies
    return found


def _pairs(samples: Complexes, band: occupied.Band) -> list[Line]:
    """The pair of lines in each of the powers that may have one."""
    found = []
    for order, view in _PAIRS.items():
        own = occupied.cut(samples, band.center, (1 + 2 * view.margin) * band.width)
        power = lines.of_power(own, order)
        reach = order * _REACH * band.width
        found.append(lines.pair(power, view.low * band.width, view.high * band.width, reach))
    return found


def _lowest(best: Line, powers: list[Floats], least: float) -> Line:
    """A line at a third or half of `best` that has `least` evidence, and a quarter of its own.

    The frequency of a smooth pulse may have a larger line at two or three times the rate.
    """
    for part in (3, 2):
        low, high = ((1 + off) * best.frequency / part for off in (-NEAR, NEAR))
        lower = max((lines.largest(power, low, high) for power in powers), key=_evidence)
        if lower.evidence > max(least, best.evidence / 4):
            return lower
    return best


def _with_pairs(best: Line, pairs: list[Line]) -> Line:
    """The surest of a line and the pairs; where two agree, each makes the other one surer."""
    pair = max(pairs, key=_evidence)
    if min(best.evidence, pair.evidence) > 0 and abs(pair.frequency / best.frequency - 1) < NEAR:
        return replace(pair, evidence=best.evidence + pair.evidence)
    return max(best, pair, key=_evidence)


def _frequency(samples: Complexes, band: occupied.Band, view: _View) -> Floats:
    """Magnitude of the frequency beside its mean."""
    own = occupied.cut(samples, band.center, (1 + 2 * view.margin) * band.width)
    step, length = (max(1, round(each / band.width)) for each in (_STEP, _SMOOTH))
    frequency = np.angle(own[step:] * own[:-step].conj())
    frequency = np.convolve(frequency, np.ones(length) / length, "same")
    frequency = frequency - frequency.mean()
    limit = 3 * frequency.std()  # clicks below the threshold of frequency demodulation
    return np.abs(np.clip(frequency, -limit, limit))
