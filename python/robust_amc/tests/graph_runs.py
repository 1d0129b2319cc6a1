"""Runs the graphs of the page in ONNX Runtime, as the page does in a browser."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_amc import frames
from robust_amc.attacks.objectives import objectives_for
from robust_amc.attacks.threat import Goal

from .rounding import assert_decided_alike, assert_scores_close


def run_graph(graph, model, iq, target, mix, threshold):
    """Label, scores and gradient by ONNX Runtime; weights of the model file, as in the page."""
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the extra onnx)")
    file = Path(model).read_bytes()
    begin = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:begin])
    del header["__metadata__"]
    parts = [slice(*(begin + each for each in entry["data_offsets"])) for entry in header.values()]
    weights = [file[part] for part in parts]
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_external_initializers_from_files_in_memory(
        list(header), weights, [len(each) for each in weights]
    )
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    inputs = {
        "iq": iq,
        "target": target.astype(np.int64),
        "mix": np.array(mix, np.float32),
        "threshold": np.array(-np.inf if threshold is None else threshold, np.float32),
    }
    return session.run(None, inputs)


def assert_is_the_classifier(graph, path, classifier, iq, label):
    """A graph decides frames as a Classifier, and has the gradients of its two objectives."""
    expected = classifier.decide(iq)
    rows = np.flatnonzero(expected.valid)
    kept, target = torch.tensor(iq[rows]), torch.tensor(label[rows]).long()
    chosen = objectives_for(classifier, Goal.EVASION)
    for mix, objective in (((1, 0), chosen[0]), ((0, 1), chosen[-1])):
        decided, scores, gradient = run_graph(graph, path, iq, label, mix, classifier.threshold)
        assert_decided_alike(decided, expected, classifier.threshold)
        assert_scores_close(scores, expected.score)
        point = kept.clone().requires_grad_()
        value = objective(classifier, classifier.outputs(point), target)
        (wanted,) = torch.autograd.grad(value.sum(), point)
        found = torch.from_numpy(gradient[rows])
        cosine = torch.cosine_similarity(found.flatten(1), wanted.flatten(1))
        length = frames.flat_norm(found) / frames.flat_norm(wanted)
        assert cosine.min() > 0.999 and (length - 1).abs().max() < 0.01
        assert np.isfinite(gradient).all()
