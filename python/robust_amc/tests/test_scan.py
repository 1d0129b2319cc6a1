"""`htrd scan`: signals of a recording, with what they are; a recording of a satellite."""

import json

import numpy as np
import pytest
import sigmf
from scipy.io import wavfile

from robust_amc.benchmarks import modulated_signals
from robust_amc.cli import main
from robust_amc.data.formats.bands import Analytic, UpperHalf
from robust_amc.data.formats.wav import open_wav
from robust_amc.streams.waterfall import Waterfall

from .files import ROOT

SHARED = ROOT.parent / "shared" / "data" / "recordings"
RATE = 1e6
SENT = (  # name, center in Hz, baud, first and last sample
    ("QPSK", -250e3, 50e3, 20_000, 160_000),
    ("BPSK", 120e3, 62_500.0, 60_000, 200_000),
)


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(each) for each in arguments])
    return stopped.value.code or 0


def refused(capsys, *arguments):
    assert run("scan", *arguments) == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    rng = np.random.default_rng(4)
    parts = rng.standard_normal((2, 1 << 18)) * 0.01
    samples = parts[0] + 1j * parts[1]
    for name, center, baud, start, stop in SENT:
        made = modulated_signals.signal(name, stop - start, RATE / baud, 0.35, rng)
        samples[start:stop] += (
            0.03 * made * np.exp(2j * np.pi * center / RATE * np.arange(stop - start))
        )
    path = tmp_path_factory.mktemp("scan") / "band.cf32"
    samples.astype(np.complex64).tofile(path)
    return path


def test_rows_are_what_was_sent(recording, tmp_path, capsys):
    options = ("--sample-rate", RATE, "--center-frequency", 433e6, "--model", "modern")
    assert run("scan", recording, *options, "--json", tmp_path / "rows.json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    document = json.loads((tmp_path / "rows.json").read_text())
    assert document["rows"] == rows
    assert document["settings"]["source"] == "band.cf32"
    assert len(rows) == len(SENT)
    for name, center, baud, start, stop in SENT:
        (row,) = [each for each in rows if abs(each["center_hz"] - 433e6 - center) < 100]
        assert row["label"] == name and row["confidence"] > 0.8 and row["frames"] >= 16
        assert row["symbol_rate"] == pytest.approx(baud, rel=1e-3)
        assert row["start_s"] == pytest.approx(start / RATE, abs=0.005)
        assert row["stop_s"] == pytest.approx(stop / RATE, abs=0.009)
        assert 0.8 < row["bandwidth_hz"] / baud < 1.6
        assert row["snr_db"] > 10


def test_figure(recording, tmp_path, capsys):
    assert run("scan", recording, "--sample-rate", RATE, "--figure", tmp_path / "band.svg") == 0
    text = (tmp_path / "band.svg").read_text()
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row in shown:
        assert f"{row['symbol_rate']:.0f} Bd" in text  # Matplotlib writes texts as comments
    assert "frequency (kHz)" in text
    said = refused(capsys, recording, "--sample-rate", RATE, "--figure", tmp_path / "x.bmp")
    assert ".png" in said


def test_pictures_take_bounded_memory():
    """Rows are averages of equal stretches of all spectra."""
    waterfall = Waterfall()
    for number in range(5000):
        waterfall.add(np.full(16, float(number)))
    rows = np.array(waterfall._rows)
    assert len(rows) < 1024 and waterfall._averaged == 8
    np.testing.assert_allclose(np.diff(rows[:, 0]), 8)


def test_annotations_are_those_of_other_programs(recording, tmp_path, capsys):
    """Valid SigMF, with what viewers draw boxes from; no truth to our own commands."""
    meta = tmp_path / "band.sigmf-meta"
    options = ("--sample-rate", RATE, "--center-frequency", 433e6, "--annotate", meta)
    assert run("scan", recording, *options) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sigmf.sigmffile.fromfile(str(meta)).validate()
    document = json.loads(meta.read_text())
    assert (tmp_path / "band.sigmf-data").read_bytes() == recording.read_bytes()
    found = document["annotations"]
    assert [each["core:sample_start"] for each in found] == sorted(
        round(row["start_s"] * RATE) for row in rows
    )
    by_label = {each["core:label"]: each for each in found}
    assert set(by_label) == {"QPSK", "BPSK"}
    for name, center, baud, *_ in SENT:
        each = by_label[name]
        assert each["core:freq_lower_edge"] < 433e6 + center < each["core:freq_upper_edge"]
        assert each["htrd:symbol_rate"] == pytest.approx(baud, rel=1e-3)
        order = {"BPSK": 2, "QPSK": 4}[name]
        detail = {key: each["signal:detail"][key] for key in ("type", "mod_class", "order")}
        assert detail == {"type": "digital", "mod_class": "psk", "order": order}
        assert "frames" in each["core:comment"]
    extensions = {each["name"] for each in document["global"]["core:extensions"]}
    assert {"signal", "htrd"} <= extensions
    assert run("classify", meta, "--limit", 5) == 0
    assert all("truth" not in json.loads(line) for line in capsys.readouterr().out.splitlines())


def test_as_a_table(recording, capsys):
    assert run("scan", recording, "--sample-rate", RATE, "--format", "table") == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[-1] == "label" and len(rows) == 2
    assert {len(row) for row in rows} == {len(heading)}


def test_analog_signals_have_labels_and_bare_carriers_none(tmp_path, capsys):
    rng = np.random.default_rng(6)
    parts = rng.standard_normal((2, 1 << 17)) * 0.01
    samples = parts[0] + 1j * parts[1]
    sent = {"FM": (-300e3, "WBFM"), "AM": (-50e3, "AM-DSB"), "carrier": (200e3, None)}
    time = np.arange(20_000, 120_000)
    for name, (center, _) in sent.items():
        made = modulated_signals.signal(name, len(time), 20.0, 0.35, rng)
        samples[time] += 0.03 * made * np.exp(2j * np.pi * center / RATE * time)
    path = tmp_path / "analog.cf32"
    samples.astype(np.complex64).tofile(path)
    assert run("scan", path, "--sample-rate", RATE) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len(sent)
    for center, label in sent.values():
        (row,) = [each for each in rows if abs(each["center_hz"] - center) < 5e3]
        assert row["symbol_rate"] is None and row["label"] == label
    # A model that was not trained on such frames says nothing of them
    assert run("scan", path, "--sample-rate", RATE, "--model", "modern") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["label"] for row in rows] == [None] * len(sent)


