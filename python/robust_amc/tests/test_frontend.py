"""Symbol rate and carrier of signals that are made here, and of recordings of satellites."""

import json

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import hilbert

from robust_amc import frontend
from robust_amc.benchmarks import modulated_signals
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.errors import UserError
from robust_amc.frames import AUTO
from robust_amc.frontend import carrier, lines, occupied, symbol_rate

from .files import ROOT

SHARED = ROOT.parent / "shared" / "data" / "recordings"
LENGTH = 4096


def received(name, period=7.3, offset=0.013, snr_db=12.0, length=LENGTH, seed=0):
    rng = np.random.default_rng(seed)
    made = modulated_signals.signal(name, length, period, 0.35, rng)
    return modulated_signals.received(made, offset, snr_db, rng)


@pytest.mark.parametrize("frequency", [0.1, 0.1 + 0.3 / 2048, -0.2])
def test_a_line_in_noise(frequency):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2, 1024))
    values = 0.3 * np.exp(2j * np.pi * frequency * np.arange(1024)) + noise[0] + 1j * noise[1]
    found = lines.largest(lines.power(values), -0.3, 0.3)
    assert found.evidence > 6
    assert found.frequency == pytest.approx(frequency, abs=0.2 / 1024)
    other = lines.largest(lines.power(values), 0.15, 0.3)
    assert other.evidence < 4 and 0.15 <= other.frequency <= 0.3
    assert lines.largest(lines.power(values), 0.1, 0.1) is lines.NONE


def test_a_pair_of_lines():
    """The two that are far enough apart, around the middle, though a larger one is beside them."""
    rng = np.random.default_rng(3)
    values = 2 * (rng.standard_normal(2048) + 1j * rng.standard_normal(2048))
    for frequency, height in ((0.0303, 4), (-0.0707, 1), (0.1318, 1)):
        values += height * np.exp(2j * np.pi * frequency * np.arange(2048))
    power = lines.power(values)
    found = lines.pair(power, 0.15, 0.3, 0.05)
    assert found.evidence > 6
    assert found.frequency == pytest.approx(0.2025, abs=0.3 / 2048)
    for elsewhere in (lines.pair(power, 0.25, 0.3, 0.05), lines.pair(power, 0.15, 0.3, 0.02)):
        assert elsewhere.evidence < 4
    assert lines.pair(power, 0.2, 0.2, 0.05) is lines.NONE


def test_noise_has_no_lines():
    """As often as the evidence says: once in e^3 searches, here with the room that chance takes."""
    rng = np.random.default_rng(2)
    found = [
        lines.largest(lines.power(rng.standard_normal(512)), 0.05, 0.45).evidence > 3
        for _ in range(200)
    ]
    assert sum(found) < 30


@pytest.mark.parametrize("name", modulated_signals.DIGITAL)
def test_a_digital_signal(name):
    """Of any rate; the band holds the signal."""
    for seed, period in enumerate((3.4, 7.3, 19.0)):
        found = frontend.analyze(received(name, period, 0.013, snr_db=15.0, seed=seed))
        assert found.symbol_rate.rate == pytest.approx(1 / period, rel=0.005), period
        assert found.symbol_rate.confidence > 0.99
        assert found.carrier.frequency == pytest.approx(0.013, abs=0.015 / period), period
        assert found.band.low < 0.013 < found.band.high
        assert 0.2 < found.band.width * period < 1.6


@pytest.mark.parametrize(("name", "snr_db"), [("GFSK", 6.5), ("GFSK, index 0.25", 8.5)])
def test_frequency_modulation_in_noise(name, snr_db):
    """Of an SNR in 1.35 rates at which only the powers of the signal still show the symbols."""
    rng = np.random.default_rng(4)
    right = alone = 0
    for _ in range(12):
        period, offset = rng.uniform(4, 16), rng.uniform(-0.02, 0.02)
        made = modulated_signals.signal(name, int(700 * period), period, 0.35, rng)
        whole_band_db = snr_db - 10 * np.log10(period / modulated_signals.IN_BAND)
        samples = modulated_signals.received(made, offset, whole_band_db, rng)
        found = frontend.analyze(samples)
        rate, frequency = found.symbol_rate.rate, found.carrier.frequency
        if rate is not None and abs(rate * period - 1) < 0.005:
            right += abs(frequency - offset) * period < 0.01
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(symbol_rate, "_pairs", lambda samples, band: [lines.NONE])
            alone += symbol_rate.estimate(samples).rate is not None
    assert right >= 7 and alone <= right - 4, (right, alone)


def test_a_power_of_nothing():
    assert not lines.of_power(np.zeros(64, complex), 4).any()
    samples = received("GFSK", length=256)
    found = [lines.of_power(level * samples, 4) for level in (1e-120, 1.0)]
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", modulated_signals.ANALOG)
def test_an_analog_signal_has_no_symbol_rate(name):
    for seed in range(3):
        found = frontend.analyze(received(name, 10.0, 0.02, snr_db=15.0, seed=seed))
        assert found.symbol_rate.rate is None
        assert found.carrier.frequency == pytest.approx(0.02, abs=0.05)
    assert (found.carrier.confidence == 1) == (name in ("AM", "carrier"))


