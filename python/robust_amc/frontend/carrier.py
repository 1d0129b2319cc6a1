"""Where the carrier of a signal is: the powers of it that have a line, or else its middle."""

from dataclasses import dataclass

import numpy as np

from ..arrays import Complexes, Floats
from ..pulse import EXCESS_BANDWIDTH
from . import lines, occupied

CERTAIN = 4.0  # evidence from which a line is believed
SURE = 20.0  # evidence of the square from which higher powers need not be tried
SUMMED = 5.0  # taken off that of the sums of bins, which exceed their level more often
CONSTANT = 1.15  # kurtosis of the magnitude up to which a signal has a constant envelope
FEWEST_SYMBOLS = 32
NEAR = 0.05  # how far from the middle of its band a linear modulation's carrier may be, in rates
DOMINANT = 0.5  # share of a signal's power in one line, from which that is its carrier
REACH = 0.1  # how far from the middle of the band the carrier may be, in widths, for the square
MARGIN = 0.1  # of the band around the signal, in widths
WIDE = 0.9  # likewise, for the fourth power: its lines lie where the signal has little
RUNS = 0.03  # share of the samples at either end of the frequency: those of runs of equal symbols
DEVIATES = 0.2  # spread of the frequency from which two levels of it are looked for, in rates


@dataclass(frozen=True)
class Carrier:
    """An estimate.

    Attributes:
        frequency: in cycles a sample
        evidence: see :class:`lines.Line`; 0 where it is only the middle of the band
        is_of_square: whether it is half of a single line in the signal's square, as BPSK has it
    """

    frequency: float
    evidence: float
    is_of_square: bool = False

    @property
    def confidence(self) -> float:
        """0 … 1: one minus the probability that noise looks like this."""
        return float(1 - np.exp(-max(self.evidence, 0.0)))


def estimate(
    samples: Complexes, rate: float | None = None, band: occupied.Band | None = None
) -> Carrier:
    """The carrier of the signal in `samples` ``[n]``, complex baseband.

    A linear modulation has a line at m times its carrier in its m-th power: m = 2 for BPSK, of all
    its samples; 4 for QAM and 8 for 8PSK, of its symbols. The square of a frequency modulation of
    index 0.5 has a pair of them, one symbol rate apart, with the carrier between, and the fourth
    power of one of 0.25. Else the middle between two levels of frequency, or the middle of the
    band, is what is left.

    Args:
        samples: complex ``[n]``, of that signal and noise
        rate: symbols a sample, None: there are none
        band: where it is (None: the strongest one is looked for)

    Raises UserError where no band can be found, see :func:`occupied.strongest`.
    """
    band = band or occupied.strongest(samples)
    line = unmodulated(samples, band)
    if line is not None:
        return Carrier(line, np.inf)
    own = occupied.cut(samples, band.center, (1 + 2 * MARGIN) * band.width)
    best = Carrier(0.0, 0.0)
    if rate:
        has_constant_envelope = _kurtosis(own, band.snr) < CONSTANT
        found = [of_square(own, rate, band.width)]
        # Higher powers of BPSK's symbols have lines as well
        if not has_constant_envelope and found[0].evidence < SURE:
            symbols = _symbols(own, rate)
            found += [_of_symbols(symbols, order, rate) for order in (4, 8)]
        best = max(found, key=lambda each: each.evidence)
        if has_constant_envelope and best.evidence < CERTAIN:
            wide = occupied.cut(samples, band.center, (1 + 2 * WIDE) * band.width)
            fourth = _of_power(4, wide, rate, band.width)
            if not fourth.is_of_square:  # a single line is QPSK's, whose clock shows too
                best = fourth
        if best.evidence < CERTAIN:
            best = Carrier(_between_levels(own, rate) if has_constant_envelope else 0.0, 0.0)
    return Carrier(best.frequency + band.center, best.evidence, best.is_of_square)


def unmodulated(samples: Complexes, band: occupied.Band) -> float | None:
    """The frequency of a line that holds half of a signal's power, in cycles a sample.

    None: there is none. An unmodulated carrier has one, and amplitude modulation.
    """
    power = np.abs(np.fft.fft(samples * np.hanning(len(samples)))) ** 2
    distance = (np.fft.fftfreq(len(samples), 1.0) - band.center + 0.5) % 1 - 0.5
    power[np.abs(distance) > band.width / 2] = 0
    around = power + np.roll(power, 1) + np.roll(power, -1)
    place = int(around.argmax())
    if around[place] <= DOMINANT * power.sum() * band.snr / (1 + band.snr):
        return None
    near = np.array([-1, 0, 1])
    center = place + float((power[(place + near) % len(power)] * near).sum() / around[place])
    return (center / len(power) + 0.5) % 1 - 0.5


