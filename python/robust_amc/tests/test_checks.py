"""Warnings about evaluations that mislead: each is provoked, and a sound one has none."""

import json
import sys

import numpy as np
import pytest
from torch import nn

from robust_amc.attacks import AttackSettings, objectives
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.evaluation import Outcome, SecurityCurve, checks

from .conftest import toy_dataset

# the package exports a function under the name of a module
curve_module = sys.modules["robust_amc.evaluation.curve"]
SOUND = AttackSettings(steps=20, restarts=1)
WEAK = AttackSettings(steps=1, restarts=0, objectives=1, chained=False)
IDLE = AttackSettings(steps=2, step_size=1e-3, restarts=0, objectives=1, chained=False)


@pytest.fixture(scope="module")
def few():
    return toy_dataset(80, 70).select(snr_db=[10])


def names(curve, **options):
    return [each["check"] for each in checks.review(curve, **options)]


def test_a_sound_attack_has_no_warning(plain, few):
    curve = SecurityCurve(plain, few, "pgd", SOUND)
    for level in (-5, 10):
        curve.point(level)
    assert names(curve) == []


def test_an_attack_of_too_few_steps(plain, few):
    curve = SecurityCurve(plain, few, "pgd", WEAK)
    curve.point(0)
    (warning,) = checks.review(curve)
    assert warning["check"] == "steps" and warning["model"] == "plain"
    assert "--steps" in warning["message"] and "on 40 frames" in warning["message"]
    assert names(curve, probe=False) == []


def test_an_attack_that_does_not_move(plain, few):
    """Something is left at a high PNR, and noise does more."""
    curve = SecurityCurve(plain, few, "pgd", IDLE)
    curve.point(18)
    assert {"floor", "black_box"} <= set(names(curve))
    curve = SecurityCurve(plain, few, "pgd", IDLE)
    curve.point(9)
    assert "floor" not in names(curve, probe=False)  # it may be left below 10 dB


def test_a_black_box_attack_that_is_stronger_than_the_white_box(plain, few):
    rest = toy_dataset(80, 71)
    weak = SecurityCurve(plain, few, "universal", IDLE, craft_on=rest)
    weak.point(10)
    assert names(weak) == ["black_box"]
    sound = SecurityCurve(plain, few, "universal", SOUND, craft_on=rest)
    sound.point(10)
    assert names(sound) == []


def test_a_gradient_that_is_zero(plain, few, monkeypatch):
    def flat(classifier, outputs, label):
        return outputs.logits.sum(1) * 0

    monkeypatch.setattr(objectives, "objectives_for", lambda *_: (flat,))
    curve = SecurityCurve(plain, few, "pgd", WEAK)
    curve.point(0)
    (warning,) = checks.review(curve, probe=False)
    assert warning["check"] == "flat" and "100%" in warning["message"]


class Masked(nn.Module):
    """The same decisions without a gradient, and with it in a part."""

    def __init__(self, network):
        super().__init__()
        self.network, self.feature_count = network, network.feature_count

    def features(self, iq):
        return self.network.features(iq)

    def logits(self, features):
        return self.network.logits(features).round(decimals=4)

    def part_logits(self, iq):
        return self.network(iq)[:, None]


def test_a_part_whose_gradient_the_whole_masks(plain, few):
    masked = Classifier(Masked(plain.network), plain.classes, metadata=plain.metadata, name="m")
    curve = SecurityCurve(masked, few, "pgd", WEAK)
    curve.point(0)
    assert "parts" in names(curve)
    assert "parts" not in names(curve, probe=False)


def test_a_perturbation_outside_its_ball(plain, few, monkeypatch):
    honest = curve_module.noise
    monkeypatch.setattr(curve_module, "noise", lambda iq, epsilon, seed: honest(iq, 1.2 * epsilon))
    curve = SecurityCurve(plain, few, "noise")
    curve.point(0)
    (warning,) = checks.review(curve)
    assert warning["check"] == "ball" and "20.0%" in warning["message"]


def test_an_attack_needs_a_pnr(plain, few):
    for attack in ("pgd", "noise"):
        with pytest.raises(UserError, match=f"the attack {attack} needs a PNR"):
            SecurityCurve(plain, few, attack).point()


