"""The leaderboard: its files, figures that are made once, the page; the low-pass filter."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_amc.classifier import Classifier
from robust_amc.cli.leaderboard import _facts
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.evaluation import leaderboard as board
from robust_amc.evaluation.leaderboard_page import page
from robust_amc.evaluation.low_pass import LowPass, low_passed
from robust_amc.evaluation.smoothing import SmoothingSettings
from robust_amc.files import checksum
from robust_amc.models import build
from robust_amc.rejection.calibrate import fit_rejector
from robust_amc.rejection.svm import SVMSettings

from .conftest import CLASSES, toy_dataset, toy_metadata
from .test_cli import refused, run

RESULTS = Path(__file__).parents[3] / "results/leaderboard"
PAGE = Path(__file__).parents[3] / "docs/leaderboard.md"
QUICK = ("--frames", "24", "--steps", "3", "--restarts", "0", "--targets", "0", "--device", "cpu")


def system(folder, name, model, more=""):
    words = "".join(f'{key} = "{key} of {name}"\n' for key in ("title", "paper", "defense"))
    text = f'{words}link = "https://example.org/{name}"\nmodel = "{model}"\n'
    (folder / f"{name}.toml").write_text(text + 'source = "plain.safetensors"\n' + more)


@pytest.fixture(scope="module")
def plain():
    """As it was initialized: an SVM on its features is no worse for it."""
    torch.manual_seed(0)
    network = build("residual", len(CLASSES), input_gain=100.0)
    metadata = toy_metadata(architecture={"name": "residual", "input_gain": 100.0})
    return Classifier(network, CLASSES, metadata=metadata, name="plain")


@pytest.fixture(scope="module")
def rejecting(plain):
    """With a rejector."""
    settings = SVMSettings(frames_per_class=30)
    return fit_rejector(plain, toy_dataset(160, 2), toy_dataset(160, 3), settings)


@pytest.fixture
def folder(tmp_path, monkeypatch, plain, rejecting):
    plain.save(tmp_path / "plain.safetensors")
    rejecting.save(tmp_path / "rejecting.safetensors")
    system(tmp_path, "rejects", "rejecting.safetensors")
    system(tmp_path, "filters", "plain.safetensors", "[low_pass]\ncutoff = 0.25\n")
    npz.write(toy_dataset(120, 31), tmp_path / "d.npz")
    monkeypatch.setattr(board, "CRAFT", 16)
    return tmp_path


def rows_of(folder, name):
    return json.loads((folder / f"{name}.json").read_text())["rows"]


def test_generated_frames_are_the_same_with_another_fingerprint():
    facts = {"fingerprint": "a", "generate": f"{board.GENERATE} d.npz --seed 1", "seed": 0}
    assert board.is_same(facts, facts | {"fingerprint": "b"})
    assert not board.is_same(facts, facts | {"seed": 1})
    assert not board.is_same(facts, facts | {"generate": f"{board.GENERATE} d.npz --seed 2"})
    others = facts | {"generate": "# d.npz"}  # nobody knows how it was made
    assert board.is_same(others, others)
    assert not board.is_same(others, others | {"fingerprint": "b"})


def test_the_command_says_all_that_makes_frames_other_ones():
    made = {"generator": "g", "seed": 4, "frames_per_key": 9, "frames_per_run": 3, "snr_db": [10.0]}
    usual = f"{board.GENERATE} d.npz --frames-per-key 9 --frames-per-run 3 --seed 4 --snr 10"
    for more, command in (
        ({"mode": "legacy", "frame_length": 128}, usual),
        ({"mode": "field", "frame_length": 256}, f"{usual} --mode field --frame-length 256"),
        ({"text": "own.txt"}, "# d.npz"),  # what is in it, the command does not say
    ):
        dataset = replace(toy_dataset(16, 1), metadata=made | more)
        assert _facts(dataset, "x/d.npz", 10.0)["generate"] == command


def test_figures_are_made_once(folder, monkeypatch):
    out = folder / "p.md"
    command = ("leaderboard", folder, "--dataset", folder / "d.npz", *QUICK)
    run(*command, "--page", out)
    before = out.read_text()
    rows = rows_of(folder, "rejects")
    assert list(rows) == [each.name for each in board.THREATS if each.attack != board.LINK]
    for row in rows.values():
        assert row["frames"] == 24 and set(row["by_class"]) == set(CLASSES)
        low, high = row["attacked_accuracy_interval"]
        assert low <= row["attacked_accuracy"] <= high
    strong, weak = rows["l2-10"], rows["l2-20"]
    assert strong["robust_accuracy"] <= weak["robust_accuracy"]
    assert strong["attacked_accuracy"] <= strong["robust_accuracy"]
    made = []
    whole = board._curve
    monkeypatch.setattr(
        board, "_curve", lambda *given: made.append((given[0].name, given[1])) or whole(*given)
    )
    run(*command)
    assert not made
    # Half of a run, as one that was stopped leaves it
    document = json.loads((folder / "rejects.json").read_text())
    document["rows"] = {name: rows[name] for name in ("benign", "l2-20", "l2-10")}
    (folder / "rejects.json").write_text(json.dumps(document))
    run(*command)
    assert [(name, threats[0].name) for name, threats in made] == [
        ("rejects", "transfer-10"), ("rejects", "universal-10")
    ]  # fmt: skip
    assert rows_of(folder, "rejects") == rows
    made.clear()
    run(*command, "--seed", "1", "--only", "filters", "--page", out)
    text = out.read_text()
    assert "### rejects" in text and "[title of rejects](#rejects) | - | - |" in text
    run("leaderboard", folder, "--page", out)
    assert out.read_text() == text
    text = before
    assert {name for name, _ in made} == {"filters"} and len(made) == 4
    assert "--frames 24 --steps 3 --restarts 0 --targets 0" in text
    assert "### rejects" in text and "https://example.org/filters" in text
    figure = f"{100 * rows['l2-10']['robust_accuracy']:.1f} ± "
    assert figure in text


def test_bursts_behind_links(folder, monkeypatch):
    """What an attack wins that knows nothing of a link; made once for the same bursts."""
    monkeypatch.setattr(board, "LINKS", replace(board.LINKS, steps=5))
    whole = toy_dataset(24, 41)
    bursts = replace(whole, iq=np.concatenate([whole.iq, whole.iq[:, :, ::-1]], 2))
    bursts = replace(bursts, metadata={"generator": "g", "seed": 1, "frame_length": 256})
    npz.write(bursts, folder / "bursts.npz")
    page_path = folder / "p.md"
    command = ("leaderboard", folder, "--dataset", folder / "d.npz", *QUICK, "--page", page_path)
    run(*command, "--only", "rejects")
    run(*command, "--only", "rejects", "--bursts", folder / "bursts.npz")
    rows = rows_of(folder, "rejects")
    assert list(rows) == [each.name for each in board.THREATS]
    clean, attacked = rows["linked"], rows["linked-10"]
    assert clean["frames"] == attacked["frames"] == 12  # those at 10 dB
    assert clean["robust_accuracy"] == clean["accuracy"] == clean["attacked_accuracy"]
    assert attacked["attacked_accuracy"] <= attacked["robust_accuracy"]
    assert attacked["attacked_accuracy"] < clean["attacked_accuracy"]
    text = page_path.read_text()
    assert f"    {clean['bursts']['generate']}\n" in text and " --bursts bursts.npz" in text
    assert "12 frames, cut at any time" in text
    monkeypatch.setattr(board, "behind_links", None)  # the same again: nothing is made
    run(*command, "--only", "rejects", "--bursts", folder / "bursts.npz")
    run(*command, "--only", "rejects")
    assert rows_of(folder, "rejects") == rows and page_path.read_text() == text


def test_a_smoothed_system(folder, monkeypatch):
    monkeypatch.setattr(
        board, "SmoothingSettings",
        partial(SmoothingSettings, samples=100, attack_steps=3, attack_samples=4, judged=50),
    )  # fmt: skip
    for name in ("rejects", "filters"):
        (folder / f"{name}.toml").unlink()
    system(folder, "smooth", "plain.safetensors", "[smoothing]\nsigma = 0.5\n")
    run("leaderboard", folder, "--dataset", folder / "d.npz", *QUICK[:1], "12", *QUICK[2:],
        "--page", folder / "p.md")  # fmt: skip
    rows = rows_of(folder, "smooth")
    assert list(rows) == ["benign", "l2-20", "l2-10"]
    assert rows["benign"]["robust_accuracy"] == rows["l2-20"]["accuracy"]
    for name in ("l2-20", "l2-10"):
        assert rows[name]["certified_accuracy"] <= rows[name]["attacked_accuracy"]
    assert not list(folder.glob(".smooth*"))
    assert "| - | - | " in (folder / "p.md").read_text()  # what was not made


def test_what_is_refused(folder, capsys, plain):
    data = folder / "d.npz"
    assert "no system other" in refused(
        capsys, "leaderboard", folder, "--dataset", data, "--only", "other"
    )
    assert "--only goes with --dataset" in refused(
        capsys, "leaderboard", folder, "--only", "rejects"
    )
    assert "--bursts goes with --dataset" in refused(
        capsys, "leaderboard", folder, "--bursts", data
    )
    (folder / "rejects.json").write_text('{"settings": {}, "rows": {}}')
    assert "has no dataset" in refused(
        capsys, "leaderboard", folder, "--page", folder / "p.md"
    )
    (folder / "bad.toml").write_text('title = "x"\nmore = 1\n')
    with pytest.raises(UserError, match="bad.toml has no paper"):
        board.entries(folder)
    with pytest.raises(UserError, match="has no systems"):
        board.entries(folder / "none")


def test_the_page_in_the_tree_is_that_of_its_figures():
    if not RESULTS.exists():
        pytest.skip("the library alone")
    systems = board.entries(RESULTS)
    assert PAGE.read_text() == page(systems)
    for entry in systems:
        assert len(entry.classifier().classes) == 11 and entry.source_path.exists()
        figures = entry.figures()
        if figures is not None:
            assert figures["settings"]["frames"] >= 300
            assert figures["settings"]["sha256"] == checksum(entry.model_path)


def test_the_filter_against_a_slow_form():
    """A tone at f is scaled by the response there; what is added up, sample by sample."""
    time, length = np.arange(128), 128
    made = LowPass(_Same(), 0.1, 3)
    for cycles in (3, 13, 40, -20):
        low = np.exp(2j * np.pi * 2 * time / length)
        tone = np.exp(2j * np.pi * cycles * time / length)
        response = [1 / np.sqrt(1 + (abs(each) / length / 0.1) ** 6) for each in (2, cycles)]
        wanted = response[0] * low + response[1] * tone
        wanted *= np.linalg.norm(low + tone) / np.linalg.norm(wanted)
        both = low + tone
        iq = torch.tensor(np.stack([both.real, both.imag])[None], dtype=torch.float32)
        got = made.filtered(iq)[0].numpy()
        np.testing.assert_allclose(got[0] + 1j * got[1], wanted, atol=1e-5)


def test_gradients_go_through_the_filter(plain, rejecting):
    """Against finite differences, of a sum with weights."""
    generator = torch.Generator().manual_seed(0)
    iq, weight, along = (torch.randn(1, 2, 128, generator=generator) for _ in range(3))
    made = LowPass(_Same(), 0.05)
    point = iq.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((made.filtered(point) * weight).sum(), point)
    ahead, behind = (
        float((made.filtered(iq + step * along) * weight).sum()) for step in (0.03, -0.03)
    )
    assert float((gradient * along).sum()) == pytest.approx((ahead - behind) / 0.06, rel=0.02)
    filtered = low_passed(plain, 0.05)
    with pytest.raises(UserError, match="rejects"):
        low_passed(rejecting, 0.1)
    for wrong in ((0.0, 5), (0.6, 5), (0.1, 0)):
        with pytest.raises(UserError, match="cutoff"):
            low_passed(plain, *wrong)
    assert isinstance(filtered, Classifier) and filtered.classes == plain.classes


class _Same(torch.nn.Module):
    feature_count = 1
