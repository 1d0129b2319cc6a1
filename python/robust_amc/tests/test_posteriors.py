"""Log posteriors beside the decisions: of the classifier, of every engine, of ONNX files."""

import numpy as np
import pytest
import torch

from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.inference import open_engine, source_of
from robust_amc.inference.engine import finite_log_softmax
from robust_amc.inference.onnx_model import load

from .conftest import toy_frames
from .rounding import BFLOAT16, FLOAT32
from .test_cli import run
from .test_inference import KINDS, MODELS, available, odd_frames


def expected(model, iq):
    """Log posteriors by the network alone; 0 for frames that cannot be scored."""
    valid = model.decide(iq).valid
    with torch.no_grad():
        logits = model.network(torch.as_tensor(iq[valid])).double()
    found = np.zeros((len(iq), len(model.classes)))
    found[valid] = logits.log_softmax(1).numpy()
    return found


@pytest.mark.parametrize("name", MODELS)
def test_of_the_classifier(name, request):
    model, iq = request.getfixturevalue(name), odd_frames()
    plain, asked = model.decide(iq), model.decide(iq, posteriors=True)
    assert plain.log_posterior is None
    np.testing.assert_array_equal(plain.label, asked.label)
    usable = np.abs(iq).max((1, 2)) < 1e20
    np.testing.assert_allclose(asked.log_posterior[usable], expected(model, iq)[usable], atol=1e-3)
    assert np.isfinite(asked.log_posterior).all()
    np.testing.assert_array_equal(asked[3:9].log_posterior, asked.log_posterior[3:9])


@pytest.fixture(scope="module")
def sources(plain, rejecting):
    """The sources of two models: their graphs are exported once for all engines."""
    return {model.name: (model, source_of(model)) for model in (plain, rejecting)}


@pytest.mark.parametrize("engine, precision", KINDS)
@pytest.mark.parametrize("name", ["plain", "rejecting"])
def test_of_every_engine(engine, precision, name, sources):
    available(engine, precision)
    (model, source), iq = sources[name], toy_frames(150, 7)[0]
    opened = open_engine(source, engine, precision, threads=2)
    found = opened.decide(iq, posteriors=True)
    wanted = expected(model, iq)
    limit = (BFLOAT16 if precision == "bfloat16" else FLOAT32) * max(1, np.abs(wanted).max())
    np.testing.assert_allclose(found.log_posterior, wanted, atol=10 * limit)
    np.testing.assert_allclose(found.score, opened.decide(iq).score, atol=limit)


def test_of_onnx_files(rejecting, plain, tmp_path, monkeypatch):
    available("onnxruntime")
    monkeypatch.chdir(tmp_path)
    iq = toy_frames(60, 8)[0]
    for model, option, has in (
        (rejecting, [], False), (rejecting, ["--logits"], True), (plain, [], True),
        (plain, ["--logits"], True),
    ):  # fmt: skip
        model.save("model.safetensors")
        saved = Classifier.load("model.safetensors")
        name = f"{model.name}{len(option)}.onnx"
        run("export", "model.safetensors", name, *option)
        names = ["label", "scores", "logits"][: 2 + len(option)]
        assert [each.name for each in load(name).graph.output] == names
        opened = open_engine(name, "onnxruntime")
        assert opened.has_logits is has
        if has:
            found = opened.decide(iq, posteriors=True).log_posterior
            np.testing.assert_allclose(found, expected(saved, iq), atol=1e-3)
        else:
            with pytest.raises(UserError, match="export the model again with --logits"):
                opened.decide(iq, posteriors=True)
        opened.decide(iq)


def test_what_overflows_says_nothing():
    logits = np.array([[0, 1, np.inf], [np.nan, 0, 0], [0, 0, 0]], np.float32)
    found = finite_log_softmax(logits)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[2], -np.log(3), rtol=1e-6)
