"""The command line as a user types it: real files, real training, exit statuses."""

import json
import subprocess
import sys

import numpy as np
import pytest

from robust_amc import systems
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats import npz

from .conftest import CLASSES, toy_dataset, toy_metadata


@pytest.fixture
def files(tmp_path, monkeypatch):
    """An empty folder with a data set of 1,600 frames."""
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(1600, 5), "toy.npz")
    return tmp_path


def refused(capsys, *arguments):
    """The one line on standard error of a command that must exit with status 2."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert "Traceback" not in said.err
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, said.err
    return lines[0]


def run(*arguments):
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as done:
        assert not done.code


TRAIN = ("--architecture", "residual", "--batch-size", 64, "--device", "cpu")


def test_from_data_to_a_robustness_figure(files):
    """train, train with CAT from it, fit-rejector, models, evaluate: the whole way."""
    run("train", "plain.safetensors", "--dataset", "toy.npz", "--epochs", 2, *TRAIN)
    run(
        "train", "cat.safetensors", "--dataset", "toy.npz", "--method", "cat", "--epochs", 2,
        "--start-from", "plain.safetensors", "--r-max", 0.1, "--growth", 0.05, *TRAIN,
    )  # fmt: skip
    run(
        "fit-rejector", "htrd.safetensors", "--model", "cat.safetensors", "--dataset", "toy.npz",
        "--frames-per-class", 40, "--device", "cpu",
    )  # fmt: skip
    assert sorted(path.name for path in files.iterdir()) == [
        "cat.safetensors", "htrd.safetensors", "plain.safetensors", "toy.npz",
    ]  # fmt: skip
    run("models", "htrd.safetensors", "--json", "models.json")
    told = json.loads((files / "models.json").read_text())["models"][0]
    assert told["training"]["method"] == "cat" and told["training"]["cat"]["r_max"] == 0.1
    assert told["dataset"]["split_seed"] == 0 and told["rejector"]["gamma"] == 0.01

    for system, kind, frames in (("two_fold", "autoencoder", 40), ("htrd", "svm", 30)):
        name = f"{system}_2.safetensors"
        run(
            "fit-rejector", name, "--model", "cat.safetensors", "--dataset", "toy.npz",
            "--system", system, "--frames-per-class", frames, "--device", "cpu",
        )  # fmt: skip
        metadata, asked = Classifier.load(name).metadata, systems.load(system).rejector
        made, known = metadata["rejector"], metadata["defense"]
        assert known == {"training": "cat", "run_time": kind, "system": system}
        assert made["kind"] == kind and made["frames_per_class"] == frames
        same = {"latent_dim", "gamma", "C", "target_rejection"} & set(made)
        assert len(same) == (2 if system == "two_fold" else 3)
        assert all(made[each] == getattr(asked, each) for each in same)
    run(
        "evaluate", "--model", "plain.safetensors,htrd.safetensors", "--dataset", "toy.npz",
        "--snr", 10, "--pnr", "-5,5", "--attack", "pgd", "--steps", 4, "--restarts", 0,
        "--frames", 60, "--json", "out.json", "--figure", "out.png", "--device", "cpu",
    )  # fmt: skip
    results = json.loads((files / "out.json").read_text())
    assert results["settings"]["part"] == "test"  # it is the models' own data set
    rows = results["rows"]
    assert [(row["model"], row["pnr_db"]) for row in rows] == [
        ("plain", -5), ("plain", 5), ("htrd", -5), ("htrd", 5),
    ]  # fmt: skip
    for row in rows:
        assert row["snr_db"] == 10 and row["frames"] == 60 and row["attack"] == "pgd"
        assert row["attacked_accuracy"] <= row["robust_accuracy"]
        low, high = row["robust_accuracy_interval"]
        assert low <= row["robust_accuracy"] <= high
    for weak, strong in (rows[:2], rows[2:]):
        assert strong["robust_accuracy"] <= weak["robust_accuracy"]
        assert strong["psr_db"] > weak["psr_db"]
    paired = [each for each in results["differences"] if each["metric"] == "robust_accuracy"]
    assert paired[0]["difference"] == pytest.approx(
        rows[2]["robust_accuracy"] - rows[0]["robust_accuracy"]
    )
    for detail, row in zip(results["details"], rows, strict=True):
        table = np.array(detail["confusion"])
        assert table.shape == (4, 5) and table.sum() == 60
        assert np.trace(table) / 60 == pytest.approx(row["accuracy"])
    assert (files / "out.png").read_bytes().startswith(b"\x89PNG")


def test_pooled_labels_and_their_confusion_figure(plain, files, capsys):
    plain.save("m.safetensors")
    evaluate = ("evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--snr", "0,10")
    run(*evaluate, "--json", "each.json")
    run(*evaluate, "--pooled", "--json", "pooled.json")
    each, pooled = (json.loads((files / f"{name}.json").read_text()) for name in ("each", "pooled"))
    (row,) = pooled["rows"]
    assert row["snr_db"] is None and row["frames"] == sum(r["frames"] for r in each["rows"])
    correct = sum(r["accuracy"] * r["frames"] for r in each["rows"])
    assert row["accuracy"] == pytest.approx(correct / row["frames"])
    assert pooled["settings"]["snr_db"] == [0, 10] and pooled["settings"]["pooled"]

    run("figure", "confusion", "each.json", "pooled.json", "--output", "confusion.svg")
    text = (files / "confusion.svg").read_text()
    assert text.count("m on toy.npz") == 3  # matplotlib writes each title as a comment
    (files / "other.json").write_text("[1]")
    assert "is not a result file" in refused(
        capsys, "figure", "confusion", "other.json", "--output", "x.svg"
    )
    assert "cannot read" in refused(capsys, "figure", "confusion", "no.json", "--output", "x.svg")
    assert not (files / "x.svg").exists()


@pytest.mark.slow
def test_killed_training_resumes(files):
    """kill -9 in the middle; --resume ends where an unbroken run ends."""
    command = [sys.executable, "-c", "from robust_amc.cli import main; main()", "train"]
    options = [
        "--dataset", "toy.npz", "--epochs", "3", "--patience", "0",
        *map(str, TRAIN),
    ]  # fmt: skip
    subprocess.run([*command, "straight.safetensors", *options], check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, "broken.safetensors", *options], stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("epoch 1"):
            process.kill()
            break
    process.wait(timeout=300)
    assert (files / "broken.checkpoint").exists() and not (files / "broken.safetensors").exists()
    subprocess.run(
        [*command, "broken.safetensors", *options, "--resume"], check=True, capture_output=True
    )
    straight, resumed = (files / name for name in ("straight.safetensors", "broken.safetensors"))
    assert straight.read_bytes() == resumed.read_bytes()


def test_a_checkpoint_is_not_overwritten(files, capsys):
    (files / "x.checkpoint").write_bytes(b"hours of work")
    train = ("train", "x.safetensors", "--dataset", "toy.npz")
    assert "--resume" in refused(capsys, *train)
    assert (files / "x.checkpoint").read_bytes() == b"hours of work"


def test_dry_run_writes_nothing(files):
    run("train", "x.safetensors", "--dataset", "toy.npz", "--dry-run", *TRAIN)
    assert [path.name for path in files.iterdir()] == ["toy.npz"]


def test_training_a_system_takes_its_settings_and_those_given(files, capsys):
    run("train", "start.safetensors", "--dataset", "toy.npz", "--epochs", 1, *TRAIN)
    run(
        "train", "mine.safetensors", "--dataset", "toy.npz", "--system", "ls_gna", "--epochs", 1,
        "--noise", 0.2, "--start-from", "start.safetensors", *TRAIN,
    )  # fmt: skip
    run("models", "mine.safetensors", "--json", "models.json")
    told = json.loads((files / "models.json").read_text())["models"][0]
    training = told["training"]
    assert told["defense"] == {"training": "ls_gna", "run_time": "none", "system": "ls_gna"}
    assert training["method"] == "ls_gna" and training["start_from"]["name"] == "start"
    assert training["ls_gna"] == {"smoothing": 0.1, "noise": 0.2}
    assert training["robust_radius"] == 0.095 and training["epochs"] == 1

    train = ("train", "x.safetensors", "--dataset", "toy.npz")
    assert "the network of cat" in refused(capsys, *train, "--system", "htrd")
    assert "starts from that of base" in refused(capsys, *train, "--system", "cat")
    assert "cat.r_max is not a setting" in refused(
        capsys, *train, "--method", "ls_gna", "--r-max", 1
    )


def test_evaluate_fuses_frames_of_a_run(plain, files, capsys):
    plain.save("m.safetensors")
    evaluate = ("evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--fuse", 5)
    run(*evaluate, "--by-class", "--json", "out.json")
    one, five = json.loads((files / "out.json").read_text())["rows"]
    assert (five["model"], five["fused"], five["frames"]) == ("m x5", 5, one["frames"] // 5)
    assert five["accuracy"] >= one["accuracy"]
    assert sum(own["frames"] for own in five["by_class"].values()) == five["frames"]
    said = refused(capsys, *evaluate, "--attack", "noise", "--pnr", "-10")
    assert "--fuse goes without an attack" in said


def test_evaluate_without_attack_needs_no_more(plain, files):
    plain.save("m.safetensors")
    run("evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--json", "out.json")
    results = json.loads((files / "out.json").read_text())
    (row,) = results["rows"]
    assert row["attack"] == "none" and row["snr_db"] is None and row["pnr_db"] is None
    assert row["psr_db"] is None and row["frames"] == 1600
    assert results["settings"]["part"] == "all"
    curve = results["details"][0]["risk_coverage"]
    assert curve["coverage"][-1] == 1
    assert curve["accepted_accuracy"][-1] == pytest.approx(row["accuracy"])


def test_noise_is_an_attack_too(plain, files):
    plain.save("m.safetensors")
    run(
        "evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--attack", "noise",
        "--pnr", "0,20", "--frames", 200, "--json", "out.json",
    )  # fmt: skip
    quiet, loud = json.loads((files / "out.json").read_text())["rows"]
    assert loud["psr_db"] == pytest.approx(quiet["psr_db"] + 20, abs=0.01)
    assert loud["accuracy"] < quiet["accuracy"]


def test_figures_of_each_class(plain, files, capsys):
    plain.save("m.safetensors")
    evaluate = ("evaluate", "--model", "m.safetensors", "--dataset", "toy.npz", "--json", "x.json")
    run(*evaluate, "--snr", "0,10")
    without = json.loads((files / "x.json").read_text())
    run(*evaluate, "--snr", "0,10", "--by-class")
    found = json.loads((files / "x.json").read_text())
    for row, detail in zip(found["rows"], found["details"], strict=True):
        each = row.pop("by_class")
        assert list(each) == list(CLASSES)
        assert sum(own["frames"] for own in each.values()) == row["frames"]
        for name, own in each.items():
            assert own["accuracy"] == pytest.approx(detail["class_accuracy"][name])
    assert found["rows"] == without["rows"]
    said = capsys.readouterr().out
    assert all(said.count(f"  {name} ") == 2 for name in CLASSES)


class TestMistakes:
    """Each is one clear line and exit status 2."""

    @pytest.fixture(autouse=True)
    def model(self, plain, files):
        plain.save("m.safetensors")

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (("--model", "gone", "--dataset", "toy.npz"), "no model gone"),
            (("--model", "m.safetensors", "--dataset", "gone.npz"), "gone.npz"),
            (("--model", "m.safetensors", "--dataset", "toy.npz", "--snr", "7"), "7 dB"),
            (("--model", "m.safetensors", "--dataset", "toy.npz", "--snr", "ten"), "'ten'"),
            (("--model", "m.safetensors", "--dataset", "toy.npz", "--pnr", "0"), "--attack"),
            (
                ("--model", "m.safetensors", "--dataset", "toy.npz", "--attack", "pgd"),
                "--pnr",
            ),
            (
                (
                    "--model",
                    "m.safetensors",
                    "--dataset",
                    "toy.npz",
                    "--attack",
                    "pgd",
                    "--pnr",
                    "nan",
                ),  # fmt: skip
                "finite",
            ),
            (
                ("--model", "m.safetensors", "--dataset", "toy.npz", "--figure", "x.xyz"),
                ".svg",
            ),
            (
                (
                    "--model",
                    "m.safetensors",
                    "--dataset",
                    "toy.npz",
                    "--attack",
                    "noise",
                    "--pnr",
                    "4000",
                ),  # fmt: skip
                "200",
            ),
            (
                ("--model", "m.safetensors", "--dataset", "toy.npz", "--frames", "0"),
                "positive",
            ),
            (
                ("--model", "m.safetensors", "--dataset", "toy.npz", "--device", "abacus"),
                "abacus",
            ),
            (
                ("--model", "m.safetensors", "--dataset", "toy.npz", "--json", "no/such/x.json"),
                "no/such/x.json",
            ),
        ],
    )
    def test_evaluate(self, capsys, arguments, line):
        assert line in refused(capsys, "evaluate", *arguments)

    def test_other_classes(self, capsys, rejecting, files):
        rejecting.metadata = rejecting.metadata | {"x": 1}
        strange = toy_dataset(80, 1)
        npz.write(
            type(strange)(
                strange.iq, strange.label, ("BPSK", *CLASSES[1:]), strange.snr_db, strange.run_id
            ),
            "strange.npz",
        )
        said = refused(capsys, "evaluate", "--model", "m.safetensors", "--dataset", "strange.npz")
        assert "BPSK" in said

    def test_models_that_cannot_be_compared(self, capsys, files):
        from robust_amc.classifier import Classifier
        from robust_amc.models import build

        other = Classifier(build("vtcnn2", 2), ("yes", "no"), metadata=toy_metadata(), name="other")
        other.save("other.safetensors")
        said = refused(
            capsys, "evaluate", "--model", "m.safetensors,other.safetensors",
            "--dataset", "toy.npz",
        )  # fmt: skip
        assert "cannot be compared" in said

    def test_frames_that_are_all_zero(self, capsys, files):
        silent = toy_dataset(80, 1)
        npz.write(
            type(silent)(silent.iq * 0, silent.label, CLASSES, silent.snr_db, silent.run_id),
            "silent.npz",
        )
        said = refused(capsys, "evaluate", "--model", "m.safetensors", "--dataset", "silent.npz")
        assert "no frame" in said

    def test_nothing_is_overwritten(self, capsys, files):
        before = (files / "m.safetensors").read_bytes()
        train = ("train", "m.safetensors", "--dataset", "toy.npz")
        assert "exists already" in refused(capsys, *train)
        fit = ("fit-rejector", "m.safetensors", "--model", "m.safetensors", "--dataset", "toy.npz")
        assert "exists already" in refused(capsys, *fit)
        assert (files / "m.safetensors").read_bytes() == before

    def test_settings_that_cannot_be(self, capsys):
        refit = ("--model", "m.safetensors", "--dataset", "toy.npz")
        train = ("train", "new.safetensors", "--dataset", "toy.npz")
        assert "growth" in refused(capsys, *train, "--method", "cat", "--growth", 0.9)
        assert "positive" in refused(capsys, *train, "--epochs", 0)
        assert "resnet" in refused(capsys, *train, "--architecture", "resnet")
        assert "negative" in refused(capsys, *train, "--patience", -1)
        assert "average" in refused(capsys, *train, "--average", 1.5)
        assert "meta" in refused(capsys, *train, "--device", "meta")
        assert "positive" in refused(capsys, "fit-rejector", "x.safetensors", *refit, "--gamma", 0)
        fit = ("fit-rejector", "new.safetensors", *refit)
        assert "has no rejector" in refused(capsys, *fit, "--system", "cat")
        said = refused(capsys, *fit, "--system", "two_fold", "--gamma", 0.1, "--penalty", 2)
        assert "two_fold" in said and "unknown entries C, gamma; there are" in said
        assert "too few" in refused(capsys, *fit, "--target-rejection", 0.001)


def test_results_have_no_infinities(tmp_path):
    from robust_amc.files import write_json

    write_json(tmp_path / "x.json", {"a": float("nan"), "b": np.float32(0.5), "c": [np.int64(3)]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": 0.5, "c": [3]}
