"""What `htrd export` writes runs without us and decides as the model does."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.inference import export_onnx, open_engine, quantize
from robust_amc.inference.agreement import CALIBRATION, CHECK, Agreement, evenly
from robust_amc.inference.export_onnx import ExportPrecision, ExportSettings
from robust_amc.inference.onnx_model import document, write_document

from .conftest import CLASSES, toy_dataset, toy_frames
from .rounding import assert_decided_alike, assert_scores_close
from .test_cli import refused, run
from .test_inference import odd_frames

for _package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(_package, reason=f"{_package} is not installed (the extra onnx)")

# A user without this package: only ONNX Runtime and NumPy
RUN = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("robust_amc", "torch", "onnx", "sklearn"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
iq = np.load("iq.npy")
assert [each.name for each in session.get_inputs()] == ["iq"]
assert [each.name for each in session.get_outputs()] == ["label", "scores"]
parts = [session.run(None, {"iq": part}) for part in (iq[:1], iq[1:8], iq[8:])]
np.save("label.npy", np.concatenate([part[0] for part in parts]))
np.save("scores.npy", np.concatenate([part[1] for part in parts]))
print(session.get_modelmeta().custom_metadata_map["htrd"])
"""
INT8 = ExportSettings(precision=ExportPrecision.INT8)


def run_elsewhere(path, iq, folder):
    """Labels, scores and document of an ONNX file, by a process that has none of our code."""
    np.save(folder / "iq.npy", iq)
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "label.npy"), np.load(folder / "scores.npy"), json.loads(done.stdout)


@pytest.fixture(scope="module")
def models(plain, rejecting, detecting, tmp_path_factory):
    """Model files by name, read again: half precision is what is exported."""
    folder, found = tmp_path_factory.mktemp("models"), {}
    for model in (plain, rejecting, detecting):
        model.save(folder / f"{model.name}.safetensors")
        found[model.name] = Classifier.load(folder / f"{model.name}.safetensors")
    return found


@pytest.fixture
def folder(rejecting, tmp_path, monkeypatch):
    """An empty folder with one model file."""
    monkeypatch.chdir(tmp_path)
    rejecting.save("model.safetensors")
    return tmp_path


@pytest.mark.parametrize("name", ["plain", "rejecting", "detecting"])
def test_runs_without_us(name, models, tmp_path):
    model, iq, path = models[name], odd_frames(), tmp_path / "model.onnx"
    found = export_onnx.write(path, model, toy_frames(80, 4)[0])
    assert found.frames == 80 and found.agreement >= 0.97
    assert str(Path(data.__file__).parents[2]).encode() not in path.read_bytes()
    label, scores, facts = run_elsewhere(path, iq, tmp_path)
    expected = model.decide(iq)
    assert (label.dtype, scores.dtype) == (np.int64, np.float32)
    assert_decided_alike(label, expected, model.threshold)
    assert_scores_close(scores, expected.score)
    assert facts.pop("exported") == {"scaling": "none", "precision": "float32"}
    assert facts == json.loads(json.dumps(model.metadata))
    if name != "plain":
        assert facts["rejector"]["threshold"] == model.threshold


def test_command(folder):
    """Scaling inside the graph; figures in words and as JSON."""
    run(
        "export", "model.safetensors", "model.onnx", "--scaling", "as_model",
        "--json", "figures.json",
    )  # fmt: skip
    model = Classifier.load("model.safetensors")
    iq = toy_frames(60, 5)[0] * np.geomspace(1e-3, 1e3, 60, dtype=np.float32)[:, None, None]
    label, scores, facts = run_elsewhere(folder / "model.onnx", iq, folder)
    expected = model.decide(iq, model.scaling)
    assert_decided_alike(label, expected, model.threshold)
    assert_scores_close(scores, expected.score)
    assert (label != model.decide(iq).label).any()
    assert facts["exported"]["scaling"] == "sum_abs" and facts["classes"] == list(CLASSES)
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["settings"]["scaling"] == "sum_abs" and figures["check"]["agreement"] >= 0.99
    for settings in ({}, {"scaling": "as_model"}, {"scaling": "sum_abs", "frame_length": 128}):
        assert open_engine("model.onnx", "onnxruntime", **settings).scaling == "sum_abs"
    for settings, said in (
        ({"scaling": "none"}, "scales its input by sum_abs, not by none: .*--scaling as_model"),
        ({"frame_length": 64}, "model.onnx takes frames of 128 samples, not 64"),
    ):
        with pytest.raises(UserError, match=said):
            open_engine("model.onnx", "onnxruntime", **settings)


def test_checked_on_a_data_set(folder, capsys):
    npz.write(toy_dataset(120, 6), "check.npz")
    run("export", "model.safetensors", "model.onnx", "--check", "check.npz")
    (agreement,) = re.findall(r"([\d.]+)% of 60 decisions agree", capsys.readouterr().err)
    assert float(agreement) >= 98
    npz.write(toy_dataset(100, 6).subset(slice(0, 1)), "one.npz")
    for arguments, said in (
        (("--check", "one.npz"), "no frame to check"),
        (("--precision", "int8", "--calibrate", "one.npz"), "64 frames at least, not on 1"),
    ):
        assert said in refused(capsys, "export", "model.safetensors", "other.onnx", *arguments)
    npz.write(replace(toy_dataset(40, 6), classes=("a", "b", "c", "d")), "others.npz")
    assert "classes" in refused(
        capsys, "export", "model.safetensors", "other.onnx", "--check", "others.npz"
    )
    assert not (folder / "other.onnx").exists()


