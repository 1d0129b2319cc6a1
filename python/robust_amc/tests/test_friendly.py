"""The friendly receiver against theory; what a perturbation does to it and to an eavesdropper."""

import json
import zlib
from math import erfc, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_amc import modem
from robust_amc.attacks import LinkSettings, StreamSettings
from robust_amc.classifier import Classifier
from robust_amc.cli import bench
from robust_amc.errors import UserError
from robust_amc.evaluation.friendly import Scenario
from robust_amc.models import build
from robust_amc.modem import burst, constellation

from .conftest import toy_metadata

QUICK = StreamSettings(LinkSettings(("timing", "phase", "carrier")), steps=3)


def link(samples, rng, noise=0.0, delay=2.3, frequency=4e-4):
    """Late, quieter, turned and shifted, in noise of that power a sample."""
    count, length = samples.shape
    late = np.exp(-2j * np.pi * np.fft.fftfreq(length) * delay)
    turned = np.exp(2j * np.pi * (frequency * np.arange(length) + rng.random((count, 1))))
    white = rng.standard_normal((2, count, length)) * sqrt(noise / 2)
    return 0.3 * (np.fft.ifft(np.fft.fft(samples) * late) * turned + white[0] + 1j * white[1])


@pytest.mark.parametrize("name", constellation.NAMES)
def test_neighbors_differ_in_one_bit(name):
    found = modem.Constellation.of(name)
    assert np.mean(np.abs(found.points) ** 2) == pytest.approx(1)
    number = np.arange(len(found.points))
    bits = found.demodulated(number)
    assert bits.shape == (len(number) * found.bits,)
    np.testing.assert_array_equal(found.modulated(bits), number)
    distance = np.abs(found.points[:, None] - found.points)
    nearest = np.isclose(distance, distance[distance > 1e-9].min())
    differ = np.array([[(a ^ b).bit_count() for b in number.tolist()] for a in number.tolist()])
    assert (differ[nearest] == 1).all()


def test_a_checksum_by_hand():
    sent = modem.transmitted("QPSK", 3, 100, np.random.default_rng(0))
    row = sent.bits[1]
    assert len(row) == 200 and burst.checked(sent.bits).all()
    packed = np.packbits(row[:168].astype(np.uint8)).tobytes()
    assert int("".join(map(str, row[168:])), 2) == zlib.crc32(packed)
    wrong = sent.bits.copy()
    wrong[:, 5] ^= 1
    assert not burst.checked(wrong).any()


@pytest.mark.parametrize("name", modem.NAMES)
def test_known_bits_are_sent_again(name):
    sent = modem.transmitted(name, 2, 80, np.random.default_rng(5))
    again = modem.modulated(name, sent.bits)
    np.testing.assert_array_equal(again.samples, sent.samples)
    np.testing.assert_array_equal(again.number, sent.number)


def test_bits_that_are_no_burst():
    for count in (0, 7):
        with pytest.raises(UserError, match="fill no symbols of QPSK"):
            modem.modulated("QPSK", np.zeros((1, count), int))
    with pytest.raises(UserError, match="no payload"):
        modem.transmitted("QPSK", 1, 16, np.random.default_rng(0))


@pytest.mark.parametrize("name", modem.NAMES)
def test_a_clean_link_leaves_no_error(name):
    rng = np.random.default_rng(1)
    sent = modem.transmitted(name, 6, 80, rng)
    active = sent.samples[:, sent.active]
    assert np.mean(np.abs(active) ** 2) == pytest.approx(1, rel=0.15)
    for delay, frequency in ((0.0, 0.0), (2.3, 4e-4), (-17.5, -5e-4)):
        got = modem.receive(link(sent.samples, rng, 0, delay, frequency), sent)
        assert (got.symbol_errors == 0).all() and (got.bit_errors == 0).all()
        # the Gaussian filter smears a symbol over its neighbors
        most = {"GFSK": 0.3, "CPFSK": 0.06}.get(name, 0.003)
        assert got.passed.all() and got.error_vector.max() < most


@pytest.mark.parametrize(
    ("name", "db", "expected"),
    [  # Proakis, Digital Communications: of the symbol's energy over the noise density
        ("BPSK", 5.0, lambda ratio: erfc(sqrt(ratio)) / 2),
        ("PAM4", 11.0, lambda ratio: 0.75 * erfc(sqrt(ratio / 5))),
        ("QPSK", 9.0, lambda ratio: erfc(sqrt(ratio / 2))),
    ],
)
def test_symbol_errors_in_noise(name, db, expected):
    """Within a decibel of theory: what finding clock and carrier may cost."""
    rng = np.random.default_rng(2)
    sent = modem.transmitted(name, 150, 120, rng)
    noise = burst.SAMPLES_PER_SYMBOL / 10 ** (db / 10)
    # the middle burst: a few in which the loop slips are no matter of the noise at a symbol
    found = np.mean(np.sort(modem.receive(link(sent.samples, rng, noise), sent).symbol_errors)[:-8])
    low, high = expected(10 ** (db / 10)), expected(10 ** ((db - 1.5) / 10))
    assert 0.6 * low < found < high