def test_a_carrier_is_found_exactly():
    found = carrier.estimate(received("carrier", offset=0.12345, snr_db=20))
    assert found.frequency == pytest.approx(0.12345, abs=1e-5)


def test_a_signal_across_the_ends_of_the_spectrum():
    found = frontend.analyze(received("QPSK", 6.0, 0.5, snr_db=15))
    assert found.symbol_rate.rate == pytest.approx(1 / 6, rel=0.005)
    assert (found.carrier.frequency + 1e-3) % 1 == pytest.approx(0.501, abs=2e-3)


def test_signal_to_noise_ratio():
    """In the band: of the noise there is only the band's part."""
    found = occupied.strongest(received("QPSK", 8.0, 0.0, snr_db=10, length=1 << 15))
    assert 10 * np.log10(found.snr * found.width) == pytest.approx(10, abs=0.7)


def test_normalized_to_what_a_model_takes():
    samples = received("QPSK", 5.3, 0.02, snr_db=20, length=8192)
    found = frontend.normalize(samples, 0.02, 1 / 5.3)
    assert len(found) == pytest.approx(8192 * 8 / 5.3, rel=1e-3)
    assert np.mean(np.abs(found[100:-100]) ** 2) == pytest.approx(1.0, abs=0.1)
    again = frontend.analyze(found)
    assert again.symbol_rate.rate == pytest.approx(1 / 8, rel=1e-3)
    assert again.carrier.frequency == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("period", [4.0, 20.0])
def test_analog_signals_by_their_width(period):
    """A flat band has 90 % of its power in 0.9 of it, and so has QAM in 0.9 symbol rates."""
    for name in ("noise in a band", "QAM16"):
        at, rate = frontend.by_width(received(name, period, 0.013, 8.0, 1 << 14))
        assert at == pytest.approx(0.013, abs=0.03 / period), name
        assert rate == pytest.approx(1 / period, rel=0.06), name
    # Across the ends of the spectrum
    at, rate = frontend.by_width(received("noise in a band", period, 0.5, 10.0, 1 << 14))
    assert abs((at % 1) - 0.5) < 0.03 / period and rate == pytest.approx(1 / period, rel=0.06)


def test_am_by_its_sidebands():
    """Audio that is flat up to 0.03: 90 % of the sidebands' power from -0.027 to 0.027."""
    rng = np.random.default_rng(3)
    length, edge = 1 << 14, 0.03
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[np.arange(len(spectrum)) > edge * length] = 0
    audio = np.fft.irfft(spectrum, length)
    sent = 1 + 0.25 * audio / audio.std()
    neighbor = 0.1 * received("QPSK", 20.0, 0.15, 60.0, length)
    made = modulated_signals.received(sent + neighbor, 0.1, 25.0, rng)
    at, rate = frontend.by_width(made)
    assert at == pytest.approx(0.1, abs=1e-4)
    # The line takes the lowest audio with it
    assert rate == pytest.approx(2 * 0.9 * edge / 0.9, rel=0.1)
    carrier_alone = received("carrier", offset=0.1, snr_db=25.0, length=length)
    assert frontend.by_width(carrier_alone) is None
    with pytest.raises(UserError):
        frontend.by_width(np.zeros(1024, complex))


def test_frames_of_analog_signals():
    """With `analog` they are brought to one width; a bare carrier, or noise alone, never is."""
    made = received("FM", 12.0, 0.02, 20.0, 1 << 14)
    band = frontend.strongest(made)
    assert len(frontend.bring(made, band, 128).frames) == 0
    found = frontend.bring(made, band, 128, analog=True)
    at, rate = frontend.by_width(made, band)
    assert found.known.symbol_rate.rate is None and found.rate == rate
    assert len(found.frames) == pytest.approx(8 * rate * len(made) / 128, abs=2)
    straight = frontend.normalize(made, at, rate)
    np.testing.assert_allclose(found.frames[0], straight[64 : 64 + 128])
    bare = received("carrier", offset=0.1, snr_db=25.0, length=1 << 13)
    assert frontend.bring(bare, frontend.strongest(bare), 128, analog=True).rate is None
    # A trace of modulation is none
    faint = received("carrier", snr_db=60.0, length=1 << 14) + 0.01 * received(
        "noise in a band", 20.0, snr_db=60.0, length=1 << 14
    )
    band = frontend.strongest(faint)
    assert frontend.by_width(faint, band) is not None
    assert frontend.bring(faint, band, 128, analog=True).rate is None


def test_bench_residuals(tmp_path, capsys):
    """Rows of every signal and SNR; where nothing is found there is no figure."""
    arguments = ["--signals", "2", "--length", "2048", "--snr", "25"]
    with pytest.raises(SystemExit) as done:
        main(["bench", "residuals", *arguments, "--json", str(tmp_path / "r.json")])
    assert not done.value.code
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert "coarse" in capsys.readouterr().out
    by_name = {row["name"]: row for row in rows}
    assert set(by_name) == {*modulated_signals.DIGITAL, "noise in a band", "FM", "AM"}
    bpsk = by_name["BPSK"]
    assert bpsk["found"] == 1 and bpsk["rate_median"] < 0.01 and bpsk["coarse"] == 0
    for row in rows:
        assert row["snr_db"] == 25 and (row["found"] > 0 or row["rate_median"] is None)


