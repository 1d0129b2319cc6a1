"""Attacks behind a link that they do not know: the link itself, both attacks, and the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_amc import data, frames, power
from robust_amc.attacks import (
    Goal,
    Link,
    LinkSettings,
    StreamSettings,
    noise,
    per_burst,
    universal_stream,
)
from robust_amc.attacks.pgd import descend
from robust_amc.attacks.universal import read_waveform
from robust_amc.cli import attack as command
from robust_amc.cli import bench
from robust_amc.data import FrameDataset
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.evaluation.levels import levels
from robust_amc.evaluation.metrics import share_of_difference
from robust_amc.evaluation.stream import StreamTrial

from .conftest import CLASSES, toy_frames

LENGTH = 512
LINK = LinkSettings(("timing", "phase", "carrier"))
QUICK = StreamSettings(LINK, steps=40)


def toy_bursts(count, seed):
    """Bursts of the easy classes, in which every frame is of one kind."""
    iq, label = toy_frames(2 * count, seed, LENGTH)
    keep = label % 2 == 0  # a chirp changes with time
    snr_db = np.full(keep.sum(), 10, np.float32)
    return FrameDataset(iq[keep], label[keep], CLASSES, snr_db, np.arange(keep.sum()), {})


def tone(frequency, rows=1):
    samples = np.tile(np.exp(2j * np.pi * frequency * np.arange(LENGTH)), (rows, 1))
    return torch.as_tensor(frames.to_iq(samples))


def drawn(over, count=3, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return Link.drawn(LinkSettings(over, **settings), count, 128, rng)


def received(link, iq, count=3):
    """Frames as complex ``[n, count, 128]``."""
    return frames.to_complex(link.received(iq, count, 128).numpy()).reshape(-1, count, 128)


def test_a_tone_behind_a_link():
    """Late, turned and shifted as drawn, by the closed form of a tone."""
    link = drawn(("timing", "phase", "carrier"), carrier=0.01)
    assert len(set(link.delay.ravel().tolist())) == 3 and (link.carrier.abs() <= 0.01).all()
    got = received(link, tone(0.125, 3)).reshape(3, -1)
    at = link.delay.numpy() + np.arange(384)  # on a time axis of the burst
    shifted = link.carrier.numpy() * np.floor(at)
    expected = np.exp(1j * (2 * np.pi * (0.125 * at + shifted) + link.phase.numpy()))
    np.testing.assert_allclose(got, expected, atol=2e-4)


def test_nothing_unknown_is_no_change():
    iq = torch.randn((2, 2, LENGTH), generator=torch.Generator().manual_seed(1))
    got = drawn((), 2).received(iq, 4, 128)
    expected = iq.view(2, 2, 4, 128).permute(0, 2, 1, 3).reshape(8, 2, 128)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_filter_channel_and_clock():
    link = drawn(("filter",), passband=(0.25, 0.25))
    assert np.abs(received(link, tone(0.25, 3))) == pytest.approx(1, abs=1e-4)
    assert np.abs(received(link, tone(0.3125, 3))).max() < 1e-4
    link = drawn(("channel",))
    gain = 1 + (link.gains * torch.exp(-2j * np.pi * 0.125 * link.delays)).sum(1)
    assert received(link, tone(0.125, 3))[:, 0, 0] == pytest.approx(gain.numpy(), abs=1e-4)
    link = drawn(("clock",), clock=0.01)
    turn = np.angle(received(link, tone(0.0625, 3))[:, 1, 64:66])
    made = (turn[:, 1] - turn[:, 0]) / (2 * np.pi)
    assert made == pytest.approx(0.0625 * (1 + link.clock[:, 0].numpy()), abs=1e-3)


def test_links_that_cannot_be():
    with pytest.raises(UserError, match="there are timing"):
        LinkSettings(("time",))
    for wrong in ({"carrier": 1.0}, {"clock": -1.0}, {"passband": (0.4, 0.3)}):
        with pytest.raises(UserError):
            LinkSettings(**wrong)
    assert LINK.frames_of(LENGTH, 128) == 3 and LinkSettings(()).frames_of(LENGTH, 128) == 4
    with pytest.raises(UserError, match="two frames"):
        LINK.frames_of(254, 128)


def test_momentum_by_hand():
    """Two steps of a tenth, along one axis and then, in part, along another."""
    axes = iter(torch.eye(8).view(8, 1, 2, 4))

    def evaluate(iq, rows):
        return (iq * next(axes)).sum((1, 2)), torch.zeros(len(iq), dtype=torch.bool)

    made = descend(evaluate, torch.zeros((1, 2, 4)), torch.ones(1), steps=2, step_size=0.2,
                   stop_at_success=False, momentum=0.75)  # fmt: skip
    expected = [-0.1 - 0.1 * 0.75 / 1.25, -0.1 / 1.25, 0, 0, 0, 0, 0, 0]
    assert made.iq.ravel().tolist() == pytest.approx(expected, abs=1e-6)


def test_an_attack_in_expectation_beats_an_aligned_one(plain):
    """Behind links that neither knows; both within the budget of the burst."""
    trial = StreamTrial(plain, toy_bursts(12, 60), QUICK, seed=3)
    wins, margin = {}, {}
    for attack, made in (
        ("none", trial.bursts.iq), ("aligned", trial.made("aligned", -5)),
        ("stream", trial.made("stream", -5)),
    ):  # fmt: skip
        norm = np.sqrt(frames.energy((made - trial.bursts.iq).astype(np.float64)))
        assert (norm <= trial.epsilon(-5) * 1.001).all()
        got = trial.received(made)
        wins[attack] = 1 - trial.outcome(got).correct.mean()
        score = plain.decide(got, "as_model").score
        true = np.take_along_axis(score, trial.label[:, None], 1)[:, 0]
        np.put_along_axis(score, trial.label[:, None], -np.inf, 1)
        margin[attack] = np.tanh(true - score.max(1)).mean()
    assert wins["stream"] > wins["none"] + 0.3 and wins["stream"] >= wins["aligned"]
    assert margin["stream"] < margin["aligned"] - 0.1


def test_invalid_bursts_are_left_alone(plain):
    bursts = toy_bursts(4, 61)
    bursts.iq[1] = 0
    made = per_burst(plain, bursts.iq, bursts.label, np.full(4, 0.01),
                     settings=StreamSettings(LINK, steps=2))  # fmt: skip
    assert (made[1] == 0).all() and (made[[0, 2, 3]] != bursts.iq[[0, 2, 3]]).any((1, 2)).all()


def test_a_universal_waveform_at_any_offset(plain):
    bursts, fresh = toy_bursts(12, 62), toy_bursts(12, 63)
    trial = StreamTrial(plain, fresh, QUICK, seed=4)
    radius = power.epsilon(frames.energy(bursts.iq), 10, 4)
    made = universal_stream(plain, bursts.iq, bursts.label, radius, samples=96, settings=QUICK,
                            bursts=8, goal=Goal.EVASION)  # fmt: skip
    assert made.waveform.shape == (2, 96)
    assert np.linalg.norm(made.waveform) == pytest.approx(1, rel=1e-5)
    perturbed = trial.with_waveform(made.unit_power, 4)
    assert frames.energy(perturbed - fresh.iq) == pytest.approx(trial.epsilon(4) ** 2, rel=1e-3)
    noisy = noise(fresh.iq, trial.epsilon(4), seed=1)
    found = [trial.outcome(trial.received(iq)).correct.mean() for iq in (perturbed, noisy)]
    assert found[0] < found[1] - 0.1
    with pytest.raises(UserError, match="waveform of 600"):
        universal_stream(plain, bursts.iq, bursts.label, radius, samples=600, settings=QUICK)


def test_levels_by_hand():
    """A signal of energy 1100 at 10 dB: the noise has 100; 10 of perturbation are -10 dB."""
    iq = np.zeros((1, 2, 50), np.float32)
    iq[0, 0, 0] = 1100**0.5
    known = {"true_snr_db": np.full(1, 20, np.float32)}
    clean = FrameDataset(iq, np.zeros(1, np.int16), ("x",), np.full(1, 10, np.float32),
                         np.zeros(1, np.int32), extra=known)  # fmt: skip
    perturbed = iq.copy()
    perturbed[0, 1, 1] = 10**0.5
    found = levels(clean, perturbed, -10)
    psr = 10 * np.log10(10 / 1100)
    assert [found["psr_db"], found["measured_psr_db"]] == pytest.approx([psr, psr], abs=1e-4)
    assert (found["snr_db"], found["measured_snr_db"], found["pnr_db"]) == (10, 20, -10)
    assert found["measured_pnr_db"] == pytest.approx(psr + 10 * np.log10(101), abs=1e-4)


def test_measured_snr_of_a_signal_in_noise():
    rng = np.random.default_rng(0)
    white = rng.standard_normal((2, 8192))
    slow = np.convolve(rng.standard_normal(8192), np.hanning(64), "same")
    slow *= (100 * 2) ** 0.5 / slow.std()  # 100 times the power of the noise
    iq = (white + [slow, np.zeros(8192)])[None].astype(np.float32)
    clean = FrameDataset(iq, np.zeros(1, np.int16), ("x",), np.zeros(1, np.float32),
                         np.zeros(1, np.int32))  # fmt: skip
    assert levels(clean, iq + 0.1, 0)["measured_snr_db"] == pytest.approx(20, abs=1.5)


def test_share_of_a_difference():
    first, second, whole = np.ones(8, bool), np.arange(8) % 4 > 0, np.arange(8) % 2 > 0
    share, interval = share_of_difference(first, second, whole, np.arange(8) // 4)
    assert share == pytest.approx(0.25 / 0.5) and interval == pytest.approx([0.5, 0.5])


class TestCommand:
    """`htrd attack stream` and its kin, as typed."""

    @pytest.fixture(autouse=True)
    def files(self, plain, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        plain.save("m.safetensors")
        npz.write(toy_bursts(6, 64), "bursts.npz")

    def run(self, app, *words):
        with pytest.raises(SystemExit) as done:
            app([str(word) for word in words])
        assert not done.value.code

    def test_a_file(self, capsys):
        self.run(command.app, "stream", "bursts.npz", "out.npz", "--model", "m.safetensors",
                 "--pnr", -10, "--over", "timing,phase", "--steps", 2)  # fmt: skip
        clean, made = data.read("bursts.npz"), data.read("out.npz")
        np.testing.assert_array_equal(made.label, clean.label)
        added = frames.energy((made.iq - clean.iq.astype(np.float32)).astype(np.float64))
        budget = power.epsilon(frames.energy(clean.iq.astype(np.float32)), 10, -10) ** 2
        assert (added <= budget * 1.01).all() and (added > 0).all()
        assert made.metadata["attack_settings"]["link"]["over"] == ["timing", "phase"]
        assert made.metadata["psr_db"] == pytest.approx(-10 - 10 * np.log10(11), abs=0.01)
        said = capsys.readouterr().out
        assert "PNR -10.0 dB nominal" in said and "SNR 10.0 dB nominal" in said

    def test_a_recording(self):
        samples = frames.to_complex(toy_bursts(2, 65).iq[:1])[0]
        samples.tofile("in.cf32")
        self.run(command.app, "stream", "in.cf32", "out.sigmf-meta", "--model", "m.safetensors",
                 "--pnr", 0, "--steps", 1, "--burst", 256, "--sample-rate", 1e6,
                 "--modulation", "tone", "--label-snr", 10)  # fmt: skip
        made = data.read("out.sigmf-meta", 256)
        assert len(made) == 2 and made.truth.tolist() == ["tone", "tone"]
        assert np.abs(frames.to_complex(made.iq).ravel() - samples).max() > 0

    def test_a_waveform(self):
        self.run(command.app, "universal", "--dataset", "bursts.npz", "--output", "w.cf32",
                 "--model", "m.safetensors", "--pnr", 0, "--over", "timing,phase", "--steps", 2,
                 "--samples", 200)  # fmt: skip
        samples = read_waveform("w.cf32")
        assert len(samples) == 200
        assert np.mean(np.abs(samples) ** 2) == pytest.approx(1, rel=1e-5)
        assert json.loads(Path("w.json").read_text())["over"] == ["timing", "phase"]
        self.run(bench.app, "stream-attack", "--dataset", "bursts.npz", "--model",
                 "m.safetensors", "--bursts", 1, "--steps", 2, "--waveform", "w.cf32",
                 "--json", "r.json")  # fmt: skip
        rows = json.loads(Path("r.json").read_text())["rows"]
        names = [row["attack"] for row in rows]
        assert names == ["none", "frames", "known", "aligned", "stream", "universal"]
        none, *others = rows
        assert none["effect"] == 0 and none["accuracy"] >= min(row["accuracy"] for row in others)
        for row in others:
            assert row["effect"] == pytest.approx(none["accuracy"] - row["accuracy"])
        assert rows[4]["psr_db"] == pytest.approx(-10 - 10 * np.log10(11), abs=0.01)

    def test_mistakes(self):
        for words, line in (
            (("bursts.npz", "x.npz", "--over", "weather"), "weather"),
            (("bursts.npz", "y.npz", "--burst", 130), "two frames"),
            (("bursts.npz", "bursts.npz"), "exists already"),
        ):
            with pytest.raises(UserError, match=line):
                command.app(["stream", *map(str, words), "--model", "m.safetensors", "--pnr", "0"],
                            standalone_mode=False)  # fmt: skip
        Path("odd.cf32").write_bytes(b"123")
        with pytest.raises(UserError, match="not a waveform"):
            read_waveform("odd.cf32")
