"""Conformal calibration: levels have the distribution that is said, sets by hand, the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from torch import nn

from robust_amc.classifier import Classifier
from robust_amc.data import FrameDataset
from robust_amc.data.formats import npz
from robust_amc.decisions import Decisions
from robust_amc.errors import UserError
from robust_amc.inference import open_engine
from robust_amc.rejection import conformal
from robust_amc.rejection.conformal import ConformalSettings, calibrate

from .conftest import CLASSES, toy_dataset
from .test_cli import refused, run

RUNS, PER_RUN = 99, 5
SURE = 0.9999  # of intervals in tests that draw


class Told(Classifier):
    """Its scores and log posteriors are what the frames begin with."""

    def decide(self, iq, scaling=None, batch_size=64, posteriors=False):
        score = np.stack([iq[:, 0, 0], np.full(len(iq), -1e9)], 1)
        return Decisions(np.zeros(len(iq), int), score, np.ones(len(iq), bool), score - 100)


def told():
    metadata = {"rejector": {}}
    return Told(nn.Identity(), ("a", "b"), rejector=nn.Identity(), metadata=metadata)


def runs(rng, count=RUNS, snr_db=0.0, mean=0.0):
    """Frames whose scores are normal, four fifths of the variance that of the run."""
    shared = rng.standard_normal((count, 1)) * 0.8**0.5
    score = mean + shared + rng.standard_normal((count, PER_RUN)) * 0.2**0.5
    iq = np.ones((score.size, 2, 4), np.float32)
    iq[:, 0, 0] = score.ravel()
    return FrameDataset(
        iq, np.zeros(len(iq), np.int16), ("a", "b"), np.full(len(iq), snr_db, np.float32),
        np.arange(count, dtype=np.int32).repeat(PER_RUN),
    )  # fmt: skip


def test_one_frame_of_each_run_any_of_them():
    run_id = np.array([4, 4, 4, 9, 9, 1])
    drawn = [conformal.one_of_each_run(run_id, seed) for seed in range(40)]
    assert all(sorted(run_id[rows]) == [1, 4, 9] and sorted(rows) == [*rows] for rows in drawn)
    assert {int(row) for rows in drawn for row in rows} == set(range(6))


def test_the_level_of_false_rejections_has_the_beta_distribution():
    """The true level of each threshold is known here: that of a standard normal score."""
    rng = np.random.default_rng(0)
    levels, naive = [], []
    for seed in range(300):
        dataset = runs(rng)
        made = calibrate(told(), dataset, ConformalSettings(0.1, 0.8, seed=seed))
        (only,) = made.metadata["conformal"]["bins"]
        assert (only["runs"], only["rejected"], only["excluded"]) == (RUNS, 10, 20)
        assert made.threshold == only["threshold"]
        levels.append(stats.norm.cdf(only["threshold"]))
        every = np.sort(dataset.iq[:, 0, 0])
        naive.append(stats.norm.cdf(every[int(0.1 * (len(every) + 1)) - 1]))
    assert stats.kstest(levels, stats.beta(10, RUNS + 1 - 10).cdf).pvalue > 1e-4
    low, high = conformal.interval(10, RUNS)
    outside = np.mean((np.array(levels) < low) | (np.array(levels) > high))
    assert outside <= stats.binom.ppf(SURE, 300, 0.05) / 300
    # As if all frames were exchangeable, the interval would be too narrow by far
    low, high = conformal.interval(49, RUNS * PER_RUN)
    assert np.mean((np.array(naive) < low) | (np.array(naive) > high)) > 0.2


def test_new_runs_are_where_they_are_said_to_be():
    """Calibration and check on runs alike: of 200 of each, 95 % in the interval."""
    rng = np.random.default_rng(1)
    inside = []
    for seed in range(200):
        made = calibrate(told(), runs(rng), ConformalSettings(0.1, 0.8, seed=seed))
        made = told_as(made)
        (row,) = conformal.check(made, runs(rng, 60), seed)
        for name in ("rejection", "coverage"):
            low, high = row[f"{name}_interval"]
            inside.append(low - 1e-9 <= row[name] <= high + 1e-9)
    for column in (inside[::2], inside[1::2]):
        assert sum(column) >= stats.binom.ppf(1 - SURE, 200, 0.95)
    assert not all(inside)


def told_as(made):
    """A calibrated Told."""
    return Told(made.network, made.classes, made.rejector, made.threshold, made.metadata)


def test_each_label_by_itself():
    rng = np.random.default_rng(2)
    strong, weak = runs(rng, snr_db=10.0), runs(rng, snr_db=0.0, mean=-3.0)
    both = replace(
        strong,
        **{
            name: np.concatenate([getattr(strong, name), getattr(weak, name)])
            for name in ("iq", "label", "snr_db")
        },
        run_id=np.concatenate([strong.run_id, weak.run_id + RUNS]),
    )
    made = calibrate(told(), both, ConformalSettings(per_label=True))
    low, high = made.metadata["conformal"]["bins"]
    assert (low["snr_db"], high["snr_db"]) == (0.0, 10.0)
    assert high["threshold"] - low["threshold"] > 2
    assert made.threshold == low["threshold"]  # the promise holds at both
    assert [row["snr_db"] for row in conformal.check(told_as(made), both)] == [0.0, 10.0]


def test_sets_by_hand():
    posterior = np.log([[0.5, 0.4, 0.1], [0.98, 0.01, 0.01], [0.3, 0.3, 0.4]])
    bins = [{"snr_db": 0.0, "lowest": np.log(0.05)}, {"snr_db": 10.0, "lowest": np.log(0.45)}]
    at = np.array([9.0, 1.0, np.nan])
    found = conformal.prediction_sets({"bins": bins}, posterior, at)
    assert found.tolist() == [[True, False, False], [True, False, False], [True] * 3]
    for known in (at, None):
        pooled = conformal.prediction_sets({"bins": [bins[1] | {"snr_db": None}]}, posterior, known)
        assert pooled.tolist() == [[True, False, False], [True, False, False], [False] * 3]


def test_sets_of_decisions():
    calibration = {"bins": [{"snr_db": None, "lowest": np.log(0.2)}]}
    posterior = np.log([[0.7, 0.25, 0.05], [1 / 3] * 3])
    decisions = Decisions(np.array([0, -1]), posterior, np.array([True, False]), posterior)
    found = conformal.known_sets({"conformal": calibration}, decisions, ("x", "y", "z"))
    assert found == {"prediction_set": [("x", "y"), None]}
    assert conformal.known_sets({}, decisions, ("x", "y", "z")) == {}
    without = replace(decisions, log_posterior=None)
    assert conformal.known_sets({"conformal": calibration}, without, ("x", "y", "z")) == {}


@pytest.mark.parametrize("name", ["rejecting", "plain"])
def test_held_out_runs_of_a_real_model(name, request, monkeypatch, tmp_path):
    monkeypatch.setattr(conformal, "CONFIDENCE", SURE)
    model = request.getfixturevalue(name)
    made = calibrate(model, toy_dataset(800, 20), ConformalSettings(0.1, 0.9, per_label=True))
    rows = conformal.check(made, toy_dataset(800, 21))
    assert [row["snr_db"] for row in rows] == [0.0, 10.0] and rows[0]["runs"] == 80
    for row in rows:
        for figure in ("coverage", *(["rejection"] if name != "plain" else [])):
            low, high = row[f"{figure}_interval"]
            assert low <= row[figure] <= high
        assert sum(row["sets"].values()) == 80
        sizes = {key: 0 if key == "none" else key.count("+") + 1 for key in row["sets"]}
        mean = sum(sizes[key] * count for key, count in row["sets"].items()) / 80
        assert row["set_size"] == pytest.approx(mean)
    assert model.metadata.get("conformal") is None  # that one stays as it is
    made.save(tmp_path / "made.safetensors")
    again = Classifier.load(tmp_path / "made.safetensors")
    assert again.threshold == made.threshold
    assert again.metadata["conformal"]["bins"] == made.metadata["conformal"]["bins"]
    assert open_engine(again, "torch", "float32").has_sets
    assert not open_engine(model, "torch", "float32").has_sets


def test_too_few_runs():
    few = runs(np.random.default_rng(3), 8)
    with pytest.raises(UserError, match="8 runs are too few to promise 0.1: it takes 9"):
        calibrate(told(), few, ConformalSettings(0.1, 0.5))
    with pytest.raises(UserError, match="8 runs at 0 dB"):
        calibrate(told(), few, ConformalSettings(0.1, 0.5, per_label=True))
    with pytest.raises(UserError, match="between 0 and 1"):
        ConformalSettings(target_rejection=1.0)


def test_the_command(tmp_path, monkeypatch, capsys, rejecting):
    monkeypatch.chdir(tmp_path)
    rejecting.save("m.safetensors")
    for name, seed in (("calibration", 20), ("other", 21)):
        npz.write(toy_dataset(800, seed), f"{name}.npz")
    command = ["calibrate", "c.safetensors", "--model", "m.safetensors", "--dataset",
               "calibration.npz", "--snr", "10", "--target-rejection", "0.2", "--coverage", "0.98",
               "--every", "2", "--false-alarm", "0.001", "--device", "cpu"]  # fmt: skip
    run(*command, "--check", "other.npz", "--json", "c.json")
    said = capsys.readouterr().out
    assert "promised" in said and "on other.npz" in said and "sets:" in said
    document = json.loads((tmp_path / "c.json").read_text())
    (row,), (checked,) = document["rows"], document["checked"]
    assert row["runs"] == checked["runs"] == 80
    assert row["rejection"] == pytest.approx(16 / 81)
    assert row["coverage"] == pytest.approx(1 - 1 / 81)
    low, high = row["rejection_interval"]
    assert (low, high) == pytest.approx(stats.beta.ppf([0.025, 0.975], 16, 65))
    made = Classifier.load("c.safetensors")
    assert made.threshold == pytest.approx(row["threshold"])
    assert made.metadata["rejector"]["target_rejection"] == 0.2
    assert made.metadata["rejector"]["calibration_snr_db"] == [10.0]
    assert made.metadata["conformal"]["drift"] == {
        "false_alarm": 0.001, "window": 10000, "every": 2
    }
    assert "c.safetensors exists" in refused(capsys, *command)
    command[1] = "d.safetensors"
    seen = refused(capsys, *command, "--check", "calibration.npz")
    assert "trained or calibrated on all" in seen
    assert "trained or calibrated on all" in refused(
        capsys, "evaluate", "--model", "c.safetensors", "--dataset", "calibration.npz"
    )
    capsys.readouterr()
    run("classify", "other.npz", "--model", "c.safetensors", "--limit", "100", "--device", "cpu")
    said = capsys.readouterr()
    records = [json.loads(line) for line in said.out.splitlines()]
    assert "0 drift alarms on 50 frames" in said.err
    assert all(set(record["prediction_set"]) <= set(CLASSES) for record in records)
    covered = [record["truth"] in record["prediction_set"] for record in records]
    assert np.mean(covered) > 0.9
    assert not any("drift" in record for record in records)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bins": []}, "bins of conformal"),
        ({"scores": {"tone": [0.0]}}, "not those of its classes"),
        ({"drift": {"false_alarm": 0.0, "window": 1, "every": 1}}, "false_alarm"),
        ({"drift": {"false_alarm": 0.1, "window": 1, "every": 1, "more": 1}}, "unknown entry"),
    ],
)
def test_damaged_calibrations(change, message, tmp_path, rejecting):
    made = calibrate(rejecting, toy_dataset(400, 20), ConformalSettings())
    made.metadata["conformal"] = made.metadata["conformal"] | change
    made.save(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=message):
        Classifier.load(tmp_path / "x.safetensors")
