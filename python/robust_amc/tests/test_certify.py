"""Randomized smoothing: what is proved is true, what is attacked is not proved; the command."""

import json

import numpy as np
import pytest
import torch
from scipy import stats

from robust_amc import data, frames, power
from robust_amc.cli import main
from robust_amc.errors import UserError
from robust_amc.evaluation import certified
from robust_amc.evaluation.figures import certified_curve
from robust_amc.evaluation.smoothing import Smoothed, SmoothingSettings, deviation

from .test_cli import refused, run

LENGTH = 128


class Halfspace:
    """Decides by the sign of a projection, whose smoothed radius is known exactly."""

    classes = ("left", "right")
    device = torch.device("cpu")

    def __init__(self, threshold=None):
        direction = torch.zeros(2, LENGTH)
        direction[0, 0] = 1.0
        self.direction, self.threshold = direction, threshold

    def network(self, iq):
        along = (iq * self.direction).sum((1, 2))
        return torch.stack([-along, along], 1)

    def scores(self, iq):
        return self.network(iq)

    def label_of(self, score):
        best, label = score.max(1)
        return label if self.threshold is None else torch.where(best > self.threshold, label, -1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def at(distance):
    """A frame so far on the side of class 1."""
    iq = torch.zeros(2, LENGTH)
    iq[0, 0] = distance
    return iq


def smoothed(deviation=0.5, threshold=None, **settings):
    known = {"samples": 4000, "selection": 100} | settings
    return Smoothed(Halfspace(threshold), deviation, SmoothingSettings(**known))


def test_the_radius_is_below_the_true_one_and_near_it():
    """Of a half-space the smoothed classifier's radius is the distance to the plane."""
    for distance in (0.2, 0.5, 0.9):
        found = smoothed().certify(at(distance), generator())
        assert found.label == 1
        assert 0.8 * distance < found.radius < distance
    # As many samples as there are bound what can be proved
    far = smoothed(samples=1000).certify(at(50.0), generator())
    most = 0.5 * stats.norm.ppf(0.001 ** (1 / 1000))
    assert far.radius == pytest.approx(most, rel=1e-6)


def test_on_the_boundary_it_abstains():
    assert smoothed().certify(at(0.0), generator()) == certified_nothing()
    assert smoothed().predict(at(0.0), 1000, generator()) == -1
    assert smoothed().predict(at(0.5), 1000, generator()) == 1


def certified_nothing():
    from robust_amc.evaluation.smoothing import Certificate

    return Certificate(-1, 0.0)


def test_rejected_frames_are_no_votes():
    unsure = smoothed(threshold=10.0)
    assert unsure.votes(at(0.5), 100, generator()).sum() == 0
    assert unsure.certify(at(0.5), generator()) == certified_nothing()
    assert unsure.predict(at(0.5), 100, generator()) == -1


@pytest.mark.parametrize(("epsilon", "is_broken"), [(0.3, False), (0.8, True)])
def test_the_attack_wins_beyond_the_boundary_and_stays_in_the_ball(epsilon, is_broken):
    system, frame = smoothed(), at(0.5)
    perturbed = system.attack(frame, 1, epsilon, generator())
    assert (perturbed - frame).norm() <= epsilon * (1 + 1e-5)
    assert (system.predict(perturbed, 1000, generator(1)) != 1) is is_broken


def test_at_the_boundary_the_attack_goes_on():
    """A majority of few votes is chance there: it takes the rest of its budget."""
    for seed in range(5):
        perturbed = smoothed().attack(at(0.5), 1, 0.56, generator(seed))
        assert float(perturbed[0, 0]) < -0.04


def test_noise_has_the_norm_it_is_said_to_have():
    iq = torch.randn(50, 2, LENGTH, generator=generator())
    spread = deviation(iq, 0.5)
    noise = spread * torch.randn(500, 2, LENGTH, generator=generator(1))
    share = frames.flat_norm(noise).mean() / frames.flat_norm(iq).median()
    assert float(share) == pytest.approx(0.5, rel=0.01)


def test_nonsense_is_refused():
    for wrong in ({"sigma": 0.0}, {"alpha": 0.5}, {"samples": 0}, {"sigma": float("nan")}):
        with pytest.raises(UserError):
            SmoothingSettings(**wrong)


COMMAND = (
    "certify", "--model", "modern", "--dataset", "sample", "--snr", "10", "--pnr=-30,-10,5",
    "--samples", "200", "--frames", "8", "--steps", "8", "--sigma", "0.3",
)  # fmt: skip


def test_rows_of_the_command(tmp_path, capsys):
    """What is proved is never above what the attack leaves, and both fall with the PNR."""
    path = tmp_path / "certified.json"
    run(*COMMAND, "--json", path, "--figure", tmp_path / "curve.png")
    document = json.loads(path.read_text())
    rows = document["rows"]
    assert [row["pnr_db"] for row in rows] == [-30, -10, 5]
    for row in rows:
        assert row["certified_accuracy"] <= row["robust_accuracy"] <= row["accuracy"]
        assert (row["model"], row["snr_db"], row["frames"]) == ("modern", 10, 8)
        assert (row["sigma"], row["samples"]) == (0.3, 200)
        low, high = row["robust_accuracy_interval"]
        assert low <= row["robust_accuracy"] <= high
    for name in ("certified_accuracy", "robust_accuracy"):
        values = [row[name] for row in rows]
        assert values == sorted(values, reverse=True)
    assert rows[-1]["certified_accuracy"] == 0  # more than 200 samples can prove
    assert rows[0]["accuracy"] > 0.4
    assert "certified accuracy" in capsys.readouterr().out
    assert (tmp_path / "curve.png").stat().st_size > 10_000
    assert {each.name for each in tmp_path.iterdir()} == {"certified.json", "curve.png"}


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    straight, resumed = tmp_path / "a.json", tmp_path / "b.json"
    run(*COMMAND, "--json", straight)
    done = []
    whole = certified._certify

    def stopped(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(certified, "_certify", stopped)
    with pytest.raises(SystemExit):
        main([*COMMAND, "--json", str(resumed)])
    monkeypatch.setattr(certified, "_certify", whole)
    (notes,) = tmp_path.glob(".b.json*.frames")
    assert len(notes.read_text().splitlines()) == 4
    with open(notes, "a") as file:
        file.write('{"frame": 3, "la')  # stopped while writing
    calls = []
    monkeypatch.setattr(
        certified, "_certify", lambda *arguments: calls.append(1) or whole(*arguments)
    )
    run(*COMMAND, "--json", resumed, "--resume")
    assert len(calls) == 5
    assert json.loads(resumed.read_text())["rows"] == json.loads(straight.read_text())["rows"]


def test_notes_of_another_run_and_damaged_ones(tmp_path):
    path = tmp_path / "notes"
    certified.Notes(path, {"seed": 1}, False).add(certified.CertifiedFrame(0, 1, 0.5, None))
    again = certified.Notes(path, {"seed": 1}, True)
    assert again.known == {0: certified.CertifiedFrame(0, 1, 0.5, None)}
    with pytest.raises(UserError, match="of another run"):
        certified.Notes(path, {"seed": 2}, True)
    path.write_text(path.read_text() + '{"frame": -1}\n{"frame": 2}\n')
    with pytest.raises(UserError):
        certified.Notes(path, {"seed": 1}, True)


def test_what_the_command_refuses(capsys):
    assert "--resume goes with --json" in refused(capsys, *COMMAND, "--resume")
    assert "positive sigma" in refused(capsys, *COMMAND[:-1], "0")


def test_budgets_are_those_of_the_threat_model():
    sample = data.read("sample").select(snr_db=[10.0]).limit(5, 0).in_memory()
    found = certified.epsilons(sample, [-20.0, -10.0])
    energy = (sample.iq.astype(float) ** 2).sum((1, 2))
    np.testing.assert_allclose(found[:, 0], power.epsilon(energy, 10.0, -20.0), rtol=1e-5)
    assert (found[:, 1] > found[:, 0]).all()


def test_the_curve_of_several_models(tmp_path):
    row = {"snr_db": 10.0, "sigma": 0.5, "accuracy": 0.9}
    rows = [
        row | {"model": name, "pnr_db": level, "certified_accuracy": 0.5, "robust_accuracy": 0.8}
        for name in ("a", "b")
        for level in (-20, -30)
    ]
    certified_curve(rows, tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    assert "a, noise 0.5, SNR 10 dB: certified" in text and "b, noise" in text
