"""OpenVINO, on a CPU."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Floats
from .cosine import with_polynomials
from .engine import MICRO_BATCH, PooledEngine, Precision, Runner
from .onnx_model import has_logits, read_document, split
from .packages import require

if TYPE_CHECKING:
    from onnx import ModelProto

_FIRST = threading.Lock()
HINTS = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "bf16"}


class OpenVinoEngine(PooledEngine):
    """An ONNX model of ours in OpenVINO.

    In float32 one graph, else two, the features in the wanted precision and the rest in
    float32: OpenVINO's hint holds for a whole graph, and the exponents of an SVM's kernel,
    rounded to bfloat16, change half a percent of the decisions. What an int8 model leaves in
    float is computed in bfloat16 where `fast` says so.

    Attributes:
        graphs: ONNX models as bytes, each with OpenVINO's name of its precision. All take `iq`,
            the second one also what the first one gives; the last one gives `scores`
    """

    name = "openvino"

    def __init__(
        self,
        model: ModelProto,
        precision: Precision | str | None = None,
        threads: int | None = None,
        fast: bool = True,
    ) -> None:
        runtime = _runtime()
        facts = read_document(model)
        precision = precision or facts["exported"]["precision"]
        super().__init__(facts, precision, threads, has_logits(model))
        hint = HINTS[self.precision] if fast else "f32"
        model = with_polynomials(model)
        if hint == "f32":
            self.graphs = [(model.SerializeToString(), hint)]
        else:
            features, decision = split(model)
            self.graphs = [
                (features.SerializeToString(), hint),
                (decision.SerializeToString(), "f32"),
            ]
        self._core = runtime.Core()
        self._compiling = threading.Lock()
        self._compiled: list[list[Any]] = []

    def _ready(self) -> list[list[Any]]:
        """The graphs for any number of frames, and those for MICRO_BATCH, compiled at first use.

        For one number of frames OpenVINO makes faster code than for any.
        """
        with self._compiling:
            if not self._compiled:
                self._compiled = [
                    [self._compile(*graph, rows) for graph in self.graphs]
                    for rows in (-1, MICRO_BATCH)
                ]
        return self._compiled

    def _compile(self, graph: bytes, hint: str, rows: int) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": self.threads,
        }
        model = self._core.read_model(graph)
        shapes = {each: each.partial_shape for each in model.inputs}
        for shape in shapes.values():
            shape[0] = rows
        model.reshape(shapes)
        return self._core.compile_model(model, "CPU", settings)

    def _runner(self) -> Runner:
        ready = self._ready()
        for_any, for_most = ([part.create_infer_request() for part in parts] for parts in ready)
        # not self: an engine must not keep itself alive
        border = [each.get_any_name() for each in ready[0][0].outputs]

        def run(iq: Floats, names: tuple[str, ...]) -> list[Floats]:
            requests = for_most if len(iq) == MICRO_BATCH else for_any
            first, last = requests[0], requests[-1]
            first.infer({"iq": iq}, share_inputs=True)
            if last is not first:
                for name in border:
                    last.set_tensor(name, first.get_tensor(name))
                last.infer({"iq": iq}, share_inputs=True)
            return [last.get_tensor(name).data.copy() for name in names]

        return run


def _runtime() -> Any:
    """OpenVINO, with its tables of NumPy's types made.

    Two threads that are the first to need them, each for its first inference, can wait for
    each other for ever: one holds the tables' lock and wants Python's, which the other holds.
    """
    with _FIRST:
        runtime = require("openvino", "openvino")
        runtime.Type.f32.to_dtype()
        runtime.Tensor(np.zeros(1, np.float32))  # the table of the other direction
    return runtime
