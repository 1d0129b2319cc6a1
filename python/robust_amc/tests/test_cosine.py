"""Cosines as polynomials in ONNX graphs."""

import numpy as np
import pytest
import torch

from robust_amc.inference import cosine
from robust_amc.inference.graph import convolutional
from robust_amc.models import build

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def graph(*kinds):
    """An ONNX model of nodes one after the other."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    names = ["x", *(f"y{number}" for number in range(len(kinds)))]
    nodes = [
        helper.make_node(kind, [before], [after], name=after)
        for kind, before, after in zip(kinds, names[:-1], names[1:], strict=True)
    ]
    ends = [helper.make_tensor_value_info(name, float32, ["n"]) for name in (names[0], names[-1])]
    made = helper.make_graph(nodes, "cosines", ends[:1], ends[1:])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model, x):
    onnx.checker.check_model(model)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def test_the_same_values():
    x = np.linspace(-60, 60, 100_001).astype(np.float32)
    changed = cosine.with_polynomials(graph("Cos"))
    assert "Cos" not in {node.op_type for node in changed.graph.node}
    # Turns are rounded as float32: 60 rad to 4e-6
    np.testing.assert_allclose(run(changed, x), np.cos(x.astype(float)), atol=8e-6)
    np.testing.assert_allclose(run(changed, x / 60), np.cos(x.astype(float) / 60), atol=1e-6)


def test_several_of_them_and_none():
    x = np.linspace(-3, 3, 1001).astype(np.float32)
    changed = cosine.with_polynomials(graph("Cos", "Exp", "Cos"))
    np.testing.assert_allclose(run(changed, x), np.cos(np.exp(np.cos(x))), atol=2e-6)
    plain = graph("Exp")
    assert cosine.with_polynomials(plain).SerializeToString() == plain.SerializeToString()


def test_the_convolutional_form_of_a_network_is_the_same():
    torch.manual_seed(0)
    network = build("matched_filter", 11).eval()
    iq = torch.randn(9, 2, 128)
    with torch.no_grad():
        expected, found = network.features(iq), convolutional(network).features(iq)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
