"""Modulated frames for the tests, made without the code that measures them."""

import numpy as np

from robust_amc.data import FrameDataset
from robust_amc.frames import to_iq

SPS = 8
POINTS = {
    "BPSK": np.array([-1, 1]),
    "QPSK": np.exp(0.25j * np.pi * np.array([1, 3, 5, 7])),
    "8PSK": np.exp(0.25j * np.pi * np.arange(8)),
    "QAM16": np.add.outer([-3, -1, 1, 3], 1j * np.array([-3, -1, 1, 3])).ravel() / 10**0.5,
}


def raised_cosine_root(excess, length=2**14):
    """Taps ``[length]``, 8 samples a symbol, by its definition in the frequency domain."""
    f = np.abs(np.fft.fftfreq(length, 1 / SPS))  # in symbol rates
    edge = np.clip((f - (1 - excess) / 2) / max(excess, 1e-9), 0, 1)
    taps = np.fft.ifft(np.cos(np.pi / 2 * edge) * (edge < 1)).real
    return np.fft.fftshift(taps) / np.sqrt((taps**2).sum())


def linear(name, count, rng, excess=0.35, length=128):
    """Frames complex ``[count, length]`` of unit power, random timing and phase, no noise."""
    middle = 2**13
    taps = raised_cosine_root(excess)[middle - 16 * SPS : middle + 16 * SPS + 1]
    total = length // SPS + 64
    symbols = np.zeros((count, total * SPS), complex)
    symbols[:, ::SPS] = rng.choice(POINTS[name], (count, total))
    shaped = np.stack([np.convolve(own, taps, "valid") for own in symbols]) * np.sqrt(SPS)
    starts = rng.integers(0, SPS * 8, count)
    cut = np.stack([own[start : start + length] for own, start in zip(shaped, starts)])
    return cut * np.exp(2j * np.pi * rng.random((count, 1)))


def carrier(count, rng, length=128):
    return np.exp(2j * np.pi * rng.random((count, 1))) * np.ones((1, length))


def noisy(samples, snr_db, rng):
    """With white noise, signal to noise `snr_db` in the whole sample rate."""
    noise = rng.standard_normal(samples.shape) + 1j * rng.standard_normal(samples.shape)
    return samples + noise * np.sqrt(10 ** (-snr_db / 10) / 2)


def dataset(make, seed, count=40, labels=(0, 10, 20), classes=("BPSK", "QPSK"), **more):
    """A data set of cells ``make(name, label, count, rng)``, each frame a run, sum_abs scaled."""
    rng = np.random.default_rng(seed)
    keys = [(i, snr_db) for i in range(len(classes)) for snr_db in labels]
    samples = np.concatenate([make(classes[i], snr_db, count, rng) for i, snr_db in keys])
    samples = samples / np.abs(samples).sum(1, keepdims=True)
    label, snr_db = np.repeat(np.array(keys, float), count, axis=0).T
    fields = {"run_id": np.arange(len(samples), dtype=np.int32), "metadata": {}} | more
    return FrameDataset(
        to_iq(samples), label.astype(np.int16), tuple(classes), snr_db.astype(np.float32), **fields
    )
