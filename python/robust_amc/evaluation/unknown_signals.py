"""Signals that are none of the classes of RML2016, for seeing what a rejector makes of them.

Each generator takes a numpy.random.Generator, the number of frames and their length, and gives
complex frames ``[count, length]`` of mean power 1: noise-free, at complex baseband, with a random
phase of the carrier and a random timing of the symbols. Frequencies are in cycles a sample; where
there are symbols, one has 8 samples, as in the data sets of the models.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

Complexes = npt.NDArray[np.complexfloating[Any, Any]]
Floats = npt.NDArray[np.floating[Any]]
Generator = Callable[[np.random.Generator, int, int], Complexes]
SAMPLES_PER_SYMBOL = 8


def white_noise(rng: np.random.Generator, count: int, length: int) -> Complexes:
    """Circular complex Gaussian noise, white over the whole rate."""
    parts = rng.standard_normal((2, count, length)) / np.sqrt(2)
    return parts[0] + 1j * parts[1]


def band_noise(rng: np.random.Generator, count: int, length: int, width: float) -> Complexes:
    """Gaussian noise in a band of `width` around 0, its spectrum rectangular."""
    size = 4 * length
    spectrum = np.fft.fft(white_noise(rng, count, size))
    spectrum[:, np.abs(np.fft.fftfreq(size, 1.0)) > width / 2] = 0
    return _unit_power(np.fft.ifft(spectrum)[:, :length])


def carrier(
    rng: np.random.Generator, count: int, length: int, frequency: float | None = None
) -> Complexes:
    """An unmodulated carrier at `frequency`; None: at one of its own in each frame."""
    drawn = rng.uniform(-0.5, 0.5, (count, 1))
    place = drawn if frequency is None else np.full((count, 1), frequency)
    return _turned(rng, np.exp(2j * np.pi * place * np.arange(length)))


def ofdm(
    rng: np.random.Generator,
    count: int,
    length: int,
    subcarriers: int = 64,
    used: int = 52,
    prefix: int = 16,
) -> Complexes:
    """OFDM with QPSK on the `used` subcarriers around 0, and a cyclic prefix, as in 802.11a."""
    symbols = -(-length // (subcarriers + prefix)) + 1
    places = np.r_[1 : used // 2 + 1, -(used // 2) : 0]
    spectrum = np.zeros((count, symbols, subcarriers), complex)
    quarter = rng.integers(0, 4, (count, symbols, used))
    spectrum[..., places] = np.exp(0.5j * np.pi * (quarter + 0.5))
    body = np.fft.ifft(spectrum) * subcarriers / np.sqrt(used)
    samples = np.concatenate([body[..., -prefix:], body], axis=-1).reshape(count, -1)
    return _turned(rng, _cut(rng, samples, length, subcarriers + prefix))


def chirp(rng: np.random.Generator, count: int, length: int, sweep: float) -> Complexes:
    """A linear chirp through a band of `sweep` around 0 in each frame, upward or downward."""
    time = np.arange(length) / length
    phase = 2 * np.pi * length * sweep * (time**2 - time) / 2
    return _turned(rng, np.exp(1j * rng.choice([-1, 1], (count, 1)) * phase))


def chirp_spread_spectrum(
    rng: np.random.Generator, count: int, length: int, spreading_factor: int, width: float
) -> Complexes:
    """Cyclically shifted upward chirps through a band of `width` around 0, as LoRa sends them."""
    chips = 1 << spreading_factor
    samples = round(chips / width)
    symbols = -(-length // samples) + 1
    shift = rng.integers(0, chips, (count, symbols, 1)) / chips
    frequency = width * ((shift + np.arange(samples) / samples) % 1 - 0.5)
    phase = 2 * np.pi * np.cumsum(frequency.reshape(count, -1), axis=1)
    return _turned(rng, _cut(rng, np.exp(1j * phase), length, samples))


def fsk(
    rng: np.random.Generator, count: int, length: int, levels: int, index: float
) -> Complexes:
    """FSK of continuous phase with `levels` equally likely tones and a modulation `index`.

    Neighboring tones are `index` symbol rates apart; the pulses are rectangular.
    """
    symbols = 2 * rng.integers(0, levels, (count, _symbols(length))) - (levels - 1)
    frequency = np.repeat(symbols, SAMPLES_PER_SYMBOL, axis=1) * index / 2 / SAMPLES_PER_SYMBOL
    phase = 2 * np.pi * np.cumsum(frequency, axis=1)
    return _turned(rng, _cut(rng, np.exp(1j * phase), length, SAMPLES_PER_SYMBOL))


def on_off_keying(rng: np.random.Generator, count: int, length: int) -> Complexes:
    """On-off keying of a carrier with rectangular pulses; at least one symbol of a frame is on."""
    symbols = rng.integers(0, 2, (count, _symbols(length))).astype(float)
    symbols[:, 2] = 1
    keyed = np.repeat(symbols, SAMPLES_PER_SYMBOL, axis=1)
    return _turned(rng, _unit_power(_cut(rng, keyed, length, SAMPLES_PER_SYMBOL)))


def pulse_position(
    rng: np.random.Generator, count: int, length: int, samples_per_chip: int
) -> Complexes:
    """Pulses in the first or the second half of each bit, as in ADS-B (mode S)."""
    bits = rng.integers(0, 2, (count, -(-length // (2 * samples_per_chip)) + 1))
    chips = np.stack([bits, 1 - bits], axis=2).reshape(count, -1).astype(float)
    pulses = np.repeat(chips, samples_per_chip, axis=1)
    return _turned(rng, _unit_power(_cut(rng, pulses, length, 2 * samples_per_chip)))


SIGNALS: dict[str, Generator] = {
    "white noise": white_noise,
    "noise in a quarter of the rate": partial(band_noise, width=0.25),
    "carrier at 0": partial(carrier, frequency=0.0),
    "carrier at 0.1 of the rate": partial(carrier, frequency=0.1),
    "carriers anywhere": carrier,
    "OFDM, 52 of 64 subcarriers": ofdm,
    "chirp through half the rate": partial(chirp, sweep=0.5),
    "LoRa chirps, SF 7, half the rate": partial(
        chirp_spread_spectrum, spreading_factor=7, width=0.5
    ),
    "2-FSK, index 1": partial(fsk, levels=2, index=1.0),
    "2-FSK, index 4": partial(fsk, levels=2, index=4.0),
    "4-FSK, index 1": partial(fsk, levels=4, index=1.0),
    "OOK": on_off_keying,
    "pulse position (ADS-B), 2 samples a chip": partial(pulse_position, samples_per_chip=2),
}
NOISE_ALONE = "white noise"  # to which no noise is added


def received(name: str, count: int, length: int, snr_db: float, seed: int) -> Complexes:
    """Frames ``[count, length]`` of a signal of SIGNALS with white noise; the same for a seed.

    `snr_db` is the SNR in the whole rate, in dB.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    samples = SIGNALS[name](rng, count, length)
    if name == NOISE_ALONE:
        return samples
    return samples + white_noise(rng, count, length) * 10 ** (-snr_db / 20)


def _symbols(length: int) -> int:
    """Symbols that are enough for a frame with any timing."""
    return max(3, -(-length // SAMPLES_PER_SYMBOL) + 1)


def _cut(
    rng: np.random.Generator, samples: npt.NDArray[Any], length: int, period: int
) -> npt.NDArray[Any]:
    """Frames of `length` from longer ones, each beginning anywhere in a period."""
    first = rng.integers(0, period, (len(samples), 1))
    return np.take_along_axis(samples, first + np.arange(length), axis=1)


def _turned(rng: np.random.Generator, samples: npt.NDArray[Any]) -> Complexes:
    """With a random phase of the carrier in each frame."""
    return samples * np.exp(2j * np.pi * rng.random((len(samples), 1)))


def _unit_power(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each frame of mean power 1."""
    return samples / np.sqrt((np.abs(samples) ** 2).mean(axis=1, keepdims=True))
