"""Measures of frames; expected values come from theory."""

import numpy as np
import pytest

from robust_amc.comparison import measures as m
from robust_amc.comparison.constellation import symbols, symmetry
from robust_amc.errors import UserError
from robust_amc.frames import to_iq
from robust_amc.pulse import root_raised_cosine

from .signals import POINTS, carrier, linear, noisy, raised_cosine_root

RNG = np.random.default_rng


def measured(samples):
    return m.measure(to_iq(samples))


def medians(samples):
    """Of the frames that have a value; those without are left out."""
    found = {name: own[np.isfinite(own)] for name, own in measured(samples).items()}
    return {name: np.median(own) for name, own in found.items() if len(own)}


@pytest.mark.parametrize("snr_db", [0, 10, 30, 50])
@pytest.mark.parametrize("length", [128, 1024])
def test_snr(snr_db, length):
    rng = RNG(1)
    found = medians(noisy(linear("QPSK", 200, rng, length=length), snr_db, rng))["snr_db"]
    # the noise in the band is below the floor's mean by nothing, the signal's power varies
    assert found == pytest.approx(snr_db, abs=0.5)


def test_snr_does_not_depend_on_level_or_frequency():
    rng = RNG(2)
    samples = noisy(linear("QPSK", 50, rng), 20, rng)
    shifted = 1e-3 * samples * np.exp(2j * np.pi * 0.05 * np.arange(128))
    for name in ("snr_db", "bandwidth"):
        np.testing.assert_allclose(medians(shifted)[name], medians(samples)[name], rtol=0.03)


def test_noise_has_no_snr():
    rng = RNG(3)
    for length in (128, 1024):
        found = measured(noisy(np.zeros((200, length)), 0, rng))
        assert np.median(found["snr_db"]) < m.lowest_snr_db(length) - 3
        assert np.isnan(found["c42"]).all() and np.isnan(found["bandwidth"]).all()
        assert np.isnan(found["bare"]).all()
    assert m.lowest_snr_db(1024) < m.lowest_snr_db(128) < 0


def test_energy_of_carrier_and_noise():
    rng = RNG(4)
    assert medians(carrier(5, rng))["energy"] == pytest.approx(1 / 128)
    found = np.mean(measured(noisy(np.zeros((2000, 128)), 0, rng))["energy"])
    assert found == pytest.approx(4 / np.pi / 128, rel=0.01)


@pytest.mark.parametrize("excess", [0.1, 0.35, 0.8])
def test_bandwidth_of_shaped_symbols(excess):
    """99 % of the power of a raised cosine spectrum, found from the spectrum itself."""
    spectrum = np.abs(np.fft.fft(raised_cosine_root(excess, 2**14))) ** 2
    share = np.cumsum(np.fft.fftshift(spectrum)) / spectrum.sum()
    expected = np.ptp(np.flatnonzero((share > 0.005) & (share < 0.995))) / 2**14
    rng = RNG(5)
    found = medians(noisy(linear("QPSK", 100, rng, excess, 1024), 30, rng))["bandwidth"]
    assert found == pytest.approx(expected, abs=0.004)


def test_bandwidth_of_tones():
    """Two equal tones: their distance and a little more, whatever the noise."""
    time = np.arange(128)
    tones = np.exp(2j * np.pi * 0.1 * time) + np.exp(-2j * np.pi * 0.1 * time)
    rng = RNG(6)
    for snr_db in (20, 40):
        found = medians(noisy(np.tile(tones, (50, 1)), snr_db, rng))["bandwidth"]
        assert 0.2 < found < 0.2 + 4 / 128


def cumulant(points):
    """|C40| and C42 of equally likely points of unit power, without pulse shaping."""
    c20 = np.mean(points**2)
    c42 = np.mean(np.abs(points) ** 4) - abs(c20) ** 2 - 2
    return abs(np.mean(points**4) - 3 * c20**2), c42


@pytest.mark.parametrize("name", list(POINTS))
@pytest.mark.parametrize("snr_db", [12, 40])
def test_cumulants_of_rectangular_pulses(name, snr_db):
    """Of held symbols, at any SNR, those of the constellation (Swami and Sadler, table I)."""
    rng = RNG(7)
    points = POINTS[name]
    held = rng.choice(points, (60, 256)).repeat(16, axis=1)
    # held symbols fill the band: the noise is seen once their skirts are cut, as in a receiver
    bins = np.fft.fft(held)
    bins[:, np.abs(np.fft.fftfreq(4096)) > 0.3] = 0
    found = medians(noisy(np.fft.ifft(bins), snr_db, rng))
    c40, c42 = cumulant(points)
    assert found["c40"] == pytest.approx(c40, abs=0.1)
    assert found["c42"] == pytest.approx(c42, abs=0.1)


