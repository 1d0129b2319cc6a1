"""What models accept of signals that they do not know: the signals, the command, the documents."""

import json
from pathlib import Path

import numpy as np
import pytest

from robust_amc import assets, model_card
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.evaluation import unknown, unknown_signals
from robust_amc.files import checksum
from robust_amc.tests.conftest import CLASSES

PAGE = Path(__file__).parents[3] / "docs" / "models.md"
LENGTH = 128


def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("name", unknown_signals.SIGNALS)
@pytest.mark.parametrize("length", [64, 1000])
def test_frames_have_power_one_and_random_phases(name, length):
    samples = unknown_signals.SIGNALS[name](rng(), 200, length)
    assert samples.shape == (200, length)
    assert (np.abs(samples) ** 2).mean() == pytest.approx(1, abs=0.05)
    assert abs(samples[:, length // 2].mean()) < 0.3


@pytest.mark.parametrize("name", unknown_signals.SIGNALS)
def test_the_same_seed_gives_the_same_frames(name):
    first, again, other = (
        unknown_signals.received(name, 5, LENGTH, 20, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_noise_is_added_at_the_snr():
    clean = unknown_signals.received("carrier at 0", 500, LENGTH, 300, 3)
    noisy = unknown_signals.received("carrier at 0", 500, LENGTH, 7, 3)
    assert (np.abs(noisy - clean) ** 2).mean() == pytest.approx(10**-0.7, rel=0.02)
    alone = unknown_signals.received("white noise", 500, LENGTH, -300, 3)
    assert (np.abs(alone) ** 2).mean() == pytest.approx(1, rel=0.02)


def spectrum(samples):
    """Mean power at each frequency, and the frequencies in cycles a sample."""
    power = (np.abs(np.fft.fft(samples)) ** 2).mean(0)
    return power / power.sum(), np.fft.fftfreq(samples.shape[1])


def share_within(samples, half):
    power, frequency = spectrum(samples)
    return power[np.abs(frequency) <= half].sum()


def steps(samples):
    """Frequency between two samples, cycles a sample."""
    return np.angle(samples[:, 1:] / samples[:, :-1]) / (2 * np.pi)


def test_noise_and_bands():
    power, _ = spectrum(unknown_signals.white_noise(rng(), 2000, 64))
    np.testing.assert_allclose(power, 1 / 64, rtol=0.15)
    band = unknown_signals.band_noise(rng(), 200, 1024, 0.25)
    assert share_within(band, 0.13) > 0.99 and share_within(band, 0.0625) < 0.6


def test_carriers():
    for frequency in (0.0, 0.1):
        np.testing.assert_allclose(
            steps(unknown_signals.carrier(rng(), 9, LENGTH, frequency)), frequency, atol=1e-9
        )
    anywhere = steps(unknown_signals.carrier(rng(), 500, LENGTH))
    np.testing.assert_allclose(anywhere, np.broadcast_to(anywhere[:, :1], anywhere.shape))
    assert anywhere.min() < -0.45 and anywhere.max() > 0.45


def test_ofdm():
    """A cyclic prefix repeats the end of its symbol; the unused subcarriers are empty."""
    samples = unknown_signals.ofdm(rng(), 400, 800)
    lag = (samples[:, 64:] * samples[:, :-64].conj()).mean()
    assert abs(lag) == pytest.approx(16 / 80, abs=0.02)
    assert share_within(samples, 27 / 64) > 0.97
    assert np.median(np.abs(samples)) < 0.9  # not of constant envelope


def test_chirps():
    linear = steps(unknown_signals.chirp(rng(), 50, LENGTH, 0.5))
    assert abs(linear).max() == pytest.approx(0.25, abs=0.01)
    slope = np.diff(linear)
    np.testing.assert_allclose(np.abs(slope), 0.5 / LENGTH, rtol=1e-3)
    assert set(np.sign(slope[:, 0])) == {-1, 1}
    spread = steps(unknown_signals.chirp_spread_spectrum(rng(), 50, 1024, 7, 0.5))
    rising = np.diff(spread)
    assert np.median(rising) == pytest.approx(0.5 / 256, rel=0.01)
    assert abs(spread).max() <= 0.25 + 1e-6
    assert 1 <= (rising < -0.2).sum(1).mean() <= 10  # jumps back, once or twice a symbol of 256


@pytest.mark.parametrize(("levels", "index"), [(2, 1.0), (2, 4.0), (4, 1.0)])
def test_fsk(levels, index):
    samples = unknown_signals.fsk(rng(), 100, 256, levels, index)
    np.testing.assert_allclose(np.abs(samples), 1)
    tones = (2 * np.arange(levels) - levels + 1) * index / 2 / 8
    found = np.unique(np.round(steps(samples), 6))
    np.testing.assert_allclose(found, tones, atol=1e-5)


def test_pulses():
    keyed = np.abs(unknown_signals.on_off_keying(rng(), 200, LENGTH))
    for frame in keyed:
        on = frame > 0
        assert on.any()
        changes = np.flatnonzero(np.diff(on.astype(int)))
        assert len(set(changes % 8)) <= 1  # at the edges of symbols of 8 samples alone
    placed = np.abs(unknown_signals.pulse_position(rng(), 200, LENGTH, 2)) > 0
    assert placed.mean() == pytest.approx(0.5, abs=0.02)  # one half of each bit
    runs = [
        len(run) for frame in placed for run in np.split(frame, np.flatnonzero(np.diff(frame)) + 1)
    ]
    assert max(runs) == 4


def test_rows_are_counts_of_decisions(rejecting):
    rows = unknown.acceptance(rejecting, 40, 10, 7)
    assert [row["signal"] for row in rows] == list(unknown_signals.SIGNALS)
    for row in rows:
        samples = unknown_signals.received(row["signal"], 40, 128, 10, 7)
        iq = np.stack([samples.real, samples.imag], 1)
        label = rejecting.decide(iq, "sum_abs").label
        assert row["acceptance_rate"] == np.mean(label >= 0)
        shares = {name: np.mean(label == number) for number, name in enumerate(CLASSES)}
        assert row["accepted_as"] == {name: share for name, share in shares.items() if share}
        assert list(row["accepted_as"].values()) == sorted(row["accepted_as"].values())[::-1]


@pytest.fixture
def folder(tmp_path, monkeypatch, rejecting):
    monkeypatch.chdir(tmp_path)
    rejecting.save("m.safetensors")
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--model", "m.safetensors", "--device", "cpu", *map(str, arguments)])
    return end.value.code


def test_the_command(folder, capsys):
    options = ("--frames", 20, "--snr", "5,20", "--seed", 3)
    assert run("--unknown", *options, "--json", "a.json") == 0
    shown = capsys.readouterr().out
    assert "2-FSK, index 4" in shown and "share of frames accepted" in shown
    found = json.loads(Path("a.json").read_text())
    assert found["settings"]["seed"] == 3 and {"cpu", "date"} <= found["settings"].keys()
    assert len(found["rows"]) == 2 * len(unknown_signals.SIGNALS)
    assert {row["sha256"] for row in found["rows"]} == {checksum("m.safetensors")}
    assert run("--unknown", *options, "--json", "b.json") == 0
    assert json.loads(Path("b.json").read_text())["rows"] == found["rows"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --dataset"),
        (("--unknown", "--dataset", "sample"), "--dataset: not with --unknown"),
        (("--unknown", "--attack", "pgd", "--pnr", "0"), "--attack, --pnr: not with"),
        (("--unknown", "--frames", "0"), "must be positive"),
    ],
)
def test_wrong_options_are_one_line(folder, capsys, options, message):
    assert run(*options) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_the_card_has_the_rows_of_its_file_alone(folder):
    model = Classifier.load("m.safetensors")
    assert not list(model_card._unknown(model.name, checksum("m.safetensors")))
    lines = list(model_card._unknown("htrd", checksum(assets.model_path("htrd"))))
    assert sum(line.startswith("| ") for line in lines) == 1 + len(unknown_signals.SIGNALS)


@pytest.mark.skipif(not PAGE.exists(), reason="the documents are not beside the package")
def test_the_table_of_the_documents_is_what_was_measured():
    """Of the files that ship: whoever ships another model measures it."""
    measured = json.loads(assets.path(model_card.MEASURED).read_text())
    shipped = {checksum(assets.model_path(name)) for name in assets.model_names()}
    assert {row["sha256"] for row in measured["rows"]} == shipped
    lines = PAGE.read_text().splitlines()
    heading = next(line for line in lines if line.startswith("| signal"))
    names = [each.strip() for each in heading.split("|")[2:-1]]
    for signal in unknown_signals.SIGNALS:
        (line,) = [line for line in lines if line.startswith(f"| {signal} |")]
        cells = [each.strip() for each in line.split("|")[2:-1]]
        for name, cell in zip(names, cells, strict=True):
            (row,) = [
                row for row in measured["rows"] if (row["model"], row["signal"]) == (name, signal)
            ]
            assert cell == unknown.cell(row)
