"""`htrd reproduce paper`, the smoke run on toy frames."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from robust_amc import assets, data, systems
from robust_amc.attacks import AttackSettings
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.cli import reproduce as command
from robust_amc.errors import UserError
from robust_amc.evaluation import Outcome
from robust_amc.reproduction import FULL, pages, report
from robust_amc.reproduction import QUICK as SMOKE
from robust_amc.reproduction.study import Folder

from .conftest import CLASSES, toy_dataset
from .files import python2_pickle

QUICK = replace(
    SMOKE,
    frames=30,
    pnr_db=(-10.0, 10.0),
    attack=AttackSettings(steps=1, restarts=0, chained=False),
)
FEW = replace(
    QUICK, systems=("nr", "ls_gna_nr", "cat"), grey=(), transfer=(), universal=(),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished smoke run."""
    return finished(tmp_path_factory.mktemp("reproduction"))


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A finished run of few systems, for the tests that run again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "QUICK", FEW)
        yield finished(tmp_path_factory.mktemp("few"))


def finished(path):
    """The folder `path` with a data set and the run ``out``."""
    # A file of the very form of RML2016.10a_dict.pkl
    (path / "toy.pkl").write_bytes(python2_pickle(by_key(toy_dataset(2000))))
    assert status(path, "out") == 0
    return path


def by_key(dataset):
    """The frames of each (class, SNR label)."""
    return {
        (name, int(level)): dataset.iq[(dataset.label == number) & (dataset.snr_db == level)]
        for number, name in enumerate(dataset.classes)
        for level in np.unique(dataset.snr_db)
    }


@pytest.fixture(scope="module", autouse=True)
def small():
    """The smoke run with fewer frames and steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "QUICK", QUICK)
        yield


def arguments(path, out, *more):
    """Those of a smoke run."""
    files = ["--dataset", str(path / "toy.pkl"), "--out", str(path / out)]
    return ["reproduce", "paper", *files, "--quick", "--device", "cpu", *more]


def status(path, out, *more):
    """Exit status of a smoke run."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments(path, out, *more))
    return stopped.value.code or 0


def refused(capsys, path, *more, out="out"):
    assert status(path, out, *more) == 2
    return capsys.readouterr().err