def test_cumulants_in_numbers():
    """The published values for BPSK and QPSK, so that `cumulant` above is not alone."""
    assert cumulant(POINTS["BPSK"]) == pytest.approx((2, -2))
    assert cumulant(POINTS["QPSK"]) == pytest.approx((1, -1))
    assert cumulant(POINTS["QAM16"]) == pytest.approx((0.68, -0.68))


def test_bare_carriers():
    rng = RNG(8)
    time = np.arange(128)
    audio = np.cos(2 * np.pi * time / 100 + 2 * np.pi * rng.random((60, 1)))
    still = carrier(60, rng)
    kinds = {
        "bare": still,
        "silent": still * (1 + 0.003 * audio),
        "am": still * (1 + 0.3 * audio),
        "fm": still * np.exp(2j * audio),
        "qpsk": linear("QPSK", 60, rng),
    }
    for snr_db in (15, 40):
        share = {
            name: np.nanmean(measured(noisy(own, snr_db, rng))["bare"])
            for name, own in kinds.items()
        }
        assert share["bare"] > 0.9 and share["silent"] > 0.9, share
        assert share["am"] == share["fm"] == share["qpsk"] == 0, share


def test_fills_band():
    rng = RNG(9)
    turns = np.sign(rng.standard_normal((60, 16))).repeat(8, axis=1) * np.pi / 16
    shift_keyed = np.exp(1j * np.cumsum(turns, axis=1))  # its side lobes never end
    assert m.fills_band(m.spectrum(noisy(shift_keyed, 50, rng)))
    assert not m.fills_band(m.spectrum(noisy(shift_keyed, 10, rng)))
    for count in (5, 60):
        for other in (linear("QPSK", count, rng), np.zeros((count, 128))):
            assert not m.fills_band(m.spectrum(noisy(other, 20, rng)))


def test_spectrum_of_white_noise_is_its_power():
    noise = noisy(np.zeros((400, 64)), -6, RNG(10))
    assert m.spectrum(noise).mean() == pytest.approx(10**0.6, rel=0.03)


def test_signal_without_noise_and_silence_in_part():
    """Nothing is divided by zero."""
    samples = linear("QPSK", 10, RNG(11))
    samples[5:, 20:] = 0
    with np.errstate(all="raise"):
        found = measured(samples)
    assert np.isfinite(found["snr_db"]).all() and np.median(found["snr_db"][:5]) > 40


def test_too_short():
    with pytest.raises(UserError, match="16 samples are too short"):
        measured(linear("QPSK", 3, RNG(12), length=16))
    measured(linear("QPSK", 3, RNG(12), length=32))


@pytest.mark.parametrize("name", list(POINTS))
def test_symbols_are_recovered(name):
    rng = RNG(13)
    found = symbols(to_iq(noisy(linear(name, 40, rng, length=256), 35, rng)), name)
    nearest = np.abs(found[..., None] - POINTS[name]).min(-1)
    # the sampling phase is known to a quarter of a sample, the mean power to a few percent
    assert np.median(nearest) < 0.12
    spacing = np.abs(POINTS[name][:, None] - POINTS[name]) + 9 * np.eye(len(POINTS[name]))
    assert np.median(nearest) < spacing.min() / 4


def test_symbols_only_of_linear_modulations():
    iq = to_iq(linear("QPSK", 4, RNG(14)))
    assert symbols(iq, "WBFM") is None and symbols(iq[:, :, :64], "QPSK") is None
    known = {"BPSK": 2, "PAM4": 2, "8ASK": 2, "QPSK": 4, "QAM64": 4, "32QAM": 4, "16PSK": 16}
    assert {name: symmetry(name) for name in known} == known
    for name in ("AM-DSB", "GFSK", "CPFSK", "FM", "GMSK", "PSK", "noise"):
        assert symmetry(name) is None, name


def test_root_raised_cosine():
    """Against its spectrum, zeros of the closed form included."""
    time = np.arange(-64, 65) / 8
    expected = raised_cosine_root(0.35)[2**13 - 64 : 2**13 + 65]
    found = root_raised_cosine(time)
    np.testing.assert_allclose(found / found[64], expected / expected[64], atol=1e-3)
    edge = root_raised_cosine(np.array([1 / (4 * 0.35) - 1e-4, 1 / (4 * 0.35)]))
    assert edge[1] == pytest.approx(edge[0], abs=1e-3)
