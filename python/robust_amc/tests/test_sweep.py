"""`htrd sweep` on toy frames: everything is really trained, fitted and attacked."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robust_amc import data
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.sweep import measure, ranked
from robust_amc.sweep.results import Results

from .conftest import toy_dataset, toy_frames
from .test_cli import refused, run

SYSTEM = """
title = "a small one"
[training]
method = "ls_gna"
epochs = 2
batch_size = 64
[ls_gna]
[rejector]
frames_per_class = 40
[sweep]
"ls_gna.noise" = [0.05, 0.4]
"rejector.C" = [1.0, 0.1]
"""
SIZES = ("--frames", 16, "--steps", 2, "--frames-per-key", 30, "--device", "cpu")
SWEEP = ("sweep", "--system", "mine.toml", "--dataset", "toy.npz", *SIZES)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with a data set, a system and its finished sweep."""
    path = tmp_path_factory.mktemp("sweep")
    npz.write(toy_dataset(2400, 5), path / "toy.npz")
    (path / "mine.toml").write_text(SYSTEM)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        run(*SWEEP, "--json", "whole.json")
    return path


@pytest.fixture
def folder(swept, monkeypatch):
    monkeypatch.chdir(swept)
    return swept


@pytest.fixture
def trainings(monkeypatch):
    """The plans that are trained, as they come."""
    plans = []

    def spied(plan, *arguments, **options):
        plans.append(plan)
        return train(plan, *arguments, **options)

    train = measure.run
    monkeypatch.setattr(measure, "run", spied)
    return plans


def read(path):
    return json.loads(path.read_text())


def test_a_row_for_each_candidate_and_the_choice(folder):
    found = read(folder / "whole.json")
    assert [row["values"] for row in found["rows"]] == [
        {"ls_gna.noise": noise, "rejector.C": penalty}
        for noise in (0.05, 0.4)
        for penalty in (1.0, 0.1)
    ]
    settings = found["settings"]
    assert settings["part"] == "validation" and settings["attack"]["steps"] == 2
    assert settings["system"]["plan"]["settings"]["batch_size"] == 64
    chosen = found["chosen"]
    best = max(row["accepted_accuracy"] for row in found["rows"])
    able = [row for row in found["rows"] if row["accepted_accuracy"] >= best - 0.03 - 1e-9]
    assert chosen["robust_accuracy"] == max(row["robust_accuracy"] for row in able)
    assert chosen["values"] in [row["values"] for row in able] and "0.03" in chosen["rule"]
    assert sorted(path.suffix for path in folder.glob("whole*")) == [".json"]  # no checkpoint left


def test_figures_are_those_of_the_single_commands(folder, tmp_path):
    """train, fit-rejector and evaluate say the same of a candidate."""
    network, model, result = (tmp_path / name for name in ("n.safetensors", "m.safetensors", "r"))
    fit = ("--frames-per-class", 40, "--penalty", 0.1, "--snr", "0,10", "--calibration-snr", 10)
    select = ("--dataset", "toy.npz", "--device", "cpu")
    run("train", network, "--system", "mine.toml", "--noise", 0.4, "--frames-per-key", 30, *select)
    run("fit-rejector", model, "--model", network, *fit, *select)
    evaluate = ("evaluate", "--model", model, "--part", "validation", "--snr", 10, *select)
    attack = ("--attack", "pgd", "--pnr", -10, "--frames", 16, "--steps", 2, "--restarts", 0)
    row = read(folder / "whole.json")["rows"][3]
    run(*evaluate, "--json", result)
    (benign,) = read(result)["rows"]
    assert row["frames"] == benign["frames"] == 60
    for metric in ("accuracy", "accepted_accuracy", "rejection_rate"):
        assert row[metric] == pytest.approx(benign[metric], abs=2.1 / 60)  # half precision
    run(*evaluate, *attack, "--no-probe", "--json", result)
    (attacked,) = read(result)["rows"]
    assert row["attacked_frames"] == attacked["frames"] == 16
    for metric in ("robust_accuracy", "attacked_accuracy"):
        assert row[metric] == pytest.approx(attacked[metric], abs=2.1 / 16)


def test_networks_that_differ_in_nothing_are_trained_once(folder, trainings, tmp_path):
    run(*SWEEP, "--set", "ls_gna.noise=0.4", "--epochs", 1, "--json", tmp_path / "x.json")
    (plan,) = trainings
    assert plan.recipe.noise == 0.4 and plan.settings.epochs == 1 and plan.frames_per_key == 30
    rows = read(tmp_path / "x.json")["rows"]
    assert [row["values"]["rejector.C"] for row in rows] == [1.0, 0.1]
    assert rows[0] != rows[1] | {"values": rows[0]["values"]}  # the rejectors are two


