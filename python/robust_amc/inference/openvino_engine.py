"""OpenVINO, on a CPU."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Floats
from .engine import PooledEngine, Precision, Runner
from .onnx_model import has_logits, read_document, split
from .packages import require

if TYPE_CHECKING:
    from onnx import ModelProto

_FIRST = threading.Lock()
HINTS = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "bf16"}


class OpenVinoEngine(PooledEngine):
    """An ONNX model of ours in OpenVINO.

    Two graphs, the features in the wanted precision and the rest in float32: OpenVINO's
    hint holds for a whole graph, and the exponents of an SVM's kernel, rounded to bfloat16,
    change half a percent of the decisions. What an int8 model leaves in float is computed
    in bfloat16 where `fast` says so.
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
        features, decision = split(model)
        self._names = [each.name for each in features.graph.output]
        core = runtime.Core()
        self._features = self._compile(core, features, hint)
        self._decision = self._compile(core, decision, "f32")

    def _compile(self, core: Any, part: ModelProto, hint: str) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": self.threads,
        }
        return core.compile_model(core.read_model(part.SerializeToString()), "CPU", settings)

    def _runner(self) -> Runner:
        features = self._features.create_infer_request()
        decision = self._decision.create_infer_request()
        border = self._names  # not self: an engine must not keep itself alive

        def run(iq: Floats, names: tuple[str, ...]) -> list[Floats]:
            features.infer({"iq": iq}, share_inputs=True)
            for name in border:
                decision.set_tensor(name, features.get_tensor(name))
            decision.infer({"iq": iq}, share_inputs=True)
            return [decision.get_tensor(name).data.copy() for name in names]

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
