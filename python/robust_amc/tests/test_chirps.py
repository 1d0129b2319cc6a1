"""Chirps, and what is none: `frontend.chirps`."""

import numpy as np
import pytest

from robust_amc import frontend
from robust_amc.benchmarks import modulated_signals, open_set
from robust_amc.frontend.chirps import chirped

LENGTH = 1 << 14
CHIRPS = ("LoRa chirps, SF 7, half the rate", "chirp through half the rate")


def chirp(slope, length=LENGTH):
    """A carrier whose frequency rises by `slope` cycles a sample, each sample."""
    return np.exp(1j * np.pi * slope * np.arange(length) ** 2)


def noise(length=LENGTH):
    parts = np.random.default_rng(1).standard_normal((2, length)) / np.sqrt(2)
    return parts[0] + 1j * parts[1]


@pytest.mark.parametrize("slope", [2e-4, -2e-4, 1e-5])
@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5])
def test_a_chirp_in_noise(slope, ratio):
    """The product of two samples has power (1 + r)², of which the tone has 1."""
    found = chirped(chirp(slope) + np.sqrt(ratio) * noise())
    assert found == pytest.approx(1 / (1 + ratio) ** 2, abs=0.03)


def test_every_slope_of_a_triangle_has_the_other_too():
    """Up and down alike has no direction: not found, and said so."""
    period, low = 2048, -0.05
    rising = np.linspace(low, -low, period)
    frequency = np.tile(np.concatenate([rising, rising[::-1]]), 4)
    assert chirped(np.exp(2j * np.pi * np.cumsum(frequency))) < 0.1


def test_what_is_no_chirp():
    tone = np.cos(2 * np.pi * 0.01 * np.arange(LENGTH))
    voice = modulated_signals.voice(LENGTH, np.random.default_rng(2))
    for samples in (
        np.full(LENGTH, 1 + 1j),
        np.exp(0.3j * np.arange(LENGTH)),
        noise(),
        1 + 0.5 * tone,
        np.exp(5j * tone),
        1 + 0.5 * voice,
        np.exp(0.3j * np.cumsum(voice)),
        np.zeros(LENGTH, complex),
    ):
        assert chirped(samples + 0j) < 0.1


@pytest.mark.parametrize("name", modulated_signals.DIGITAL)
def test_no_digital_modulation_is_a_chirp(name):
    rng = np.random.default_rng(3)
    for length in (4096, LENGTH):
        made = modulated_signals.signal(name, length, 8.0, 0.35, rng)
        assert chirped(modulated_signals.received(made, 0.003, 20.0, rng)) < 0.15


def test_too_few_samples():
    assert chirped(chirp(2e-3, 4000)) == 0 and chirped(chirp(2e-3, 0)) == 0
    assert chirped(chirp(2e-3, 4096)) > 0.9


def test_a_loud_stretch_counts_no_more_than_its_time():
    """As a glide of a voice does, in half a second of others."""
    samples = noise()
    samples[:3000] += 100 * chirp(2e-4)[:3000]
    assert chirped(samples) < 0.25


@pytest.mark.parametrize("name", CHIRPS)
@pytest.mark.parametrize("snr_db", [20.0, 10.0])
def test_chirps_have_no_frames(name, snr_db):
    rng = np.random.default_rng(4)
    samples = open_set.received(name, snr_db, LENGTH, rng)
    assert len(frontend.bring(samples, frontend.strongest(samples), 128, analog=True).frames) == 0
