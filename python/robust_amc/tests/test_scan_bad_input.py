"""What a band should not be like: a scan says what is there or nothing, and no wrong label."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sigmf

from robust_amc.benchmarks import modulated_signals
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.cli import scan as scan_command
from robust_amc.data.formats.sample_file import to_float
from robust_amc.errors import UserError
from robust_amc.frontend.detect import MOST_BINS, DetectorSettings, SignalDetector
from robust_amc.streams.captures import CaptureCutter
from robust_amc.streams.clipping import ClippingMeter
from robust_amc.streams.recording import Recording
from robust_amc.streams.scan import ScannedSignal, Scanner
from robust_amc.streams.waterfall import MOST_BOXES, Waterfall

RATE, LENGTH, SPECTRUM = 1e6, 1 << 16, 512 * 8
TIME = np.arange(LENGTH)
SIGNAL = ScannedSignal(0.0, 1.0, 0.0, 1e4, -5e3, 5e3, 5e3, 10.0, "BPSK", 0.9, 20)


def noise(length=LENGTH, level=0.01, seed=0):
    parts = np.random.default_rng(seed).standard_normal((2, length)) * level
    return parts[0] + 1j * parts[1]


def tone(frequency, level):
    return level * np.exp(2j * np.pi * frequency * TIME)


def band(name="QPSK", period=20.0, center=0.1, level=0.05, start=SPECTRUM, stop=LENGTH - SPECTRUM):
    """Noise, and a signal in it of `period` samples a symbol."""
    rng = np.random.default_rng(1)
    samples = noise()
    made = modulated_signals.signal(name, stop - start, period, 0.35, rng)
    samples[start:stop] += level * made * np.exp(2j * np.pi * center * np.arange(stop - start))
    return samples


def clipped(samples, limit):
    return np.clip(samples.real, -limit, limit) + 1j * np.clip(samples.imag, -limit, limit)


@pytest.fixture(scope="module")
def scanner():
    return Scanner(Classifier.load("residual_nr"), RATE, most_frames=24)


def rows(scanner, samples):
    detector = SignalDetector()
    return [scanner.scan(each) for each in [*detector.push(samples), *detector.finish()]]


UNLABELED = {  # samples: how many signals at most
    "a strong carrier": (noise() + tone(0.2, 3), 1),
    "a DC spike": (noise() + 0.3, 1),
    "silence": (np.zeros(LENGTH), 0),
    "clipped noise": (clipped(noise(level=1), 0.3), 0),
    "a signal as wide as the band": (band(period=1.02, center=0.0, level=0.5), 1),
    "a signal wider than most of it": (band(period=1.5, center=0.0, level=0.5), 1),
    "clicks": (noise() + 50 * (TIME % 5000 == 0), 4),
    "a chirp": (noise() + tone(-0.4 + 0.4 * TIME / LENGTH, 0.3), 1),
    "a tone in FM": (noise() + 0.2 * np.exp(1j * 3 * np.sin(2 * np.pi * TIME / 400)), 1),
    "a faster tone in FM": (noise() + 0.2 * np.exp(1j * 2 * np.sin(2 * np.pi * TIME / 60)), 20),
    "a wave of dots": (noise() + tone(0.1, 0.2) * (TIME % 200 < 100), 20),
    "a reversing phase": (noise() + tone(0.1, 0.2) * np.sign(np.sin(np.pi * TIME / 32)), 40),
    "a tone in AM": (noise() + tone(0.1, 0.2) * (1 + 0.8 * np.sin(TIME / 50)), 1),
    "not finite": (np.full(LENGTH, np.nan), 0),
}


@pytest.mark.parametrize("what", UNLABELED)
def test_nothing_is_called_a_modulation_that_is_none(scanner, what):
    samples, most = UNLABELED[what]
    found = rows(scanner, samples)
    assert len(found) <= most
    assert [each.label for each in found] == [None] * len(found)
    for each in found:
        assert abs(each.low_hz) <= RATE / 2 and abs(each.high_hz) <= RATE / 2
        assert np.isfinite([each.center_hz, each.bandwidth_hz, each.snr_db]).all()


SPOILED = {
    "a strong carrier beside it": lambda samples: samples + tone(-0.3, 3),
    "clipped": lambda samples: clipped(samples, 0.04),
    "few bits": lambda samples: np.round(samples * 40) / 40,
    "silence within": lambda samples: np.where((TIME > 20e3) & (TIME < 40e3), 0, samples),
    "samples lost, and nobody says so": lambda samples: np.delete(samples, slice(30_000, 33_333)),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_signal_in_bad_company_is_itself_or_nothing(scanner, how):
    found = rows(scanner, SPOILED[how](band()))
    labels = [each.label for each in found if each.label]
    assert labels and set(labels) == {"QPSK"}
    for each in found:
        if each.label:
            assert each.symbol_rate == pytest.approx(50e3, rel=2e-3)


def test_mixtures_of_clipped_signals_get_no_label(scanner):
    """Strong clipping makes signals beside the true one."""
    found = rows(scanner, clipped(band(), 0.02))
    assert len(found) > 3
    assert {each.label for each in found} == {None, "QPSK"}
    for each in found:
        assert each.label is None or each.low_hz < 100e3 < each.high_hz


def test_a_wrong_rate_scales_what_is_said(scanner):
    (right,) = rows(scanner, band())
    (wrong,) = rows(replace(scanner, sample_rate_hz=2.5 * RATE), band())
    assert (wrong.label, wrong.confidence) == (right.label, right.confidence)
    for field in ("symbol_rate", "bandwidth_hz", "center_hz", "low_hz"):
        assert getattr(wrong, field) == pytest.approx(2.5 * getattr(right, field))
    assert wrong.start_s == pytest.approx(right.start_s / 2.5)


def test_thousands_of_signals_a_second_are_bounded_and_counted():
    """300 at a time, each of three spectra: some are followed, the others are counted."""
    settings = DetectorSettings(bins=4096, averaged=2, bridged_spectra=0)
    size = 4096 * 2
    samples = noise(8 * size)
    time = np.arange(3 * size)
    tones = sum(
        np.exp(2j * np.pi * (k / 300 - 0.498) * time + 2j * k * k) for k in range(300)
    )
    for start in (0, 4 * size):
        samples[start : start + 3 * size] += 0.02 * tones
    detector = SignalDetector(settings)
    found = [*detector.push(samples), *detector.finish()]
    assert settings.most / 2 < len(found) <= 2 * settings.most
    assert detector.left_out > 2 * 3 * 200
    assert len(found) + detector.left_out > 2 * 290


def test_a_break_ends_a_signal(scanner):
    samples = band()
    detector = SignalDetector()
    first, rest = samples[: 7 * SPECTRUM + 1000], samples[7 * SPECTRUM + 1000 :]
    found = [*detector.push(first), *detector.break_off()]
    found += [*detector.push(rest), *detector.finish()]
    assert [each.start for each in found] == [SPECTRUM, 7 * SPECTRUM + 1000]
    assert found[0].stop == 7 * SPECTRUM
    np.testing.assert_array_equal(found[1].samples[:100], rest[:100].astype(np.complex64))
    assert {scanner.scan(each).label for each in found} == {"QPSK"}


def capture(start, **fields):
    names = {"frequency": "core:frequency", "time": "core:datetime", "number": "core:global_index"}
    return {"core:sample_start": start} | {names[name]: value for name, value in fields.items()}


MIDNIGHT = "2026-01-01T00:00:00Z"
CAPTURES = (  # what a recording of 1 MHz says, and where a stream is cut
    ([capture(0), capture(5000)], []),
    ([capture(0, frequency=1e8), capture(5000, frequency=1e8)], []),
    ([capture(0, frequency=1e8), capture(5000, frequency=2e8)], [5000]),
    ([capture(0, time=MIDNIGHT), capture(5000, time="2026-01-01T00:00:00.005Z")], []),
    ([capture(0, time=MIDNIGHT), capture(5000, time="2026-01-01T00:00:00.250Z")], [5000]),
    ([capture(0, time=MIDNIGHT), capture(5000, time="2026-01-01T00:00:00.0050003Z")], []),
    ([capture(0, number=7), capture(5000, number=5007), capture(9000, number=9999)], [9000]),
    ([capture(0, time="nonsense"), capture(5000, time=MIDNIGHT)], []),
    ([capture(300, frequency=1.0), capture(300, frequency=2.0), capture(800)], [0, 500]),
)


@pytest.mark.parametrize(("captures", "places"), CAPTURES)
@pytest.mark.parametrize("size", [999, 5000, 10_000])
def test_captures_that_go_on_are_one(captures, places, size):
    info = {"core:offset": captures[0]["core:sample_start"]}
    cutter = CaptureCutter(Recording(sample_rate_hz=RATE, info=info, captures=captures))
    samples = np.arange(10_000).astype(np.complex64)
    pieces = [
        each for first in range(0, 10_000, size) for each in cutter.cut(samples[first:][:size])
    ]
    np.testing.assert_array_equal(np.concatenate([each.samples for each in pieces]), samples)
    starts = np.cumsum([0] + [len(each.samples) for each in pieces])
    assert [int(at) for at, each in zip(starts, pieces) if each.is_new] == places
    assert pieces[-1].center_frequency_hz == captures[-1].get("core:frequency", 0)


def test_a_recording_that_is_tuned_anew(tmp_path, capsys):
    """One signal each, at the frequency of its capture; the picture has both."""
    np.stack([band()] * 2).astype(np.complex64).tofile(tmp_path / "a.sigmf-data")
    document = {
        "global": {"core:datatype": "cf32_le", "core:version": "1.2.0", "core:sample_rate": RATE},
        "captures": [capture(0, frequency=100e6), capture(LENGTH, frequency=200e6)],
        "annotations": [],
    }
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(document))
    options = ("--most-frames", "8", "--annotate", str(tmp_path / "b.sigmf-meta"))
    with pytest.raises(SystemExit) as end:
        main(["scan", str(tmp_path / "a.sigmf-meta"), *options])
    assert end.value.code == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["label"] for each in found] == ["QPSK"] * 2
    for each, center in zip(found, (100.1e6, 200.1e6)):
        assert each["center_hz"] == pytest.approx(center, abs=100)
    sigmf.fromfile(str(tmp_path / "b.sigmf-meta")).validate()
    annotated = json.loads((tmp_path / "b.sigmf-meta").read_text())["annotations"]
    assert annotated[1]["core:sample_start"] >= LENGTH
    assert annotated[1]["core:freq_lower_edge"] > 200e6


@pytest.mark.parametrize(
    ("dtype", "at_the_limit"),
    [("u1", 0), ("u1", 255), ("i1", 127), ("<i2", -(2**15)), ("<i2", 2**15 - 1)],
)
def test_samples_at_full_scale_are_counted(dtype, at_the_limit):
    dtype = np.dtype(dtype)
    middle = 128 if dtype.kind == "u" else 0
    pairs = np.full((1000, 2), middle + 3, dtype)
    pairs[:5, 1] = at_the_limit
    meter = ClippingMeter(dtype)
    meter.add(to_float(pairs.ravel()).view(np.complex64))
    assert (meter.samples, meter.clipped) == (1000, 5)
    assert "0.5% of the samples are at full scale" in meter.warning()
    floats = ClippingMeter(np.dtype("<f4"))
    floats.add(np.full(10, 7 + 7j, np.complex64))
    assert floats.clipped == 0 and floats.warning() is None


def test_a_picture_keeps_the_longest():
    waterfall = Waterfall()
    for number in range(3 * MOST_BOXES):
        waterfall.mark(replace(SIGNAL, stop_s=1.0 + number % 7))
    kept = [each.stop_s for _, _, each in waterfall._boxes]
    assert len(kept) == MOST_BOXES and min(kept) >= 5


def test_annotations_are_bounded_and_the_rest_is_counted(monkeypatch, capsys):
    monkeypatch.setattr(scan_command, "_MOST_ANNOTATIONS", 3)
    outputs = scan_command._Outputs(False, 0.0, None, None, True)
    for _ in range(5):
        outputs.add(SIGNAL, 0.0)
    assert len(outputs.annotated) == 3 and outputs.not_annotated == 2
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_too_short_an_input_leaves_no_recording(tmp_path, capsys):
    (tmp_path / "short.cf32").write_bytes(bytes(800))
    outputs = "--annotate", str(tmp_path / "a.sigmf-meta"), "--json", str(tmp_path / "a.json")
    with pytest.raises(SystemExit) as end:
        main(["scan", str(tmp_path / "short.cf32"), "--sample-rate", "1e6", *outputs])
    assert end.value.code == 2 and "too few samples" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["short.cf32"]


@pytest.mark.parametrize("settings", [{"bins": MOST_BINS + 1}, {"averaged": 1 << 40},
                                      {"open_db": 1e9}, {"open_db": float("nan")}])  # fmt: skip
def test_settings_beyond_all_measure(settings):
    with pytest.raises(UserError, match="a detector"):
        DetectorSettings(**settings)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_scanner_takes_no_such_rate(scanner, rate):
    with pytest.raises(UserError, match="sample rate above 0"):
        replace(scanner, sample_rate_hz=rate)
