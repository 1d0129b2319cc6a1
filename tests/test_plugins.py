"""A package of somebody else's: its plugs work by name, without an edit of the library.

tests/plugin_package has a network, a rejector, an attack objective, a training method and a data
format, a file each. It is installed for these tests as pip would leave it: the metadata with its
entry points, made from its pyproject.toml, lie on the path beside it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed import install

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tests" / "plugin_package"
HTRD = "import sys; from robust_amc.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run; the package is installed in `site`."""
    folder = tmp_path_factory.mktemp("plugins")
    install((PACKAGE / "pyproject.toml").read_text(), folder / "site")
    return folder


@pytest.fixture(scope="module")
def htrd(folder):
    """Run `htrd` in that folder, with the package installed or not."""

    def run(*arguments, status=0, installed=True):
        path = [str(ROOT / "python")] + ([str(folder / "site"), str(PACKAGE)] if installed else [])
        done = subprocess.run(
            [sys.executable, "-c", HTRD, *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def trained(htrd):
    """A model of the package's network, trained by its method on data in its format."""
    htrd("dataset", "convert", "sample", "sample.columns")
    htrd(
        "train", "network.safetensors", "--dataset", "sample.columns", "--architecture", "spectral",
        "--set", "architecture.width=24", "--method", "mixup", "--set", "mixup.alpha=0.4",
        "--snr", "8,10,12", "--epochs", 3, "--patience", 0, "--device", "cpu",
    )  # fmt: skip
    htrd(
        "fit-rejector", "model.safetensors", "--model", "network.safetensors", "--dataset",
        "sample.columns", "--kind", "entropy", "--set", "temperature=2.0", "--device", "cpu",
    )  # fmt: skip
    return "model.safetensors"


def test_data_format(htrd, trained):
    words = " ".join(htrd("dataset", "convert", "--help").replace("│", " ").split())
    assert "frames as columns of text" in words
    said = htrd("dataset", "info", "sample.columns")
    assert "AM-SSB" in said and "128" in said


def test_model_says_what_it_is_made_of(htrd, trained):
    said = htrd("models", trained)
    for word in ("spectral", "mixup", "entropy"):
        assert word in said


def test_attack(htrd, trained, folder):
    """The battery knows a rejector that detects; an objective of one's own is asked for by name."""
    shared = (
        "evaluate", "--model", trained, "--dataset", "sample.columns", "--part", "test",
        "--snr", 10, "--frames", 12, "--attack", "pgd", "--pnr", "-60,10", "--steps", 4,
        "--restarts", 0, "--no-probe", "--device", "cpu",
    )  # fmt: skip
    htrd(*shared, "--json", "battery.json")
    htrd(*shared, "--objective", "likeliest,cross_entropy", "--json", "own.json")
    for name in ("battery", "own"):
        document = json.loads((folder / f"{name}.json").read_text())
        weak, strong = (row["robust_accuracy"] for row in document["rows"])
        assert strong < weak
    assert document["settings"]["attack_settings"]["objectives"] == ["likeliest", "cross_entropy"]
    said = htrd(*shared, "--objective", "unlikely", status=2)
    assert "unknown attack objective 'unlikely'" in said and "likeliest" in said


def test_export(htrd, trained, folder):
    pytest.importorskip("onnxruntime")
    said = htrd("export", trained, "model.onnx", "--check", "sample.columns")
    assert (folder / "model.onnx").is_file()
    assert "model.onnx" in said


def test_without_the_package_the_plugs_are_named_in_one_line(htrd, trained):
    said = htrd("models", trained, status=0, installed=False)
    assert "spectral" in said  # what the file says needs no plug
    said = htrd("evaluate", "--model", trained, "--dataset", "sample", status=2, installed=False)
    assert "unknown" in said and "'spectral'" in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
