"""Cosines as polynomials in an ONNX graph, for a runtime that computes them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .packages import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

DEGREE = 8  # in the square of the angle: wrong by 3e-7, what float32 rounds of angles below 5


def with_polynomials(model: ModelProto) -> ModelProto:
    """A copy of an onnx.ModelProto in which each Cos is a polynomial of the rest of its turns.

    OpenVINO has no vector code for cosines: they take a quarter of a MatchedFilterNetwork's time
    there, and the products and sums that stand for one are fused.
    """
    onnx = require("onnx", "onnx")
    made: ModelProto = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {"turn": 1 / (2 * np.pi)}
    constants |= {f"c{power}": value for power, value in enumerate(_coefficients())}
    nodes = list(made.graph.node)
    if not any(node.op_type == "Cos" for node in nodes):
        return made
    for name, value in constants.items():
        tensor = onnx.numpy_helper.from_array(np.array(value, np.float32), f"cosine/{name}")
        made.graph.initializer.append(tensor)
    del made.graph.node[:]
    for node in nodes:
        made.graph.node.extend(_polynomial(node) if node.op_type == "Cos" else [node])
    return made


def _coefficients() -> list[float]:
    """Of powers of t, for cos(2π√t), t = 0 … 1/4, the lowest first."""
    found = np.polynomial.Chebyshev.interpolate(
        lambda t: np.cos(2 * np.pi * np.sqrt(np.abs(t))), DEGREE, domain=[0, 0.25]
    )
    return [float(each) for each in found.convert(kind=np.polynomial.Polynomial).coef]


def _polynomial(cosine: NodeProto) -> list[NodeProto]:
    """Nodes in the place of a Cos: Horner's rule on the square of the rest of the turns."""
    helper = require("onnx", "onnx").helper
    nodes: list[NodeProto] = []

    def add(kind: str, *inputs: str, output: str = "") -> str:
        name = f"{cosine.name}/{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output or name], name=name))
        return output or name

    turns = add("Mul", cosine.input[0], "cosine/turn")
    rest = add("Sub", turns, add("Round", turns))
    squared = add("Mul", rest, rest)
    value = f"cosine/c{DEGREE}"
    for power in range(DEGREE - 1, -1, -1):
        output = cosine.output[0] if power == 0 else ""
        value = add("Add", add("Mul", value, squared), f"cosine/c{power}", output=output)
    return nodes