def _kurtosis(own: Complexes, snr: float) -> float:
    """Mean fourth power of the magnitude over the squared mean square, without the noise's."""
    square = np.abs(own) ** 2
    both = float(np.mean(square**2) / np.mean(square) ** 2)
    return (both * (snr + 1) ** 2 - 4 * snr - 2) / snr**2


def of_square(own: Complexes, rate: float, width: float) -> Carrier:
    """The carrier by the square of a signal around 0: of BPSK and PAM, and of MSK and its like.

    `own` is complex ``[n]``, of that signal alone; `rate` and `width` are its symbols and its
    bandwidth in units of the sample rate.
    """
    return _of_power(2, own, rate, width)


def _of_power(order: int, own: Complexes, rate: float, width: float) -> Carrier:
    """By a single line or a pair in a power of the signal; `is_of_square`: by a single one."""
    spectrum = lines.of_power(own, order)
    reach = min(order * REACH * width, lines.HIGHEST)
    # Pulses put further lines a rate beside the one, or beside both of the pair
    single = spectrum + 2 * _lower(spectrum, rate)
    pair = 2 * _lower(spectrum, rate / 2) + 2 * _lower(spectrum, 1.5 * rate)
    size = len(spectrum)
    inside = np.arange(-int(reach * size), int(reach * size) + 1)
    is_single = bool(single[inside].max() > pair[inside].max())
    line = lines.largest(single if is_single else pair, -reach, reach)
    return Carrier(line.frequency / order, line.evidence - SUMMED, is_single)


def _symbols(own: Complexes, rate: float) -> Complexes:
    """A signal around 0 where its magnitude says that its symbols are (Oerder and Meyr, 1988)."""
    time = np.arange(len(own))
    own = _matched(own, rate)
    phase = np.angle(np.sum(np.abs(own) ** 2 * np.exp(-2j * np.pi * rate * time)))
    first = -phase / (2 * np.pi * rate) % (1 / rate)
    at = np.arange(first, len(own) - 1, 1 / rate)
    return np.interp(at, time, own.real) + 1j * np.interp(at, time, own.imag)


def _matched(own: Complexes, rate: float) -> Complexes:
    """A signal around 0 through the root raised cosine of RML2016, whatever its own pulse is."""
    place = np.abs(np.fft.fftfreq(len(own), 1.0)) / rate  # 0.5 is half a symbol rate
    slope = np.clip((place - (1 - EXCESS_BANDWIDTH) / 2) / EXCESS_BANDWIDTH, 0, 1)
    return np.fft.ifft(np.fft.fft(own) * np.cos(np.pi / 2 * slope))


def _of_symbols(symbols: Complexes, order: int, rate: float) -> Carrier:
    """The carrier by the `order`-th power of symbols, near the middle of the band.

    Beyond rate / (2·order) it would be ambiguous.
    """
    if len(symbols) < FEWEST_SYMBOLS:
        return Carrier(0.0, 0.0)
    magnitude = np.maximum(np.abs(symbols), 1e-12)
    spectrum = lines.power(symbols**order / magnitude ** (order - 2))
    line = lines.largest(spectrum, -order * NEAR, order * NEAR)
    return Carrier(line.frequency * rate / order, line.evidence)


def _lower(spectrum: Floats, distance: float) -> Floats:
    """The lower one of the two bins so far below and above each, in cycles a sample."""
    shift = round(distance * len(spectrum))
    return np.minimum(np.roll(spectrum, shift), np.roll(spectrum, -shift))


def _between_levels(own: Complexes, rate: float) -> float:
    """The middle between the two levels of a frequency modulation; 0 where there are none."""
    length = max(1, round(0.5 / rate))
    frequency = np.angle(own[1:] * own[:-1].conj()) / (2 * np.pi)
    frequency = np.convolve(frequency, np.ones(length) / length, "valid")
    low, high = np.quantile(frequency, [RUNS, 1 - RUNS])
    return float(low + high) / 2 if high - low > DEVIATES * rate else 0.0