def test_test_frames_make_no_difference(folder, tmp_path):
    whole = npz.read(folder / "toy.npz")
    test = data.split(whole)["test"]
    iq = whole.iq.copy()
    iq[test] = toy_frames(len(test), 99)[0][::-1]  # other signals, with the wrong labels
    npz.write(replace(whole, iq=iq), tmp_path / "toy.npz")
    options = ["--dataset", tmp_path / "toy.npz", "--json", tmp_path / "x.json"]
    run(*SWEEP, *options)
    assert read(tmp_path / "x.json")["rows"] == read(folder / "whole.json")["rows"]


class Stopped(BaseException):
    """What no part of the library catches, as kill -9."""


def test_stopped_and_resumed_is_the_same_as_not_stopped(folder, trainings, tmp_path, monkeypatch):
    """Stopped after one row, then within the second training, then finished."""
    path = tmp_path / "x.json"

    def stop_after_a_row(results, row):
        add(results, row)
        raise Stopped

    add = Results.add
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Results, "add", stop_after_a_row)
        run(*SWEEP, "--json", path)
    assert len(read(path)["rows"]) == 1 and read(path)["chosen"] is None
    assert (tmp_path / "x.1.checkpoint").exists()  # the other row needs this network

    epochs = []

    def noted(reporter, epoch, done, frames, loss):
        if isinstance(loss, dict):
            epochs.append(epoch)
        elif epoch == 1 and len(trainings) == 3 and done > 64:
            raise Stopped  # the first epoch of the second network is done

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("robust_amc.cli.sweep.Reporter.__call__", noted)
        run(*SWEEP, "--json", path, "--resume")
    assert epochs == [0]  # the first network was there
    assert len(read(path)["rows"]) == 2 and not (tmp_path / "x.1.checkpoint").exists()
    with monkeypatch.context() as patch:
        patch.setattr("robust_amc.cli.sweep.Reporter.__call__", noted)
        run(*SWEEP, "--json", path, "--resume")
    assert epochs == [0, 1]
    assert [plan.recipe.noise for plan in trainings] == [0.05, 0.05, 0.4, 0.4]
    assert read(path) == read(folder / "whole.json")
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]

    run(*SWEEP, "--json", path, "--resume", "--keep", 1)  # another rule needs no training
    assert len(trainings) == 4
    assert "at most 1 below" in read(path)["chosen"]["rule"]


def test_a_file_that_is_there_is_kept(folder, capsys, tmp_path):
    before = (folder / "whole.json").read_bytes()
    sweep = (*SWEEP, "--json", "whole.json")
    assert "add --resume" in refused(capsys, *sweep)
    assert "another sweep (other seed)" in refused(capsys, *sweep, "--seed", 1, "--resume")
    other = refused(capsys, *sweep, "--set", "ls_gna.noise=0.3", "--resume")
    assert "another sweep (other candidates)" in other
    assert (folder / "whole.json").read_bytes() == before
    thesis = tmp_path / "thesis.json"
    for text in ("[]", "years of work", '{"settings": 3, "rows": []}'):
        thesis.write_text(text)
        assert "is not a results file of htrd sweep" in refused(
            capsys, *SWEEP, "--json", thesis, "--resume"
        )
        assert thesis.read_text() == text


def test_a_candidate_that_fails_is_passed_over(folder, tmp_path, capsys):
    rates = "training.learning_rate=1e18,1e-3"
    run(*SWEEP, "--set", rates, "--set", "rejector.C=1", "--set", "ls_gna.noise=0.1",
        "--epochs", 1, "--json", tmp_path / "x.json")  # fmt: skip
    assert "failed: ls_gna.noise = 0.1" in capsys.readouterr().err
    found = read(tmp_path / "x.json")
    assert "no longer finite" in found["rows"][0]["error"]
    assert found["chosen"]["values"]["training.learning_rate"] == 1e-3

    rates = "training.learning_rate=1e18,1e17"
    said = refused(capsys, *SWEEP, "--set", rates, "--set", "ls_gna.noise=0.1")
    assert "no candidate could be trained and fitted: the training loss" in said


def test_too_few_calibration_frames_stop_the_sweep_at_once(folder, capsys, trainings):
    (folder / "strict.toml").write_text(
        SYSTEM.replace("frames_per_class = 40", "frames_per_class = 40\ntarget_rejection = 0.01")
    )
    sweep = ("sweep", "--system", "strict.toml", "--dataset", "toy.npz", *SIZES, "--epochs", 1)
    assert "calibration frames are too few" in refused(capsys, *sweep)
    assert len(trainings) == 1