def test_a_signal_that_goes_on_has_rows_before_its_end(recording, tmp_path, capsys):
    """Each with what is known so far; files have the last alone."""
    options = ("--sample-rate", RATE, "--model", "modern", "--json", tmp_path / "rows.json")
    assert run("scan", recording, *options) == 0
    whole = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert run("scan", recording, *options, "--every", 0.03) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert json.loads((tmp_path / "rows.json").read_text())["rows"] == [
        row for row in rows if row["ended"]
    ]
    for row in whole:
        own = [each for each in rows if each["start_s"] == row["start_s"]]
        assert [each["ended"] for each in own] == [False] * (len(own) - 1) + [True]
        assert len(own) >= 4
        for each in own:
            assert each["label"] == row["label"]
            assert each["symbol_rate"] == pytest.approx(row["symbol_rate"], rel=2e-3)
            assert each["center_hz"] == pytest.approx(row["center_hz"], abs=100)
        frames = [each["frames"] for each in own]
        assert frames == sorted(frames)


def test_what_cannot_be_scanned(recording, tmp_path, capsys):
    assert "give --sample-rate" in refused(capsys, recording)
    assert "is a data set" in refused(capsys, "sample", "--sample-rate", 1e6)
    assert "must be positive" in refused(capsys, recording, "--sample-rate", -5)
    (tmp_path / "short.cf32").write_bytes(bytes(800))
    said = refused(capsys, tmp_path / "short.cf32", "--sample-rate", 1e6)
    assert "too few samples" in said
    assert "a detector" in refused(capsys, recording, "--sample-rate", 1e6, "--level-db", -1)


def test_a_real_signal_has_its_band_once(tmp_path):
    """The upper half of the spectrum, at half the rate."""
    time = np.arange(1 << 14)
    audio = 0.5 * np.cos(2 * np.pi * 0.31 * time)
    wavfile.write(tmp_path / "tone.wav", 48_000, (audio * 32767).astype(np.int16))
    analytic = open_wav(tmp_path / "tone.wav").samples
    assert isinstance(analytic, Analytic)
    half = UpperHalf(analytic)
    assert len(half) == 1 << 13
    iq = half.read(1000, 3000)
    samples = iq[:, 0] + 1j * iq[:, 1]
    expected = np.exp(2j * np.pi * (0.62 - 0.5) * np.arange(2000))
    found = np.vdot(expected, samples) / 2000
    assert abs(found) == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(half.read(1501, 1503), iq[501:503], atol=1e-6)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the recordings of ../shared")
@pytest.mark.parametrize(
    "name, baud, center",
    [
        ("sat_picsat_9k6", 9600, 12_200),
        ("sat_shaonian_xing", 9600, 12_400),
        ("sat_kr01", 1200, 1500),
    ],
)
def test_a_satellite(name, baud, center, capsys):
    """Bursts, pauses, a drifting carrier; sampling rates may be off by 0.3 %."""
    assert run("scan", SHARED / f"{name}.wav") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (row,) = [each for each in rows if each["label"]]
    assert row["label"] == "BPSK" and row["confidence"] > 0.5
    assert row["symbol_rate"] == pytest.approx(baud, rel=0.005)
    assert row["center_hz"] == pytest.approx(center, abs=60)
