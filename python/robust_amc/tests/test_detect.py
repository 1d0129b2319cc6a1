"""Signals in a band of noise: when and where they are, however the stream is cut."""

import numpy as np
import pytest

from robust_amc.benchmarks import modulated_signals
from robust_amc.errors import UserError
from robust_amc.frontend.detect import DetectorSettings, SignalDetector

SPECTRUM = 512 * 8  # samples
SENT = (  # name, center, samples a symbol, first and last sample, SNR in dB over a symbol rate
    ("QPSK", -0.3, 20.0, 12_000, 100_000, 12),
    ("CPFSK", -0.1, 16.0, 50_000, 110_000, 12),
    ("GFSK", 0.05, 40.0, 0, 1 << 18, 12),
    ("8PSK", 0.2, 8.0, 120_000, 200_000, 12),
    ("QPSK", -0.3, 20.0, 150_000, 220_000, 12),
)


def noise(length, seed=0):
    parts = np.random.default_rng(seed).standard_normal((2, length)) / np.sqrt(2)
    return parts[0] + 1j * parts[1]


@pytest.fixture(scope="module")
def band():
    rng = np.random.default_rng(1)
    samples = noise(1 << 18)
    for name, center, period, start, stop, snr_db in SENT:
        made = modulated_signals.signal(name, stop - start, period, 0.35, rng)
        turn = np.exp(2j * np.pi * center * np.arange(stop - start))
        samples[start:stop] += np.sqrt(10 ** (snr_db / 10) / period) * made * turn
    return samples


def found(samples, size, **settings):
    detector = SignalDetector(DetectorSettings(**settings))
    signals = []
    for start in range(0, len(samples), size):
        signals += detector.push(samples[start : start + size])
    return signals + detector.finish(), detector


def test_each_signal_is_found_where_it_is(band):
    signals, detector = found(band, 10_000)
    assert len(signals) == len(SENT) and detector.left_out == 0
    assert detector.samples == 1 << 18
    for _, center, period, start, stop, snr_db in SENT:
        (one,) = [
            each for each in signals
            if abs(each.center - center) < 0.01 and each.start < stop and start < each.stop
        ]  # fmt: skip
        assert abs(one.start - start) <= SPECTRUM and abs(one.stop - stop) <= 2 * SPECTRUM
        assert 0.6 < one.width * period < 1.5
        assert 10 * np.log10(one.snr) == pytest.approx(snr_db, abs=4)
        np.testing.assert_array_equal(
            one.samples[:1000], band[one.start : one.start + 1000].astype(np.complex64)
        )


@pytest.mark.parametrize("size", [777, 1 << 18])
def test_however_the_stream_is_cut(band, size):
    places = [
        [(each.start, each.stop, each.low, each.high) for each in found(band, part)[0]]
        for part in (10_000, size)
    ]
    assert places[0] == places[1]


def test_kept_samples_are_bounded(band):
    signals, _ = found(band, 50_000, longest=5000)
    assert max(len(each.samples) for each in signals) == 5000


def test_further_signals_are_counted(band):
    signals, detector = found(band, 50_000, most=1)
    assert len(signals) >= 1 and detector.left_out > 10
    assert all(abs(each.center - 0.05) < 0.01 for each in signals)  # the first one


def test_noise_alone_is_no_signal():
    assert found(noise(1 << 20, seed=3), 1 << 16)[0] == []


def test_a_carrier_is_one():
    time = np.arange(1 << 17)
    (one,), _ = found(noise(1 << 17) + 0.5 * np.exp(2j * np.pi * 0.21 * time), 1 << 17)
    assert one.center == pytest.approx(0.21, abs=2 / 512) and one.width < 5 / 512


def test_the_level_may_change(band):
    """Noise counts as it is: nothing depends on the gain."""
    for gain in (1e-4, 1e4):
        assert len(found(band * gain, 1 << 18)[0]) == len(SENT)


def test_silence_and_samples_that_are_not_finite(band):
    assert found(np.zeros(1 << 17, complex), 1 << 17)[0] == []
    spoiled = band.copy()
    spoiled[::5000] = np.nan
    assert len(found(spoiled, 1 << 18)[0]) >= len(SENT) - 1
    assert found(noise(1000), 100)[1].samples == 0  # too few for a spectrum


@pytest.mark.parametrize(
    "settings",
    [{"bins": 8}, {"averaged": 0}, {"open_db": 2.0}, {"close_db": 0.0}, {"most": 0},
     {"bridged_bins": -1}, {"open_db": float("inf")}],
)  # fmt: skip
def test_settings_that_make_no_sense(settings):
    with pytest.raises(UserError, match="a detector"):
        DetectorSettings(**settings)


def test_signals_that_go_on_are_told_in_parts(band):
    """The parts of one have its number, follow each other, and are what it is without parts."""
    whole, _ = found(band, 10_000)
    parts, _ = found(band, 10_000, every=5 * SPECTRUM)
    assert sum(each.is_last for each in parts) == len(whole) and len(parts) > 2 * len(whole)
    for one in whole:
        (last,) = [
            each
            for each in parts
            if each.is_last and (each.start, each.stop) == (one.start, one.stop)
        ]
        own = [each for each in parts if each.number == last.number]
        assert own[-1] is last and not any(each.is_last for each in own[:-1])
        assert {each.start for each in own} == {one.start}
        assert last.low == one.low and last.high == one.high and last.snr == one.snr
        told = np.concatenate([each.samples for each in own])
        np.testing.assert_array_equal(told, one.samples[: len(told)])
        assert len(one.samples) - len(told) < 2 * SPECTRUM
        assert [each.stop for each in own] == sorted(each.stop for each in own)


def test_nonsense_for_parts_is_refused():
    with pytest.raises(UserError, match="counts of at least 1"):
        DetectorSettings(every=0)
