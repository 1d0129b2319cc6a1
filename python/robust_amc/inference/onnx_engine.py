"""ONNX Runtime, on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .engine import PooledEngine, Runner
from .onnx_model import has_logits, read_document
from .packages import require

if TYPE_CHECKING:
    from onnx import ModelProto


class OnnxRuntimeEngine(PooledEngine):
    """An ONNX model of ours in ONNX Runtime: float32, or int8 as the model was quantized."""

    name = "onnxruntime"

    def __init__(self, model: ModelProto, threads: int | None = None) -> None:
        runtime = require("onnxruntime", "onnx")
        facts = read_document(model)
        super().__init__(facts, facts["exported"]["precision"], threads, has_logits(model))
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1  # each of our threads runs the whole graph
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def _runner(self) -> Runner:
        session = self._session  # not self: an engine must not keep itself alive
        return lambda iq, names: session.run(list(names), {"iq": iq})
