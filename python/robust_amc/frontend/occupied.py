"""The averaged spectrum of samples, and the band that one signal occupies in it."""

from dataclasses import dataclass

import numpy as np

from ..arrays import Complexes, Floats
from ..errors import UserError

BINS = 512  # of the spectrum, fewer where there are few samples
SMOOTHED = 5  # bins
FLOOR_QUANTILE = 0.2  # of the bins, which only hold noise
EDGE = 0.15  # of the signal's level, where its band ends
GAP = 6  # bins below that level inside a band


@dataclass(frozen=True)
class Band:
    """Where a signal is, in cycles a sample.

    Attributes:
        low, high: edges, where the density has fallen to 15 % of its level inside
        snr: power of the signal over that of the noise between the edges, a ratio
    """

    low: float
    high: float
    snr: float

    @property
    def center(self) -> float:
        """The middle between the edges."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """From edge to edge."""
        return self.high - self.low


def spectrum(samples: Complexes, bins: int = BINS) -> Floats:
    """Averaged power of `samples` ``[n]`` by frequency, ``[bins]`` from -0.5 to 0.5 cycles each.

    Welch's method (IEEE Trans. Audio Electroacoust. 15, 1967): Hann windows that overlap by
    half. Its sum is the mean power. Raises UserError for fewer samples than bins.
    """
    if len(samples) < bins:
        raise UserError(f"a spectrum of {bins} bins needs as many samples, not {len(samples)}")
    window = np.hanning(bins)
    pieces = np.lib.stride_tricks.sliding_window_view(samples, bins)[:: bins // 2]
    power: Floats = (np.abs(np.fft.fft(pieces * window)) ** 2).mean(0)
    return np.fft.fftshift(power) / (bins * np.sum(window**2))


def strongest(samples: Complexes) -> Band:
    """The Band of the strongest signal among `samples` ``[n]``.

    The noise is white, and at least a fifth of the spectrum holds nothing else. Raises UserError
    for fewer than 64 samples, and for samples that are zero or not finite.
    """
    if len(samples) < 64:
        raise UserError(f"64 samples at least are needed to find a signal, not {len(samples)}")
    bins = min(BINS, 1 << (len(samples) // 4).bit_length() - 1)
    density = spectrum(samples, bins)
    if not np.isfinite(density).all() or not density.any():
        raise UserError("the samples are zero, or not finite")
    smooth = np.hanning(SMOOTHED + 2)[1:-1]
    wrapped = np.pad(density, SMOOTHED // 2, mode="wrap")
    density = np.convolve(wrapped, smooth / smooth.sum(), "valid")
    floor = float(np.quantile(density, FLOOR_QUANTILE))
    signal = density - floor
    inside = signal > EDGE * signal[signal > signal.max() / 2].mean()
    peak = int(signal.argmax())
    low, high = _reach(inside, peak, -1), _reach(inside, peak, 1)
    places = np.arange(low, high + 1) % bins
    noise = max(floor * len(places), 1e-300)
    return Band(
        (low - 0.5) / bins - 0.5,
        (high + 0.5) / bins - 0.5,
        max(float(signal[places].sum()), 0.0) / noise,
    )


def _reach(inside: Floats, peak: int, step: int) -> int:
    """The last bin of a band in a direction; gaps are bridged, the ends of the spectrum too."""
    last, gap = peak, 0
    for place in range(peak + step, peak + step * (len(inside) // 2), step):
        gap = 0 if inside[place % len(inside)] else gap + 1
        if gap > GAP:
            break
        if not gap:
            last = place
    return last


def cut(samples: Complexes, center: float, width: float) -> Complexes:
    """`samples` ``[n]`` with `center` moved to 0, and nothing left beyond `width` around it.

    Both in cycles a sample. Half of the edges' slope lies outside.
    """
    moved = samples * np.exp(-2j * np.pi * center * np.arange(len(samples)))
    distance = np.abs(np.fft.fftfreq(len(samples), 1.0))
    slope = np.clip((width / 2 - distance) / (0.1 * width) + 0.5, 0, 1)
    return np.fft.ifft(np.fft.fft(moved) * slope)