@pytest.mark.parametrize("name", ["CPFSK", "GFSK"])
def test_what_is_spared_does_not_pass_the_filter(name):
    rng = np.random.default_rng(4)
    sent = modem.transmitted(name, 4, 80, rng)
    delta = torch.randn((4, 2, sent.active.stop - sent.active.start),
                        generator=torch.Generator().manual_seed(1))  # fmt: skip
    errors = {}
    for share in (0.0, 1.0):
        left = modem.Spared(sent, share).shape(delta).numpy()
        samples = sent.samples.copy()
        samples[:, sent.active] += left[:, 0] + 1j * left[:, 1]
        errors[share] = modem.receive(samples, sent).bit_errors.mean()
    assert errors[1.0] == 0 < errors[0.0]


def test_what_is_spared_is_not_seen():
    rng = np.random.default_rng(3)
    sent = modem.transmitted("QAM16", 4, 60, rng)
    length = sent.active.stop - sent.active.start
    delta = 0.2 * torch.randn((4, 2, length), generator=torch.Generator().manual_seed(0))
    vectors = {}
    for share in (0.0, 0.5, 1.0):
        left = modem.Spared(sent, share).shape(delta)
        assert (left.flatten(1).norm(dim=1) <= delta.flatten(1).norm(dim=1) * 1.0001).all()
        samples = sent.samples.copy()
        samples[:, sent.active] += left[:, 0].numpy() + 1j * left[:, 1].numpy()
        vectors[share] = modem.receive(samples, sent).error_vector.mean()
    clean = modem.receive(sent.samples, sent).error_vector.mean()
    added = {share: vector - clean for share, vector in vectors.items()}
    # white, of power 2 · 0.04 a sample and dimension; a symbol has the energy of 8 samples
    assert added[0.0] == pytest.approx(0.08 / burst.SAMPLES_PER_SYMBOL, rel=0.4)
    assert added[0.5] == pytest.approx(added[0.0] / 4, rel=0.4)
    assert added[1.0] < 1e-3
    for wrong in (-0.1, 1.1):
        with pytest.raises(UserError, match="0 … 1"):
            modem.Spared(sent, wrong)
    with pytest.raises(UserError, match="no modem for AM"):
        modem.transmitted("AM-DSB", 1, 60, rng)


@pytest.fixture(scope="module")
def eavesdropper():
    """A network that knows two of the classes; it has learned nothing."""
    torch.manual_seed(0)
    metadata = toy_metadata()
    return Classifier(build("vtcnn2", 2, input_gain=100.0), ("BPSK", "WEATHER"), metadata=metadata)


def test_both_receivers_side_by_side(eavesdropper):
    scenario = Scenario(eavesdropper, QUICK, snr_db=20.0, bursts=3)
    none, seen, spared = scenario.rows(4.0, [0.0, 1.0], log=lambda line: None)
    assert none["frames"] == 3 * 8 and list(none["by_class"]) == ["BPSK"]
    assert none["psr_db"] is None and none["measured_snr_db"] == pytest.approx(20, abs=0.5)
    for row in (seen, spared):
        assert (row["pnr_db"], row["psr_db"]) == (4, -16)
        assert row["measured_psr_db"] <= -16 + 0.01
        levels = [row[f"measured_{name}_db"] for name in ("pnr", "psr", "snr")]
        assert levels[0] == pytest.approx(levels[1] + levels[2])
    assert spared["error_vector"] < none["error_vector"] + 1e-3 < seen["error_vector"]
    assert none["bit_errors"] == spared["bit_errors"] == 0 and none["passed"] == 1
    strange = Classifier(eavesdropper.network, ("A", "B"), metadata=eavesdropper.metadata)
    with pytest.raises(UserError, match="knows none"):
        Scenario(strange, QUICK).rows(0.0, [1.0])


def test_the_command(eavesdropper, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    eavesdropper.save("e.safetensors")
    with pytest.raises(SystemExit) as done:
        bench.app(["friendly", "--model", "e.safetensors", "--bursts", "2", "--steps", "1",
                   "--spared", "0,1", "--json", "r.json", "--figure", "r.png"])  # fmt: skip
    assert not done.value.code
    rows = json.loads(Path("r.json").read_text())["rows"]
    assert [row["spared"] for row in rows] == [None, 0, 1]
    assert Path("r.png").stat().st_size > 5000
