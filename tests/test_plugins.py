"""A package of somebody else's: its plugs work by name, without an edit of the library.

tests/plugin_package has a network, a rejector, an attack objective, a training method and a data
format, a file each. It is installed for these tests as pip would leave it: the metadata with its
entry points, made from its pyproject.toml, lie on the path beside it.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed import install

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tests" / "plugin_package"
# One process for several commands: most of its time goes before the first
HTRD = """
import json, sys
from robust_amc.cli import main
status = 0
for arguments in json.loads(sys.argv[1]):
    print(f"\\n--- {arguments[0]}", flush=True)
    try:
        status = main(arguments) or 0
    except SystemExit as done:
        status = done.code or 0
    sys.stdout.flush()
    if status:
        break
sys.exit(status)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run; the package is installed in `site`."""
    folder = tmp_path_factory.mktemp("plugins")
    install((PACKAGE / "pyproject.toml").read_text(), folder / "site")
    return folder


@pytest.fixture(scope="module")
def htrd(folder):
    """Run commands of `htrd` in that folder, with the package installed or not."""

    def run(*commands, status=0, installed=True):
        path = [str(ROOT / "python")] + ([str(folder / "site"), str(PACKAGE)] if installed else [])
        arguments = [[str(each) for each in command] for command in commands]
        done = subprocess.run(
            [sys.executable, "-c", HTRD, json.dumps(arguments)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr

    return run


EVALUATE = (
    "evaluate", "--model", "model.safetensors", "--dataset", "sample.columns", "--part", "test",
    "--snr", 10, "--frames", 12, "--attack", "pgd", "--pnr", "-60,10", "--steps", 4,
    "--restarts", 0, "--no-probe", "--device", "cpu",
)  # fmt: skip

# The exporter and ONNX Runtime are extras
EXPORT = [
    ("export", "model.safetensors", "model.onnx", "--check", "sample.columns"),
] * bool(importlib.util.find_spec("onnxruntime"))


@pytest.fixture(scope="module")
def said(htrd):
    """What the commands say: data in the package's format, a model of its network, ..."""
    out, _ = htrd(
        ("dataset", "convert", "sample", "sample.columns"),
        ("dataset", "info", "sample.columns"),
        (
            "train", "network.safetensors", "--dataset", "sample.columns",
            "--architecture", "spectral", "--set", "architecture.width=24", "--method", "mixup",
            "--set", "mixup.alpha=0.4", "--snr", "8,10,12", "--epochs", 3, "--patience", 0,
            "--device", "cpu",
        ),
        (
            "fit-rejector", "model.safetensors", "--model", "network.safetensors", "--dataset",
            "sample.columns", "--kind", "entropy", "--set", "temperature=2.0", "--device", "cpu",
        ),
        ("models", "model.safetensors"),
        (*EVALUATE, "--json", "battery.json"),
        (*EVALUATE, "--objective", "likeliest,cross_entropy", "--json", "own.json"),
        ("dataset", "convert", "--help"),
        *EXPORT,
    )  # fmt: skip
    return out


def test_data_format(said):
    assert "frames as columns of text" in " ".join(said.replace("│", " ").split())
    _, info, *_ = said.split("--- dataset")[1:]
    assert "AM-SSB" in info and "128" in info


def test_model_says_what_it_is_made_of(said):
    _, said = said.split("--- models")
    for word in ("spectral", "mixup", "entropy"):
        assert word in said.split("---")[0]


def test_attack(said, folder):
    """The battery knows a rejector that detects; an objective of one's own is asked for by name."""
    for name in ("battery", "own"):
        document = json.loads((folder / f"{name}.json").read_text())
        weak, strong = (row["robust_accuracy"] for row in document["rows"])
        assert strong < weak
    assert document["settings"]["attack_settings"]["objectives"] == ["likeliest", "cross_entropy"]


def test_an_objective_that_is_not_there(said, htrd):
    out, error = htrd((*EVALUATE, "--objective", "unlikely"), status=2)
    assert "unknown attack objective 'unlikely'" in error and "likeliest" in error


@pytest.mark.skipif(not EXPORT, reason="ONNX Runtime is not installed (an optional extra)")
def test_export(said, folder):
    assert (folder / "model.onnx").is_file()
    assert said.rstrip().endswith("--- export")  # nothing went wrong


def test_without_the_package_the_plugs_are_named_in_one_line(said, htrd):
    out, error = htrd(
        ("models", "model.safetensors"),
        ("evaluate", "--model", "model.safetensors", "--dataset", "sample"),
        status=2, installed=False,
    )  # fmt: skip
    assert "spectral" in out  # what the file says needs no plug
    assert "unknown" in error and "'spectral'" in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
