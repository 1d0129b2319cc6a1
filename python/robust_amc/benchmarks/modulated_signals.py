"""Modulated signals of any rate, offset and noise, to try the estimates on."""

from collections.abc import Callable

import numpy as np

from .. import impairments
from ..arrays import Complexes, Floats
from ..evaluation.ceiling import CONSTELLATIONS
from ..pulse import EXCESS_BANDWIDTH, root_raised_cosine

SPAN = 8  # symbols on either side that a pulse is taken for
FINER = 8  # times the rate at which a phase is integrated
INDEX = {"CPFSK": (0.5, None), "GFSK": (0.5, 0.35), "GFSK, index 0.25": (0.25, 0.35)}
DIGITAL = (*CONSTELLATIONS, *INDEX)
IN_BAND = 1 + EXCESS_BANDWIDTH  # symbol rates that an SNR is over
Draw = np.random.Generator


def linear(points: Complexes, length: int, period: float, rolloff: float, rng: Draw) -> Complexes:
    """A linear modulation of symbols drawn from `points`, one a `period` samples, ``[length]``."""
    count = int(length / period) + 2 * SPAN + 3
    symbols = points[rng.integers(len(points), size=count)]
    time = np.arange(length) / period + SPAN + rng.random()
    near = np.floor(time).astype(int)[:, None] + np.arange(1 - SPAN, SPAN + 1)
    pulse = root_raised_cosine(time[:, None] - near, rolloff)
    return (symbols[near] * pulse).sum(1)


def frequency_shift(
    index: float, bandwidth: float | None, length: int, period: float, rng: Draw
) -> Complexes:
    """Binary continuous-phase FSK of a modulation index, ``[length]``.

    `bandwidth` is that of the Gaussian filter times the symbol period (None: no filter).
    """
    bits = 2.0 * rng.integers(2, size=int(length / period) + 3) - 1
    time = np.arange(length * FINER) / (FINER * period) + rng.random()
    frequency = bits[time.astype(int)]
    if bandwidth is not None:
        spread = np.sqrt(np.log(2)) / (2 * np.pi * bandwidth) * period * FINER
        place = np.arange(-int(4 * spread) - 1, int(4 * spread) + 2)
        filter_taps = np.exp(-0.5 * (place / spread) ** 2)
        frequency = np.convolve(frequency, filter_taps / filter_taps.sum(), "same")
    phase = np.pi * index * np.cumsum(frequency) / (FINER * period)
    return np.exp(1j * phase[::FINER])


def voice(length: int, rng: Draw) -> Floats:
    """Noise with most of its power at low frequencies, as speech has it, ``[length]``, power 1."""
    white = rng.standard_normal(length + 200)
    shaped = np.convolve(white, 0.97 ** np.arange(200), "valid")[:length]
    return shaped / shaped.std()


ANALOG: dict[str, Callable[[int, float, Draw], Complexes]] = {
    "noise in a band": lambda length, period, rng: np.fft.ifft(
        np.fft.fft(rng.standard_normal((2, length)).T @ np.array([1, 1j]))
        * (np.abs(np.fft.fftfreq(length, 1.0)) < 0.5 / period)
    ),
    "FM": lambda length, period, rng: np.exp(1j * np.cumsum(voice(length, rng)) * 0.8 / period),
    "AM": lambda length, period, rng: (1 + 0.3 * voice(length, rng)).astype(complex),
    "carrier": lambda length, period, rng: np.ones(length, complex),
}


def signal(name: str, length: int, period: float, rolloff: float, rng: Draw) -> Complexes:
    """A signal by its name in DIGITAL or ANALOG, complex ``[length]``, mean power 1.

    `period` is in samples a symbol; an analog signal is about as wide as a digital one of it.
    """
    if name in CONSTELLATIONS:
        made = linear(CONSTELLATIONS[name].points, length, period, rolloff, rng)
    elif name in INDEX:
        made = frequency_shift(*INDEX[name], length, period, rng)
    else:
        made = ANALOG[name](length, period, rng)
    return made / np.sqrt(np.mean(np.abs(made) ** 2))


def received(samples: Complexes, offset: float, snr_db: float, rng: Draw) -> Complexes:
    """A signal of power 1 with a carrier `offset` in cycles a sample, a phase, and white noise.

    `snr_db` is over the whole band of the samples.
    """
    turn = np.exp(2j * np.pi * (offset * np.arange(len(samples)) + rng.random()))
    noise = rng.standard_normal((2, len(samples))) * np.sqrt(10 ** (-snr_db / 10) / 2)
    return samples * turn + noise[0] + 1j * noise[1]


def impaired(
    samples: Complexes, period: float, offset: float, snr_db: float, rng: Draw
) -> tuple[Complexes, Complexes]:
    """A signal behind a channel of echoes, and as a receiver with its own impairments hears it.

    Both complex ``[n]``; impairments as those of mode `field`, but for neighbors. `period` is in
    samples a symbol, `snr_db` over 1.35 symbol rates; see :func:`received`.
    """
    drawn = impairments.draw(impairments.ImpairmentSettings(), 1, len(samples), period, rng)
    sent = drawn.channel(samples[None])[0]
    power = np.mean(np.abs(sent) ** 2)
    whole_band_db = snr_db + 10 * np.log10(IN_BAND / period / power)
    return sent, drawn.receiver(received(sent, offset, whole_band_db, rng)[None])[0]
