"""Every engine decides as the classifier does, and `auto` takes none that does not."""

import copy
import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_amc import data, power
from robust_amc.attacks import LIVE, white_box
from robust_amc.benchmarks import inference
from robust_amc.benchmarks.sides import Rate
from robust_amc.classifier import Classifier, Decisions
from robust_amc.errors import UserError
from robust_amc.frames import Scaling, energy
from robust_amc.inference import (
    InferenceEngine,
    choice_cache,
    choose,
    graph_cache,
    open_engine,
    source_of,
    sources,
)
from robust_amc.inference.agreement import CALIBRATION, CHECK, Agreement, check_frames, evenly
from robust_amc.inference.graph import DecisionGraph
from robust_amc.models import build
from robust_amc.runtime.device import has_bfloat16

from .conftest import CLASSES, toy_frames, toy_metadata
from .rounding import BFLOAT16, FLOAT32, assert_decided_alike, assert_scores_close, on_edge

MODELS = ("plain", "rejecting", "detecting")
KINDS = [
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("onnxruntime", "float32"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
]


def available(engine, precision="float32"):
    for package in choose.PACKAGES[engine]:
        pytest.importorskip(package, reason=f"{package} is not installed (an optional extra)")
    if precision == "bfloat16" and not has_bfloat16("cpu"):
        pytest.skip("this processor has no bfloat16")


def odd_frames(count=70):
    """Frames as a radio may give them: of any level, and some that nothing can be said of."""
    iq, _ = toy_frames(count, 11)
    iq[1], iq[2, 0, 3], iq[3, 1, 0], iq[4] = 0, np.nan, np.inf, iq[4] * 1e30
    iq[5:30] *= np.linspace(0.5, 2, 25, dtype=np.float32)[:, None, None]
    return iq


@pytest.fixture(scope="module")
def sample():
    return data.read("sample").limit(400, 3).iq.astype(np.float32)


@functools.cache
def shipped(name):
    """The source of a shipped model: its graph is exported once for all engines."""
    return source_of(name)


@functools.cache
def untrained(architecture):
    """The source of a network as it is built."""
    torch.manual_seed(0)
    network = build(architecture, len(CLASSES), input_gain=100.0)
    metadata = toy_metadata(architecture={"name": architecture, "input_gain": 100.0})
    return source_of(Classifier(network, CLASSES, metadata=metadata))


@pytest.fixture(scope="module")
def engines(request):
    """A function from a model's fixture, an engine and a precision to an engine of its own."""
    origins, made = {}, {}

    def get(model, engine, precision="float32"):
        available(engine, precision)
        key = (model, engine, precision)
        if key not in made:
            origin = origins.setdefault(model, source_of(request.getfixturevalue(model)))
            made[key] = open_engine(origin, engine, precision, threads=2)
        return copy.copy(made[key])  # shares all but the threshold

    return get


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("scaling", list(Scaling))
def test_graph_is_the_classifier(name, scaling, request):
    """For every frame alike, without a branch."""
    model, iq = request.getfixturevalue(name), odd_frames()
    decided = model.decide(iq, scaling)
    threshold = -np.inf if model.threshold is None else model.threshold
    label, scores = DecisionGraph(model, scaling)(torch.from_numpy(iq), torch.tensor(threshold))
    assert_decided_alike(label, decided, model.threshold)
    assert_scores_close(scores.numpy(), decided.score)
    assert {-1, 0, 1} <= set(decided.label)


@pytest.mark.parametrize("engine, precision", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_engine_decides_as_the_classifier(engine, precision, name, engines, request):
    opened = engines(name, engine, precision)
    model, iq = request.getfixturevalue(name), odd_frames(200)
    assert isinstance(opened, InferenceEngine)
    assert (opened.name, opened.precision, opened.classes) == (engine, precision, CLASSES)
    decided, expected = opened.decide(iq), model.decide(iq)
    assert (decided.label.dtype, decided.score.dtype) == (np.int16, np.float32)
    np.testing.assert_array_equal(decided.valid, expected.valid)
    assert np.isneginf(decided.score[~expected.valid]).all()
    rounding = FLOAT32 if precision == "float32" else BFLOAT16
    assert_scores_close(decided.score, expected.score, rounding)
    assert_decided_alike(decided.label, expected, model.threshold, rounding, most_on_edge=0.5)
    found = Agreement.of(decided, expected)
    assert found.agreement >= 0.97, found
    assert precision == "float32" or found.score_difference > 0


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_frames_attacked_on_the_file_are_won_on_its_export(engine):
    """They lie just behind a boundary: float32 in another order of sums still sees them there."""
    available(engine)
    classifier = shipped("htrd").classifier
    chosen = data.read("sample").select(snr_db=[10]).limit(100, 0)
    iq, label = chosen.iq.astype(np.float32), chosen.label
    epsilon = power.epsilon(energy(iq), 10, -5)
    attacked = white_box(classifier, iq, label, epsilon, settings=LIVE)
    expected = classifier.decide(attacked.iq)
    decided = open_engine(shipped("htrd"), engine, "float32").decide(attacked.iq)
    won = ~expected.rejected & (expected.label != label)
    assert won.mean() > 0.3
    assert_decided_alike(decided.label, expected, classifier.threshold, most_on_edge=0.1)
    assert np.mean((~decided.rejected & (decided.label != label)) == won) >= 0.97


@pytest.mark.parametrize("engine, precision", KINDS)
@pytest.mark.parametrize("model", ["undefended", "htrd"])
def test_shipped_models(engine, precision, model, sample):
    available(engine, precision)
    classifier = shipped(model).classifier
    decided = open_engine(shipped(model), engine, precision).decide(sample)
    expected = classifier.decide(sample)
    if precision == "float32":
        assert_decided_alike(decided.label, expected, classifier.threshold, most_on_edge=0.2)
    # auto holds an engine to 99.5 % of other frames
    assert Agreement.of(decided, expected).agreement >= 0.99


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_shipped_matched_filter(engine, sample):
    available(engine)
    decided = open_engine(shipped("modern"), engine, "float32").decide(sample)
    found = Agreement.of(decided, shipped("modern").classifier.decide(sample))
    assert found.agreement >= 0.998, found


@pytest.mark.parametrize("engine", choose.ENGINES)
@pytest.mark.parametrize("architecture", ["residual", "ensemble", "matched_filter", "awn"])
def test_other_architectures(engine, architecture):
    available(engine)
    # matched_filter takes the exporter long; the shipped one has been exported already
    source = shipped("modern") if architecture == "matched_filter" else untrained(architecture)
    iq = odd_frames()
    decided = open_engine(source, engine, "float32").decide(iq)
    expected = source.classifier.decide(iq)
    assert_scores_close(decided.score, expected.score)
    assert_decided_alike(decided.label, expected)


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_any_number_of_frames(engine, engines, rejecting):
    opened = engines("rejecting", engine)
    iq, _ = toy_frames(131, 12)
    expected = rejecting.decide(iq)
    for count in (0, 1, 2, 64, 65, 131):
        decided = opened.decide(iq[:count])
        assert decided.label.shape == (count,) and decided.score.shape == (count, len(CLASSES))
        assert_scores_close(decided.score, expected.score[:count])
    assert_decided_alike(decided.label, expected, rejecting.threshold)
    turned = opened.decide(iq.astype(np.float64)[::-1]).label[::-1]
    assert_decided_alike(turned, expected, rejecting.threshold)


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_scaling_inside(engine, engines, rejecting):
    available(engine)
    iq, _ = toy_frames(40, 13)
    loud = iq * np.geomspace(1e-3, 1e3, 40, dtype=np.float32)[:, None, None]
    opened = open_engine(rejecting, engine, "float32", scaling="as_model")
    assert opened.scaling is Scaling.SUM_ABS
    expected = rejecting.decide(iq)
    assert_decided_alike(opened.decide(loud).label, expected, rejecting.threshold)
    assert (engines("rejecting", engine).decide(loud).label != expected.label).any()


def test_scaling_of_what_needs_it(rejecting, caplog):
    iq = toy_frames(60, 47)[0]
    decided = rejecting.decide(iq)
    loud = iq * np.where(np.arange(60) % 3, np.float32(20), 1)[:, None, None]
    opened = open_engine(rejecting, "torch", "float32", scaling="auto")
    assert opened.auto and opened.scaling is Scaling.NONE
    np.testing.assert_array_equal(
        opened.decide(iq).score, open_engine(rejecting, "torch", "float32").decide(iq).score
    )
    assert_scores_close(opened.decide(loud).score, decided.score)
    as_is = np.ones(60, bool)
    assert_scores_close(opened.decide(loud, as_is).score, rejecting.decide(loud, "none").score)
    assert not caplog.records
    plain = open_engine(rejecting, "torch", "float32")
    plain.decide(loud, as_is)
    assert not caplog.records
    for each in (plain, copy.copy(plain)):
        each.decide(loud)
    (record,) = caplog.records
    assert "--scaling auto" in record.getMessage()


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_threshold_at_run_time(engine, engines, rejecting):
    opened, (iq, _) = engines("rejecting", engine), toy_frames(100, 14)
    score = rejecting.decide(iq).score
    best = score.max(1)
    assert opened.threshold == rejecting.threshold
    middle = float(np.median(best))
    opened.set_threshold(middle)
    sure = ~on_edge(score, middle)
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(opened.decide(iq).rejected[sure], (best < middle)[sure])
    opened.set_target_rejection(0.0)
    low = opened.threshold
    opened.set_target_rejection(1.0)
    assert low < middle < opened.threshold
    with pytest.raises(UserError, match="outside the model's benign scores"):
        opened.set_threshold(opened.threshold + 1)
    assert rejecting.threshold not in (middle, opened.threshold)


def test_no_threshold_without_rejector(plain):
    opened = open_engine(plain, "torch", "float32")
    assert opened.threshold is None and not opened.decide(toy_frames(20, 1)[0]).rejected.any()
    for change in (opened.set_threshold, opened.set_target_rejection):
        with pytest.raises(UserError, match="no rejector"):
            change(0.1)


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_several_threads_at_once(engine, engines, rejecting):
    """Each gets the decisions of its own frames."""
    opened = engines("rejecting", engine)
    iq, _ = toy_frames(240, 15)
    expected, found = rejecting.decide(iq), {}

    def work(first):
        found[first] = [opened.decide(iq[first::3]).label for _ in range(3)]

    threads = [threading.Thread(target=work, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    for first in range(3):
        own = Decisions(*(each[first::3] for each in (expected.label, expected.score,
                                                       expected.valid)))  # fmt: skip
        for label in found[first]:
            assert_decided_alike(label, own, rejecting.threshold)


@pytest.mark.parametrize("engine", choose.ENGINES)
def test_wrong_frames(engine, engines):
    opened = engines("plain", engine)
    with pytest.raises(UserError, match="the frames have 64 samples, the model takes 128"):
        opened.decide(np.zeros((3, 2, 64), np.float32))
    with pytest.raises(UserError, match="must be real"):
        opened.decide(np.zeros((3, 128), np.complex64))


def test_wrong_names(plain):
    with pytest.raises(UserError, match="unknown engine 'tensorrt'; there are auto, torch"):
        open_engine(plain, "tensorrt")
    with pytest.raises(UserError, match="unknown precision 'float8'"):
        open_engine(plain, precision="float8")
    with pytest.raises(UserError, match="no engine computes this in int8 with torch"):
        open_engine(plain, "torch", "int8")
    with pytest.raises(UserError, match="no engine computes this in bfloat16 with onnxruntime"):
        open_engine(plain, "onnxruntime", "bfloat16")


def test_no_bfloat16_in_this_processor(plain, monkeypatch):
    monkeypatch.setattr("robust_amc.inference.sources.has_bfloat16", lambda device: False)
    assert open_engine(plain, "torch").precision == "float32"
    with pytest.raises(UserError, match="this processor lacks it"):
        open_engine(plain, "torch", "bfloat16")


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Nothing is known from before, and nothing kept."""
    monkeypatch.setattr(choice_cache, "recall", lambda *_: None)
    monkeypatch.setattr(choice_cache, "keep", lambda *_: None)


@pytest.mark.parametrize("engine, package, extra", [
    ("onnxruntime", "onnxruntime", "onnx"), ("onnxruntime", "onnx", "onnx"),
    ("openvino", "openvino", "openvino"), ("openvino", "onnxscript", "onnx"),
])  # fmt: skip
def test_absent_package(engine, package, extra, plain, monkeypatch):
    """It is named where it is asked for, and auto does without."""
    for needed in ("onnx", "onnxscript"):
        if needed == package:
            break
        pytest.importorskip(needed, reason=f"{needed} is not installed: that is said first")
    monkeypatch.setenv(graph_cache.FOLDER, "")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{package} is needed.*\.\[{extra}\]"):
        open_engine(plain, engine, "float32")
    assert not choose.installed(engine)
    assert open_engine(plain).name != engine


def only_torch(monkeypatch, rates):
    """Let auto choose between float32 and bfloat16 of PyTorch, with invented rates."""
    monkeypatch.setattr(choose, "installed", lambda engine: engine == "torch")
    monkeypatch.setattr("robust_amc.inference.sources.has_bfloat16", lambda device: True)
    monkeypatch.setattr(choose, "_rate", lambda engine, iq: rates[engine.precision])
    # of a toy model, where bfloat16 is emulated; the shipped ones are held to more
    monkeypatch.setattr(choose, "AGREEMENT", 0.9)


@pytest.mark.parametrize("fastest", ["float32", "bfloat16"])
def test_auto_takes_the_fastest(fastest, rejecting, monkeypatch, caplog):
    rates = {"float32": 100.0, "bfloat16": 100.0} | {fastest: 250.0}
    only_torch(monkeypatch, rates)
    with caplog.at_level("INFO", "robust_amc.inference"):
        opened = open_engine(rejecting)
    assert opened.precision == fastest
    assert opened.reason.startswith(f"torch {fastest}: 250 frames/s, ")
    assert "100/s" in opened.reason
    (line,) = [each.getMessage() for each in caplog.records if "robust_amc" in each.name]
    assert opened.reason in line and "\n" not in line


def test_auto_takes_none_that_decides_otherwise(rejecting, monkeypatch):
    only_torch(monkeypatch, {"float32": 100.0, "bfloat16": 900.0})
    exact = sources.OfClassifier.make

    def spoiled(self, engine, precision, threads):
        opened = exact(self, engine, precision, threads)
        if precision == "bfloat16":
            scores = opened.scores
            opened.scores = lambda iq: scores(iq)[:, ::-1]
        return opened

    monkeypatch.setattr(sources.OfClassifier, "make", spoiled)
    assert open_engine(rejecting).precision == "float32"
    monkeypatch.setattr(choose, "AGREEMENT", 1.01)
    with pytest.raises(UserError, match="no engine decides as the model does.*torch bfloat16"):
        open_engine(rejecting)


def test_auto_is_honest_with_all_that_is_here(sample):
    opened = open_engine(shipped("htrd"))
    found = Agreement.of(opened.decide(sample), shipped("htrd").classifier.decide(sample))
    # 99.5 % of the check frames; these are others
    assert found.agreement >= 0.99 and opened.reason


def test_agreement_counts():
    class Decided:
        def __init__(self, label, score):
            self.label, self.score = np.array(label), np.array(score, np.float32)
            self.valid, self.rejected = np.array([True] * 3 + [False]), self.label == -1

    one = Decided([0, 1, -1, -1], [[4, 0], [1, 2], [0, 0], [-np.inf, -np.inf]])
    two = Decided([0, 0, 1, -1], [[4, 0], [2, 1], [0, 1], [-np.inf, -np.inf]])
    found = Agreement.of(two, one)
    assert found == Agreement(4, 0.5, 0.25, 0.5, 0.25)
    assert str(found) == "50.00% of 4 decisions agree, 25.00% rejected against 50.00%"


def test_check_frames(plain):
    """The sample for models of its classes, else random frames that are no two alike."""
    shipped, whole = Classifier.load("undefended"), data.read("sample")
    iq = check_frames(shipped)
    assert iq.dtype == np.float32 and 300 < len(iq) < 1000
    known = {frame.tobytes() for frame in whole.iq.astype(np.float32)}
    chosen = {frame.tobytes() for frame in iq}
    assert chosen < known
    assert not chosen & {frame.tobytes() for frame in evenly(whole, 1024, CALIBRATION)}
    assert len(evenly(whole, 10, CHECK)) == 10 and len(evenly(whole, 10**6, CHECK)) == 3080
    assert len(np.unique(shipped.decide(iq).label)) == len(shipped.classes)
    made = check_frames(plain)
    total = np.hypot(made[:, 0], made[:, 1]).sum(1)
    np.testing.assert_allclose(np.unique(total.round(3)), [0.25, 1, 4])
    assert len({frame.tobytes() for frame in made}) == len(made)


def test_rows_of_the_bench(sample):
    """Each engine beside PyTorch and beside the bare network, then its latencies."""
    model = Classifier.load("htrd")
    pairs = inference.present(model)
    assert ("torch", "float32") in pairs and ("torch", "int8") not in pairs
    assert inference.present(model, ["float32"])[0] == ("torch", "float32")
    everything = inference.sides(sample, "htrd", pairs)
    rates = {side.name: Rate(10.0 + 7 * n) for n, side in enumerate(everything)}
    assert len(rates) == len(everything)
    rows = inference.rows(rates, pairs)
    for row in rows:
        assert row["ratio"] == row["value"] / row["baseline_value"]
    assert (rows[0]["value"], rows[0]["unit"]) == (rates["torch float32"].value, "frames/s")
    assert rows[0]["baseline_value"] == rates[inference.EAGER].value
    last = rows[-1]
    name = " ".join(pairs[-1])
    assert (last["name"], last["unit"]) == (f"latency of 64, {name}", "ms")
    assert last["value"] == 1000 / rates[f"{name}, 64 a call"].value
    assert (inference.BARE in rates) is choose.installed("openvino")


def test_sides_of_the_bench_do_the_same(sample):
    iq = sample[:40]
    model = Classifier.load("htrd")
    expected = model.decide(iq)
    for make, given in ((inference.eager, {}), (inference.engine, KINDS[0])):
        more = dict(zip(("engine", "precision"), given))
        work, amount = make(iq, "htrd", **more)
        assert amount == 40
        assert_decided_alike(work().label, expected, model.threshold)
        work, amount = make(iq, "htrd", calls=3, **more)
        assert amount == 1
        assert len(work().label) == 3
        assert_scores_close(work().score, expected.score[:3])
    available("openvino")
    work, amount = inference.bare(iq, "htrd")
    logits = model.network(torch.from_numpy(iq)).numpy()
    assert amount == 40 and np.mean(work().argmax(1) == logits.argmax(1)) > 0.9


FIRST_INFERENCES = """
import sys, time
import numpy as np, numpy.lib
from robust_amc.classifier import Classifier
from robust_amc.inference import open_engine

known = numpy.lib.NumpyVersion

def slow(version):
    time.sleep(0.3)  # where OpenVINO's first look at NumPy lets other threads run
    return known(version)

numpy.lib.NumpyVersion = slow
engine = open_engine(Classifier.load(sys.argv[1]), "openvino", "float32", threads=2)
print(len(engine.decide(np.full((128, 2, 128), 0.01, np.float32)).label))
"""


def test_first_inferences_in_two_threads_do_not_wait_for_each_other(rejecting, tmp_path):
    """OpenVINO's binding can lock itself up there, with Python's lock held."""
    available("openvino")
    path = tmp_path / "model.safetensors"
    rejecting.save(path)
    done = subprocess.run(
        [sys.executable, "-c", FIRST_INFERENCES, path],
        capture_output=True, text=True, timeout=600,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.strip() == "128", done.stderr


def test_what_engines_are_made_of(tmp_path, rejecting):
    """A classifier, a file or an engine; another frame length is refused of each."""
    path = tmp_path / "model.safetensors"
    rejecting.save(path)
    iq, _ = toy_frames(30, 4)
    expected = rejecting.decide(iq).label
    for model in (rejecting, path, str(path), source_of(path)):
        opened = open_engine(model, "torch", "float32", frame_length=128)
        np.testing.assert_array_equal(opened.decide(iq).label, expected)
        for given in (model, opened):
            with pytest.raises(UserError, match="takes frames of 128 samples, not 64"):
                open_engine(given, "torch", "float32", frame_length=64)
        assert open_engine(opened, "openvino", "int8", "as_model") is opened
    assert open_engine("htrd", "torch", "float32").classes == data.read("sample").classes
    with pytest.raises(UserError, match="unknown scaling 'loud'; there are auto, as_model, none"):
        open_engine(rejecting, scaling="loud")
    with pytest.raises(UserError, match="no_such_model"):
        open_engine("no_such_model")
    with pytest.raises(UserError, match="no device 'tpu'"):
        open_engine(path, device="tpu")


def test_auto_is_a_precision(rejecting, monkeypatch):
    monkeypatch.setattr("robust_amc.inference.sources.has_bfloat16", lambda device: False)
    assert open_engine(rejecting, "torch", "auto").precision == "float32"


def test_a_scaled_source_is_a_copy(rejecting):
    source = source_of(rejecting)
    scaled = source.scaled("as_model")
    assert (source.scaling, scaled.scaling) == (Scaling.NONE, Scaling.SUM_ABS)