class TestTrainedNetwork:
    """A system that shares another's network: only its rejector is swept."""

    SHARED = "title = 'shared'\nnetwork = 'mine'\n[rejector]\nframes_per_class = 40\n"

    @pytest.fixture(autouse=True)
    def files(self, folder, plain):
        (folder / "shared.toml").write_text(self.SHARED)
        plain.save(folder / "plain.safetensors")

    def test_only_rejectors_are_fitted(self, folder, tmp_path, trainings):
        run("sweep", "--system", "shared.toml", "--dataset", "toy.npz", "--network",
            "plain.safetensors", "--set", "rejector.C=1,0.1", "--snr", "0,10", "--frames", 16,
            "--steps", 2, "--device", "cpu", "--json", tmp_path / "x.json")  # fmt: skip
        found = read(tmp_path / "x.json")
        assert not trainings and len(found["rows"]) == 2
        # Of a file with both, what is about the training is left out
        run("sweep", "--system", "mine.toml", "--dataset", "toy.npz", "--network",
            "plain.safetensors", "--snr", "0,10", "--frames", 16, "--steps", 2, "--device", "cpu",
            "--json", tmp_path / "y.json")  # fmt: skip
        assert not trainings
        assert [set(row["values"]) for row in read(tmp_path / "y.json")["rows"]] == 2 * [
            {"rejector.C"}
        ]
        assert found["rows"][0]["frames"] == 120  # both labels
        assert found["settings"]["network"]["name"] == "plain"
        assert found["settings"]["training_snr_db"] == [0, 10]

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            (("--set", "rejector.C=1,2"), "uses the network of mine"),
            (("--network", "plain.safetensors"), "nothing to sweep"),
            (("--network", "gone", "--set", "rejector.C=1,2"), "no model gone"),
            (
                ("--network", "plain.safetensors", "--set", "rejector.C=1", "--epochs", 1),
                "nothing is trained",
            ),
        ],
    )
    def test_mistakes(self, capsys, options, line):
        sweep = ("sweep", "--system", "shared.toml", "--dataset", "toy.npz", "--device", "cpu")
        assert line in refused(capsys, *sweep, *options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--system", "gone.toml"), "no system gone.toml"),
        (("--dataset", "gone.npz"), "gone.npz"),
        (("--set", "ls_gna.pace=1"), "unknown entries pace"),
        (("--set", "cat.r_max=1"), "cat.r_max is not a setting of this system"),
        (("--set", "ls_gna.noise"), "--set takes NAME=VALUE,VALUE"),
        (("--set", "ls_gna.noise="), "--set takes NAME=VALUE,VALUE"),
        (("--set", "=1"), "--set takes NAME=VALUE,VALUE"),
        (("--set", "ls_gna.noise=loud"), "ls_gna.noise must be of type float, not 'loud'"),
        (("--set", "ls_gna.noise=nan"), "ls_gna.noise must be of type float, not 'nan'"),
        (("--set", "training.cosine=1"), "training.cosine must be of type bool"),
        (("--set", "ls_gna.noise=0.1,0.1"), "are the same here"),
        (("--set", "training.seed=0,1"), "are the same here"),
        (("--set", "rejector.target_rejection=0.1,0.5"), "is not for a sweep to choose"),
        (("--network", "x", "--set", "ls_gna.noise=0.1"), "so ls_gna.noise cannot be swept"),
        (("--system", "cat", "--set", "cat.r_max=0.1"), "--start-from"),
        (("--snr", "7"), "7 dB"),
        (("--pnr", "4000"), "200"),
        (("--resume",), "add --json FILE"),
        (("--json", "no/such/x.json"), "no/such/x.json"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_mistakes(folder, capsys, options, line):
    assert line in refused(capsys, *SWEEP, *options)


def test_no_frames_at_the_usual_labels(folder, tmp_path, capsys):
    npz.write(toy_dataset(800).select(snr_db=[0]), tmp_path / "low.npz")
    said = refused(capsys, *SWEEP, "--dataset", tmp_path / "low.npz")
    assert "name labels with --snr" in said


def row(name, accepted, robust):
    return {"values": {"n": name}, "accepted_accuracy": accepted, "robust_accuracy": robust}


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        # the most robust of those that keep the accuracy
        ([row("a", 0.90, 0.2), row("b", 0.88, 0.4), row("c", 0.80, 0.6)], "bac"),
        # exactly at the limit is within it, though 0.9 - 0.03 is not quite 0.87 in binary
        ([row("a", 0.90, 0.2), row("b", 0.87, 0.4)], "ba"),
        # equals by accuracy, then as they came
        ([row("a", 0.88, 0.4), row("b", 0.90, 0.4), row("c", 0.90, 0.4)], "bca"),
        # all rejected, and failed: never chosen
        (
            [
                row("a", None, 1.0),
                {"values": {"n": "b"}, "error": "diverged"},
                row("c", 0.5, 0.0),
            ],
            "cab",
        ),
    ],
)
def test_the_rule(rows, order):
    found = ranked(rows, 0.03)
    assert "".join(each["values"]["n"] for each in found) == order
    assert found[0]["eligible"]


def test_nothing_to_choose_from():
    with pytest.raises(UserError, match="no candidate could be trained and fitted: diverged"):
        ranked([{"values": {}, "error": "diverged"}], 0.03)


def test_all_rejected_is_no_number(monkeypatch):
    """A figure that does not exist is null in the file, not NaN."""
    names = [f"{metric}{end}" for metric in measure.BENIGN for end in ("", "_interval")]
    values = dict.fromkeys(names, np.nan) | {"accuracy": 0.0}
    assert measure._figures(values, measure.BENIGN)["accepted_accuracy"] is None
    assert measure._figures(values, measure.BENIGN)["accuracy"] == 0.0