def test_bad_input(folder, capsys):
    run("export", "model.safetensors", "model.onnx")
    before = (folder / "model.onnx").read_bytes()
    for arguments, said in (
        (("model.safetensors", "model.onnx"), "exists already"),
        (("model.safetensors", "model.bin"), "must end in one of .onnx"),
        (("model.safetensors", "no/model.onnx"), "does not exist"),
        (("nothing", "new.onnx"), "no model nothing"),
        (("model.safetensors", "new.onnx", "--precision", "int8"), "give others (--calibrate)"),
    ):
        assert said in refused(capsys, "export", *arguments)
    assert (folder / "model.onnx").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "model.safetensors"]


def test_a_wrong_graph_is_not_written(models, tmp_path, monkeypatch):
    """The file is read again: a mistake on the way there is seen."""
    export = export_onnx.to_onnx

    def spoiled(classifier, *settings):
        changed = Classifier(classifier.network, classifier.classes, metadata=classifier.metadata)
        return export(changed, *settings)  # has lost its rejector

    monkeypatch.setattr(export_onnx, "to_onnx", spoiled)
    with pytest.raises(UserError, match="does not decide as the model does"):
        export_onnx.write(tmp_path / "model.onnx", models["rejecting"], toy_frames(80, 4)[0])
    assert not list(tmp_path.iterdir())


def test_absent_package(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = refused(capsys, "export", "model.safetensors", "model.onnx")
    assert "onnxruntime is needed" in said and ".[onnx]" in said


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    """A shipped model in int8, and what its export said."""
    path, model = tmp_path_factory.mktemp("int8") / "model.onnx", Classifier.load("htrd")
    sample = data.read("sample")
    calibration = evenly(sample, 1024, CALIBRATION)
    return (
        path,
        model,
        export_onnx.write(path, model, evenly(sample, 1000, CHECK), calibration, INT8),
    )


def test_int8(int8, tmp_path):
    """As small and as right as wanted, on frames that it was not calibrated on."""
    path, model, found = int8
    iq = data.read("sample").limit(500, 9).iq.astype(np.float32)
    label, _, facts = run_elsewhere(path, iq, tmp_path)
    expected = model.decide(iq).label
    assert np.mean(label == expected) >= 0.99
    assert abs(np.mean(label == -1) - np.mean(expected == -1)) <= 0.01
    assert facts["exported"] == {
        "scaling": "none", "precision": "int8", "calibration_frames": 1024,
    }  # fmt: skip
    assert found.agreement >= 0.99 and found.score_difference > 0
    import onnx

    stored = {
        tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer
        if tensor.dims and np.prod(tensor.dims) > 10_000
    }  # fmt: skip
    products = sorted(name for name, kind in stored.items() if kind == onnx.TensorProto.INT8)
    assert len(products) == 2 and "conv2" in products[0] and "dense1" in products[1]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "auto"])
def test_engines_of_a_file(engine, int8):
    if engine != "auto":
        pytest.importorskip(engine, reason=f"{engine} is not installed (an optional extra)")
    path, model, _ = int8
    opened = open_engine(path, engine)
    assert opened.precision == "int8" and opened.threshold == model.threshold
    iq = data.read("sample").limit(300, 10).iq.astype(np.float32)
    assert Agreement.of(opened.decide(iq), model.decide(iq)).agreement >= 0.99
    opened.set_target_rejection(0.5)
    assert opened.threshold > model.threshold


def test_files_that_are_none(tmp_path, plain):
    import onnx

    garbage, foreign = tmp_path / "garbage.onnx", tmp_path / "foreign.onnx"
    garbage.write_bytes(b"\x93 no model " * 40)
    made = onnx.helper.make_model(onnx.helper.make_graph([], "nothing", [], []))
    onnx.save(made, foreign)
    newer, odd = tmp_path / "newer.onnx", tmp_path / "odd.onnx"
    facts = document(plain, "none")
    write_document(made, facts | {"format_version": 99})
    onnx.save(made, newer)
    write_document(made, facts | {"exported": {"precision": "int3", "scaling": "none"}})
    onnx.save(made, odd)
    for path, said in (
        (newer, "has format 99"),
        (odd, "not a usable model"),
        (garbage, "damaged or not an ONNX file"),
        (foreign, "no metadata of ours"),
        (tmp_path / "missing.onnx", "No such file"),
    ):
        with pytest.raises(UserError, match=said):
            open_engine(path)


def test_int8_that_differs_is_refused(models, tmp_path, monkeypatch):
    """Unless it is forced; the figures are in the line."""
    iq, path = toy_frames(160, 7)[0], tmp_path / "model.onnx"
    monkeypatch.setattr(quantize, "PERCENTILE", 60.0)  # clips nearly half of every activation
    with pytest.raises(UserError, match=r"int8 changes too much: \d+\.\d\d% of 80 decisions"):
        export_onnx.write(path, models["rejecting"], iq[:80], iq[80:], INT8)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match="calibrated on benign frames: give some"):
        export_onnx.write(path, models["rejecting"], iq[:80], settings=INT8)
    found = export_onnx.write(
        path, models["rejecting"], iq[:80], iq[80:], replace(INT8, force=True)
    )
    assert not quantize.is_close(found) and path.exists()


@pytest.mark.parametrize("agreement, rejection, close", [
    (0.99, 0.10, True), (0.9899, 0.10, False), (1.0, 0.1099, True), (1.0, 0.111, False),
    (1.0, 0.089, False),
])  # fmt: skip
def test_what_is_close(agreement, rejection, close):
    assert quantize.is_close(Agreement(1000, agreement, rejection, 0.10, 0.0)) is close