@pytest.mark.parametrize("name", ["BPSK", "PAM4"])
def test_a_carrier_that_drifts_is_followed(name):
    """By 12 % of the rate over the samples, with a pause in the middle."""
    samples = received(name, 8.0, 0.0, snr_db=15, length=8192)
    samples[4096:4608] = received("noise in a band", 8.0, snr_db=-20, length=512)
    drift = np.linspace(-0.06, 0.06, 8192) / 8
    drifting = samples * np.exp(2j * np.pi * np.cumsum(drift))
    followed = frontend.follow_carrier(drifting, 1 / 8, 512)
    turned = followed * samples.conj()
    left = [
        np.angle(np.vdot(turned[start : start + 511], turned[start + 1 : start + 512]))
        for start in range(0, 8192, 512)
        if start != 4096
    ]
    left = np.abs(left) / (2 * np.pi) * 8  # of the rate
    assert np.mean(left < 0.015) > 0.8 and np.median(left) < 0.005, left


def test_only_a_line_of_the_square_is_followed():
    """That of QPSK's is none, whatever 64 symbols of it look like."""
    assert frontend.analyze(received("BPSK")).carrier.is_of_square
    assert not frontend.analyze(received("QPSK")).carrier.is_of_square
    assert not frontend.analyze(received("CPFSK")).carrier.is_of_square


def test_blind_as_good_as_knowing():
    """The shipped classifier decides what was found as it decides what was sent."""
    model = Classifier.load("modern")

    def decided(name, carrier_at, rate, samples):
        brought = frontend.normalize(samples, carrier_at, rate)
        kept = brought[64 : 64 + len(brought[64:-64]) // 128 * 128].reshape(-1, 128)
        iq = np.stack([kept.real, kept.imag], 1).astype(np.float32)
        return np.mean(model.decide(iq, AUTO).label == model.classes.index(name))

    shares = []
    for seed, name in enumerate(("BPSK", "QPSK", "8PSK", "PAM4", "QAM16", "CPFSK")):
        period = 4.0 + 2 * seed
        samples = received(name, period, -0.015, snr_db=18, length=8192, seed=seed)
        found = frontend.analyze(samples)
        assert found.symbol_rate.rate is not None
        blind = decided(name, found.carrier.frequency, found.symbol_rate.rate, samples)
        shares.append((blind, decided(name, -0.015, 1 / period, samples)))
    blind, oracle = np.mean(shares, 0)
    assert oracle > 0.8 and blind > oracle - 0.05, shares


def test_what_makes_no_sense():
    samples = received("QPSK")
    for rate, at in ((0.0, 0.0), (0.7, 0.0), (float("nan"), 0.0), (0.1, float("inf"))):
        with pytest.raises(UserError, match="cannot bring"):
            frontend.normalize(samples, at, rate)
    with pytest.raises(UserError, match="64 samples at least"):
        frontend.analyze(samples[:40])
    for bad in (np.zeros(500, complex), samples * np.nan):
        with pytest.raises(UserError, match="zero, or not finite"):
            frontend.analyze(bad)
    assert symbol_rate.estimate(samples[:200]).rate is None  # too few to say


@pytest.mark.skipif(not SHARED.exists(), reason="needs the recordings of ../shared")
@pytest.mark.parametrize(
    "name, baud, center",
    [("sat_picsat_9k6", 9600, 12e3), ("sat_il01", 9600, 12e3), ("sat_kr01", 1200, 1500)],
)
def test_a_satellite(name, baud, center):
    """The strongest part of a recording; its sampling rate may be off by 0.3 %."""
    sample_rate, audio = wavfile.read(SHARED / f"{name}.wav")
    samples = hilbert(audio.astype(float))
    pieces = samples[: len(samples) // 8192 * 8192].reshape(-1, 8192)
    found = frontend.analyze(pieces[np.argmax((np.abs(pieces) ** 2).mean(1))])
    assert found.symbol_rate.rate * sample_rate == pytest.approx(baud, rel=0.005)
    assert found.carrier.frequency * sample_rate == pytest.approx(center, abs=700)


def test_command(tmp_path, capsys):
    path = tmp_path / "bench.json"
    with pytest.raises(SystemExit) as stopped:
        main(
            ["bench", "frontend", "--snr", "15", "--signals", "2", "--length", "1024"]
            + ["--json", str(path)]
        )
    assert not stopped.value.code
    document = json.loads(path.read_text())
    assert document["settings"]["length"] == 1024
    rows = {row["name"]: row for row in document["rows"]}
    assert set(rows) == {*modulated_signals.DIGITAL, *modulated_signals.ANALOG}
    assert rows["QPSK"]["rate_right"] in (0, 0.5, 1) and rows["AM"]["rate_right"] is None
    assert "carrier right" in " ".join(capsys.readouterr().out.split())
