"""Networks, training methods and data formats of another package, by name."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from robust_amc import data, plugins
from robust_amc.classifier import Classifier
from robust_amc.data.dataset import FrameDataset
from robust_amc.data.formats import npz, registry
from robust_amc.data.formats.base import Format
from robust_amc.errors import UserError
from robust_amc.training import METHODS, Method

from .conftest import toy_dataset
from .test_cli import refused, run

DOCS = Path(__file__).parents[3] / "docs"
TRAIN = ("--batch-size", 64, "--device", "cpu")


class Linear(nn.Module):
    """A network with further settings."""

    def __init__(self, classes, frame_length=128, input_gain=1.0, width=8, bias: bool = True):
        super().__init__()
        self.input_gain, self.feature_count = input_gain, width
        self.first = nn.Linear(2 * frame_length, width, bias)
        self.last = nn.Linear(width, classes)

    def features(self, iq):
        return self.first(self.input_gain * iq.flatten(1)).relu()

    def logits(self, features):
        return self.last(features)

    def forward(self, iq):
        return self.logits(self.features(iq))


@dataclass(frozen=True)
class FlippedSettings:
    share: float = 0.5


class Flipped(Method):
    """A training method that keeps something of each frame: how often it was flipped."""

    Settings = FlippedSettings

    def __init__(self, settings=None, frame_count=0):
        super().__init__(settings, frame_count)
        self.flips = torch.zeros(frame_count)

    def batch(self, network, iq, label, rows, classes, generator):
        chosen = torch.rand(len(iq), generator=generator) < self.settings.share
        self.flips[rows] += chosen
        sign = 1 - 2 * chosen.to(iq)
        return iq * sign[:, None, None], nn.functional.one_hot(label, classes).float()

    def state_dict(self):
        return {"flips": self.flips}

    def load_state_dict(self, state):
        self.flips = state["flips"]


def _read_text(path, frame_length, facts):
    values = np.loadtxt(path, skiprows=1, ndmin=2)
    iq = values[:, 1:].reshape(len(values), 2, -1)
    label = values[:, 0].astype(np.int16)
    snr = np.full(len(label), 10 if facts.snr_db is None else facts.snr_db, np.float32)
    run_id = np.arange(len(label), dtype=np.int32)
    return FrameDataset(iq.astype(np.float32), label, ("A", "B"), snr, run_id)


def _write_text(dataset, path, progress):
    rows = np.column_stack([dataset.label, dataset.iq.reshape(len(dataset), -1)])
    np.savetxt(path, rows, header="frames", comments="#")


TEXT = Format(
    description="frames as text",
    suffixes=(".txt",),
    sniff=lambda start, path: start.startswith(b"#frames"),
    read=_read_text,
    write=_write_text,
    facts=frozenset({"snr_db"}),
)
BRACES = Format(
    description="what begins as pickles may",
    suffixes=(".braces",),
    sniff=lambda start, path: start.startswith(b"}"),
    read=lambda path, frame_length, facts: toy_dataset(10, 1),
)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """A package that has one of each, as if it was installed."""
    entries = {
        "robust_amc.networks": {"linear": "Linear"},
        "robust_amc.training_methods": {"flipped": "Flipped"},
        "robust_amc.formats": {"text": "TEXT", "braces": "BRACES", "broken": "NONE"},
    }

    def entry_points(group):
        found = entries.get(group, {}).items()
        return [EntryPoint(name, f"{__name__}:{value}", group) for name, value in found]

    monkeypatch.setattr(plugins, "entry_points", entry_points)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(800, 5), "toy.npz")
    return tmp_path


def test_a_network_and_a_method_of_another_package(files, capsys):
    train = (
        "train", "x.safetensors", "--dataset", "toy.npz", "--architecture", "linear",
        "--method", "flipped", *TRAIN,
    )  # fmt: skip
    run(*train, "--set", "architecture.width=5", "--set", "flipped.share=0.25", "--epochs", 1)
    found = Classifier.load("x.safetensors")
    assert isinstance(found.network, Linear) and found.network.feature_count == 5
    facts = found.metadata
    assert facts["architecture"] == {"name": "linear", "input_gain": 100.0, "width": 5}
    assert facts["training"]["flipped"] == {"share": 0.25}
    assert facts["training"]["robust_radius"] == 0  # as the method has it

    (files / "mine.toml").write_text(
        "title = 'mine'\n[training]\nmethod = 'flipped'\narchitecture = 'linear'\nepochs = 1\n"
        "[flipped]\nshare = 0.5\n[architecture]\nwidth = 6\nbias = false\n"
        "[sweep]\n'architecture.width' = [3, 4]\n"
    )
    run("train", "y.safetensors", "--dataset", "toy.npz", "--system", "mine.toml", *TRAIN)
    mine = Classifier.load("y.safetensors")
    assert mine.network.feature_count == 6 and mine.network.first.bias is None
    # another method or network leaves the tables of the file's behind
    run(
        "train", "z.safetensors", "--dataset", "toy.npz", "--system", "mine.toml", "--method",
        "standard", "--architecture", "residual", *TRAIN,
    )  # fmt: skip
    assert Classifier.load("z.safetensors").metadata["architecture"]["name"] == "residual"

    train = ("train", "no.safetensors", "--dataset", "toy.npz", "--architecture", "linear")
    said = refused(capsys, *train, "--set", "architecture.depth=3")
    assert "[architecture] has unknown entries depth; there are width, bias" in said
    said = refused(capsys, *train, "--set", "architecture.width=wide")
    assert "architecture.width must be of type int, not 'wide'" in said
    said = refused(capsys, *train, "--set", "architecture.width=3", "--start-from", "x.safetensors")
    assert "architecture settings and start_from do not go together" in said


def test_a_method_starts_where_it_was(files):
    """What a method keeps of each frame goes through the checkpoint."""
    recipe = METHODS["flipped"](FlippedSettings(share=1.0), 3)
    iq, label, rows = torch.ones(2, 2, 4), torch.tensor([0, 1]), torch.tensor([2, 0])
    inputs, _ = recipe.batch(None, iq, label, rows, 2, torch.Generator())
    assert (inputs == -1).all() and recipe.state_dict()["flips"].tolist() == [1, 0, 1]


def test_a_format_of_another_package(files, capsys):
    dataset = toy_dataset(10, 1)
    two = FrameDataset(
        dataset.iq, dataset.label % 2, ("A", "B"), dataset.snr_db * 0 + 10, dataset.run_id
    )
    npz.write(two, "in.npz")
    run("dataset", "convert", "in.npz", "out.txt")
    assert Path("out.txt").read_text().startswith("#frames")
    np.testing.assert_allclose(data.read("out.txt").iq, two.iq, rtol=1e-6)
    run("dataset", "info", "out.txt")
    assert "frames: 10 of 128 samples" in capsys.readouterr().out
    run("dataset", "convert", "out.txt", "back.npz", "--label-snr", "4", "--frame-length", "64")
    back = data.read("back.npz")
    assert back.iq.shape == (20, 2, 64) and set(back.snr_db) == {4}
    assert "--half is for .npz" in refused(
        capsys, "dataset", "convert", "in.npz", "half.txt", "--half"
    )


def test_formats_are_asked_from_the_surest_to_those_that_guess(files):
    """A pickle begins with one byte, which many files have: all others come first."""
    Path("x.dat").write_bytes(b"}" + bytes(600))
    assert len(data.read("x.dat")) == 10
    Path("y.txt").write_bytes(b"#fra")
    with pytest.raises(UserError, match=r"none of these: .*pickle .*frames as text \(\.txt\)"):
        data.read("y.txt")


def test_a_format_that_cannot_be_imported_is_passed_over(files, capsys):
    Path("x.dat").write_bytes(b"neither")
    said = refused(capsys, "dataset", "info", "x.dat")
    assert "none of these" in said
    run("dataset", "info", "toy.npz")
    with pytest.raises(UserError, match="the data format broken .* cannot be loaded"):
        registry.FORMATS["broken"]


def test_the_table_of_formats_in_the_documentation():
    """Each of the library's formats is there, and the suffixes of those that go by name."""
    lines = (DOCS / "data.md").read_text().split("## Files")[1].split("\n\n")[1].splitlines()
    rows = [line.strip("|").split(" | ") for line in lines if line.startswith("| ")]
    table = {row[0].replace("`", "").strip(): row[1] for row in rows[1:]}
    own = {name: registry.FORMATS[name] for name in registry.OWN}
    assert set(table) == {each.description.removeprefix("a ") for each in own.values()}
    for each in own.values():
        by_name = [one for one in each.suffixes if each.sniff(b"", Path(f"x{one}"))]
        words = table[each.description.removeprefix("a ")]
        assert (words == "content") == (not by_name)
        assert all(f"`{suffix}`" in words for suffix in by_name)


def test_help_names_what_can_be_read(capsys):
    said = " ".join(registry.readable().split())
    assert "frames as text (.txt)" in said and "raw samples (.cf32, .fc32, .cfile, " in said
    assert registry.writable() == (".sigmf-meta", ".npz", ".txt")