def test_everything_is_written(folder):
    out = folder / "out"
    for name in ("fig2", "fig4", "fig5"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text()
    results = json.loads((out / "results.json").read_text())
    found = {(row["model"], row["attack"], row["pnr_db"]) for row in results["rows"]}
    for name in QUICK.systems:
        assert (name, "none", None) in found
        assert all((name, "pgd", level) in found for level in QUICK.pnr_db)
    for kind, names in (
        ("grey", QUICK.grey),
        ("transfer", QUICK.transfer),
        ("universal", QUICK.universal),
    ):
        assert names and all((name, kind, -10) in found for name in names)
    # Levels between those of the whole battery get its two main objectives
    assert FULL.attack_at(-20).chained and not FULL.attack_at(-15).chained
    # One step of PGD is too few, and the checks say so
    assert {"model", "check", "message", "seed", "attack"} == set(results["warnings"][0])
    assert results["warnings"][0]["message"] in (out / "paper-vs-ours.md").read_text()
    assert results["settings"]["fingerprint"] == data.read(folder / "toy.pkl").fingerprint()
    text = (out / "paper-vs-ours.md").read_text()
    assert set(results["separation"]) == {"cat", "ls_gna"} and "between classes" in text
    for row in results["rows"]:
        if (row["model"], row["attack"], row["pnr_db"]) == ("htrd", "pgd", 10):
            assert f"{100 * row['robust_accuracy']:.1f} |" in text
    table = (out / "normal-accuracy.md").read_text()
    assert all(f"| {name} |" in table for name in QUICK.systems)


def test_settings_of_every_system_are_in_the_results(folder):
    told = json.loads((folder / "out" / "results.json").read_text())["settings"]["systems"]
    assert set(told) == {"base", *QUICK.systems}
    for name, text in told.items():
        assert text == (assets.SYSTEMS / f"{name}.toml").read_text()


def test_claims_are_the_rows_figures(folder):
    results = json.loads((folder / "out" / "results.json").read_text())
    rows = {(row["model"], row["attack"], row["pnr_db"]): row for row in results["rows"]}
    for claim in results["claims"]:
        attacks = (claim["attack"], claim["beside"] or claim["attack"])
        values = [
            rows[name, attack, claim["pnr_db"]][claim["metric"]]
            for name, attack in zip(claim["systems"], attacks)
        ]
        expected = values[0] if len(values) == 1 else values[0] - values[1]
        assert claim["ours"] == pytest.approx(expected, abs=1e-9)
        low, high = claim["interval"]
        assert low <= claim["ours"] <= high
    text = (folder / "out" / "paper-vs-ours.md").read_text()
    assert all(claim["text"] in text for claim in results["claims"])


def test_each_class_stands_beside_the_totals_of_a_row():
    """Two classes of two frames: one all wrong, one rejected once; noise has no such figures."""
    names = SimpleNamespace(classes=("a", "b"))
    outcome = Outcome(
        np.array([0, 0, 1, 1]), np.array([1, 1, 1, -1]), attacked=True,
        recognized=np.array([False, False, True, False]),
    )  # fmt: skip
    found = report.Report(FULL, None, names, "x")
    for attack in ("pgd", "none"):
        classes = found._per_class(attack, outcome)["by_class"]
        assert classes["a"] == {
            "frames": 2, "robust_accuracy": 0, "attacked_accuracy": 0, "rejection_rate": 0,
        }  # fmt: skip
        assert classes["b"] == {
            "frames": 2, "robust_accuracy": 1, "attacked_accuracy": 0.5, "rejection_rate": 0.5,
        }  # fmt: skip
    assert found._per_class("noise", outcome) == {}
    row = {"model": "m", "attack": "pgd", "pnr_db": -10, "by_class": classes}
    study = {"pnr_db": [-10], "systems": ["m"]}
    page = list(pages._least({"settings": {"study": study}, "rows": [row]}))
    assert page[-1] == "| m | a 0 |"
    del row["by_class"]
    assert not list(pages._least({"settings": {"study": study}, "rows": [row]}))


def test_every_class_is_told(folder):
    """Of the levels of the study that are told by class; the shares are those of the matrix."""
    out = folder / "out"
    results = json.loads((out / "results.json").read_text())
    rows = {(row["model"], row["attack"], row["pnr_db"]): row for row in results["rows"]}
    assert len(results["by_class"]) == 2 * len(QUICK.systems)  # without attack, at PNR -10 dB
    text = (out / "by-class.md").read_text()
    for each in results["by_class"]:
        row = rows[each["model"], each["attack"], each["pnr_db"]]
        for name, beside in row["by_class"].items():
            assert beside == {key: each["classes"][name][key] for key in beside}
        table, classes = np.array(each["confusion"]), each["classes"]
        assert table.sum() == row["frames"] and list(classes) == sorted(CLASSES)
        for number, own in enumerate(classes.values()):
            assert own["frames"] == table[number].sum()
            assert own["accuracy"] == pytest.approx(table[number, number] / own["frames"])
            assert own["rejection_rate"] == pytest.approx(table[number, -1] / own["frames"])
        for metric in ("robust_accuracy", "attacked_accuracy"):
            shares = [own["frames"] * own[metric] for own in classes.values()]
            assert sum(shares) == pytest.approx(row["frames"] * row[metric])
        if each["model"] == "htrd" and each["attack"] == "pgd":
            share = classes["chirp"]["attacked_accuracy"]
            assert "## Attacked accuracy, PNR -10 dB, %" in text and f" {100 * share:.0f} |" in text
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_systems_reject_where_their_files_say_so(folder):
    for name in QUICK.systems:
        model = Classifier.load(folder / "out" / "models" / "seed0" / f"{name}.safetensors")
        assert (model.rejector is not None) == (systems.load(name).rejector is not None), name
        assert model.metadata["defense"]["system"] == name
    results = json.loads((folder / "out" / "results.json").read_text())
    rates = {
        row["model"]: row["rejection_rate"] for row in results["rows"] if row["attack"] == "none"
    }
    for name, rate in rates.items():
        assert (rate > 0) == (systems.load(name).rejector is not None), name


def test_what_all_attacks_win_together(folder):
    """Where an attack that knows less wins frames that PGD leaves, a warning says so."""
    study = replace(QUICK, systems=("nr",), pnr_db=(-10.0,))
    found = report.Report(study, None, None, "toy.pkl")
    label, wrong = np.zeros(100, int), np.ones(100, int)
    run = SimpleNamespace(run_id=np.arange(100))
    for attack, won in (("pgd", 30), ("grey", 20), ("noise", 0)):
        decided = np.where(np.arange(100) < won, wrong, label)
        row = {"model": "nr", "attack": attack, "pnr_db": -10.0}
        found.add(0, row, Outcome(label, decided, attacked=True), run)
    assert not list(found._missed())
    decided = np.where(np.arange(100) >= 98, wrong, label)
    row = {"model": "nr", "attack": "transfer", "pnr_db": -10.0}
    found.add(0, row, Outcome(label, decided, attacked=True), run)
    (warning,) = found._missed()
    assert warning["check"] == "black_box" and "0.020" in warning["message"]


def test_robust_accuracy_falls_with_the_budget(folder):
    results = json.loads((folder / "out" / "results.json").read_text())
    for name in QUICK.systems:
        curve = [
            row["robust_accuracy"]
            for row in results["rows"]
            if row["model"] == name and row["attack"] == "pgd"
        ]
        assert np.all(np.diff(curve) <= 0), name


def test_resume_does_what_is_missing_and_ends_the_same(few, capsys):
    out = few / "out"
    before = json.loads((out / "results.json").read_text())
    (out / "models" / "seed0" / "ls_gna_nr.safetensors").unlink()
    curve = out / "curves" / "ls_gna_nr-0-pgd.json"
    curve.unlink()
    assert "add --resume" in refused(capsys, few)
    assert status(few, "out", "--resume") == 0
    after = json.loads((out / "results.json").read_text())
    # The rejector and the attack are made again, from the same seeds
    for part in ("rows", "claims", "warnings"):
        assert before[part] == after[part]


def test_curves_of_another_model_are_made_anew(few):
    out = few / "changed"
    shutil.copytree(few / "out", out)
    models = out / "models" / "seed0"
    shutil.copy(models / "ls_gna_nr.safetensors", models / "nr.safetensors")
    assert status(few, "changed", "--resume") == 0
    rows = json.loads((out / "results.json").read_text())["rows"]
    same, other = (
        [
            {key: value for key, value in row.items() if key != "model"}
            for row in rows
            if row["model"] == name
        ]
        for name in ("nr", "ls_gna_nr")
    )
    assert same == other


KILLED = """
import sys
from robust_amc.cli import main, reproduce
from robust_amc.tests.test_reproduction import FEW
reproduce.QUICK = FEW
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_killed_in_the_middle_of_the_curves(few):
    """kill -9 loses one point of a curve, and the end is the same."""
    out = few / "killed"
    shutil.copytree(few / "out", out)
    for path in [*(out / "curves").iterdir(), out / "results.json"]:
        path.unlink()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments(few, "killed", "--resume")],
        env=os.environ
        | {
            "OMP_NUM_THREADS": str(torch.get_num_threads()),  # as here: the same sums
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stderr=subprocess.DEVNULL,
    )
    half_done = out / "curves" / "nr-0-pgd.json"
    try:
        wait_for(half_done.exists, process)
    finally:
        process.kill()
        process.wait()
    points = json.loads(half_done.read_text())["points"]
    assert 0 < len(points) <= len(FEW.pnr_db)
    assert not (out / "results.json").exists()
    assert status(few, "killed", "--resume") == 0
    before, after = (
        json.loads((few / name / "results.json").read_text()) for name in ("out", "killed")
    )
    for part in ("rows", "claims", "warnings"):
        assert before[part] == after[part]


def wait_for(happened, process, seconds=600):
    """Until `happened()`; fails when the process ends before that."""
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


def test_another_run_s_folder_is_refused(few, tmp_path, capsys):
    settings = few / "out" / "settings.json"
    text = settings.read_text()
    changed = json.loads(text)
    changed["fingerprint"] = "0" * 64
    settings.write_text(json.dumps(changed))
    assert "another reproduction" in refused(capsys, few, "--resume")
    for edit, expected in (("[rejector]\nC = 3.0\n", 2), ("# said better\n", 0)):
        changed = json.loads(text)
        changed["systems"]["undefended"] += edit
        settings.write_text(json.dumps(changed))
        assert status(few, "out", "--resume") == expected, edit
    settings.write_text("{}")
    assert "another reproduction" in refused(capsys, few, "--resume")
    settings.write_text(text)
    (few / "full").mkdir()
    (few / "full" / "thesis.tex").write_text("years of work")
    assert "is not empty" in refused(capsys, few, out="full")
    assert [path.name for path in (few / "full").iterdir()] == ["thesis.tex"]


def test_the_full_study_is_the_paper_s():
    assert FULL.frames == 1000 and FULL.snr_db == 10
    assert {-30, -20, -10, 0, 10, 20} <= set(FULL.pnr_db)
    assert FULL.attack.steps == 100
    known = FULL.networks()
    assert known.index("base") < min(known.index(name) for name in ("cat", "ls_gna"))
    assert all(systems.load(name).network in known for name in FULL.systems)


def test_no_frames_at_the_attacked_label(tmp_path, capsys):
    low = toy_dataset(400).select(snr_db=[0])
    (tmp_path / "toy.pkl").write_bytes(python2_pickle(by_key(low)))
    assert "no frames at 10 dB" in refused(capsys, tmp_path)
    assert not (tmp_path / "out").exists()


def test_more_seeds_go_into_the_same_folder(tmp_path):
    Folder(tmp_path / "out", QUICK, "x", False)
    more = Folder(tmp_path / "out", replace(QUICK, seeds=(0, 1)), "x", True)
    assert more.model("htrd", 1).parent.is_dir()
    with pytest.raises(UserError, match="another reproduction"):
        Folder(tmp_path / "out", replace(QUICK, seeds=(0, 1), frames=41), "x", True)


def test_separation_is_the_share_between_classes():
    label = np.array([0, 0, 1, 1])
    apart = np.array([[0.0, 1], [0, 1], [4, 1], [4, 1]])
    assert report._separation(apart, label) == 1
    assert report._separation(apart[[0, 2, 1, 3]], label) == 0
    spread = apart + np.array([[-1.0, 0], [1, 0], [-1, 0], [1, 0]])
    assert report._separation(spread, label) == pytest.approx(16 / 20)  # 4·2² of 2·(3² + 1)


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make"):
        Folder(tmp_path / "file" / "out", QUICK, "x", False)