@pytest.mark.parametrize("wrong", [(30, 4), (4, 30), (20, 19)])
def test_accuracy_that_rises_with_the_budget(wrong, plain, few):
    """More than chance can explain, in either order of the levels."""
    curve = SecurityCurve(plain, few, "pgd")
    for level, count in zip((-10, 0), wrong):
        decided = np.where(np.arange(len(few)) < count, (few.label + 1) % 4, few.label)
        outcome = Outcome(few.label, decided, attacked=True)
        row = {"pnr_db": level, "robust_accuracy": 1 - count / len(few)}
        curve.points.insert(0, (row, outcome))
    assert names(curve, probe=False) == (["rising"] if wrong == (30, 4) else [])


def test_rejection_that_rises_under_a_weaker_attack_is_fine(rejecting, few):
    curve = SecurityCurve(rejecting, few, "noise")
    quiet, loud = curve.point(-10)[0], curve.point(30)[0]
    assert loud["rejection_rate"] > quiet["rejection_rate"]
    assert names(curve) == []


def test_warnings_about_the_data(rejecting, few):
    silent = toy_dataset(80, 70).select(snr_db=[10])
    silent.iq[:2] = 0
    curve = SecurityCurve(rejecting, silent, "none")
    assert [each["check"] for each in checks.of_data(curve, few)] == ["invalid"]
    elsewhere = toy_dataset(80, 70)
    elsewhere.snr_db[:] = 4
    elsewhere.iq[:] *= 3
    curve = SecurityCurve(rejecting, elsewhere, "none")
    found = checks.of_data(curve, elsewhere)
    assert [each["check"] for each in found] == ["calibration", "scaling"]
    assert "0, 10 dB" in found[0]["message"] and "sum_abs" in found[1]["message"]


def test_a_curve_goes_on_from_its_state(rejecting, few):
    """The second of two levels is the same, whether in one go or after a stop."""
    whole = SecurityCurve(rejecting, few, "pgd", WEAK)
    stopped = SecurityCurve(rejecting, few, "pgd", WEAK)
    for curve in (whole, stopped):
        curve.point(-5)
    resumed = SecurityCurve(rejecting, few, "pgd", WEAK)
    stopped.excess = 0.25
    resumed.load_state_dict(stopped.state_dict())
    assert resumed.excess == 0.25  # what was wrong before the stop still is
    for (row, outcome), (again, repeated) in [(whole.point(3), resumed.point(3))]:
        assert row == again
        np.testing.assert_array_equal(outcome.recognized, repeated.recognized)
    noise = SecurityCurve(rejecting, few, "noise")
    noise.excess = 0.5
    again = SecurityCurve(rejecting, few, "noise")
    again.load_state_dict(noise.state_dict())
    assert again.excess == 0.5


def test_the_command_line_tells_and_writes_them(rejecting, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(80, 70), "toy.npz")
    rejecting.save("m.safetensors")
    command = [
        "evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--snr", "10",
        "--attack", "pgd", "--pnr", "12", "--steps", "1", "--restarts", "0", "--json", "o.json",
        "--device", "cpu",
    ]  # fmt: skip
    steps = {"check": "steps", "message": "more steps win more"}
    monkeypatch.setattr(checks, "probed", lambda curve, progress: [steps])
    with_probe, without = [], []
    for found, more in ((with_probe, []), (without, ["--no-probe"])):
        with pytest.raises(SystemExit) as done:
            main([*command, *more])
        assert not done.value.code
        found += json.loads((tmp_path / "o.json").read_text())["warnings"]
        said = capsys.readouterr().err
        assert said.count("warning: m:") == len(found)
    assert [each["check"] for each in without] == ["floor"]
    assert [each["check"] for each in with_probe] == ["floor", "steps"]
    assert with_probe[0]["snr_db"] == 10 and with_probe[0]["model"] == "m"


@pytest.mark.parametrize("attack", ["universal", "grey", "transfer"])
def test_attacks_by_name_in_the_command_line(attack, rejecting, plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(200, 72), "toy.npz")
    rejecting.save("m.safetensors")
    plain.save("other.safetensors")
    more = ["--source", "other.safetensors"] if attack == "transfer" else []
    with pytest.raises(SystemExit) as done:
        main([
            "evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--attack", attack,
            "--pnr", "0", "--frames", "60", "--steps", "5", "--no-probe", "--json", "o.json",
            "--device", "cpu", *more,
        ])  # fmt: skip
    assert not done.value.code
    results = json.loads((tmp_path / "o.json").read_text())
    (row,) = results["rows"]
    assert row["attack"] == attack and row["frames"] == 60
    assert results["settings"]["source"] == (more[1] if more else None)
