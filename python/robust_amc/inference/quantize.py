"""An int8 network: static quantization, calibrated on benign frames."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .. import data
from ..arrays import Floats
from ..classifier import Classifier
from ..errors import UserError
from .agreement import CALIBRATION, Agreement, evenly
from .engine import MICRO_BATCH, Precision
from .onnx_model import read_document, write_document
from .packages import quiet, require

if TYPE_CHECKING:
    from onnx import ModelProto

AGREEMENT = 0.99  # with the decisions in float32
REJECTION = 0.01  # by which the share of rejected benign frames may differ
FRAMES = 1024  # that are enough to calibrate on
PERCENTILE = 99.999  # of an activation's values that its eight bits span: outliers are clipped


def quantize(model: ModelProto, iq: Floats) -> ModelProto:
    """An onnx.ModelProto with the products of the feature layers in int8.

    Weights by output channel, activations by layer, each over the range that it has on the
    calibration frames `iq` ``[n, 2, length]``. The products that take the frames themselves
    stay in float32, since they are few and eight bits cost some decisions there, and so do
    the last layer and the rejector, which are what is compared in the end. Raises UserError
    without the package onnxruntime.
    """
    onnx = require("onnx", "onnx")
    tools = require("onnxruntime.quantization", "onnx")
    document = read_document(model)
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        tools.quantize_static(
            source,
            target,
            _Frames(iq),
            quant_format=tools.QuantFormat.QDQ,
            nodes_to_quantize=_products(model),
            per_channel=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            calibrate_method=tools.CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                "OpTypesToExcludeOutputQuantization": ["Conv", "Gemm", "MatMul"],
            },
        )
        quantized = onnx.load(target)
    for node in quantized.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.name = f"features/{node.name}"
    document["exported"] |= {"precision": Precision.INT8.value, "calibration_frames": len(iq)}
    write_document(quantized, document)
    return quantized


def calibration_frames(classifier: Classifier, dataset: data.FrameDataset | None = None) -> Floats:
    """Frames to calibrate a Classifier on, of a FrameDataset (default: the packaged sample).

    Raises UserError when the frames are not of the model's length, or the packaged ones not
    of its classes.
    """
    chosen = dataset or data.read("sample")
    if chosen.frame_length != classifier.frame_length or not (
        dataset or chosen.classes == classifier.classes
    ):
        raise UserError(
            f"the frames to calibrate int8 on have {chosen.frame_length} samples and the classes "
            f"{', '.join(chosen.classes)}, not what the model is made for: give others "
            "(--calibrate)"
        )
    iq = evenly(chosen, FRAMES, CALIBRATION)
    if len(iq) < MICRO_BATCH:
        raise UserError(f"int8 is calibrated on {MICRO_BATCH} frames at least, not on {len(iq)}")
    return iq


def is_close(found: Agreement) -> bool:
    """Whether an Agreement with float32 is good enough for int8."""
    shift = abs(found.rejection_rate - found.reference_rejection_rate)
    return found.agreement >= AGREEMENT and shift <= REJECTION


def _products(model: ModelProto) -> list[str]:
    """Names of the feature layers' products except those that take the frames themselves."""
    products = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    made_by = {name: node for node in model.graph.node for name in node.output}

    def is_first(name: str) -> bool:
        """Whether no product stands between the input and a tensor."""
        node = made_by.get(name)
        return node is None or (node not in products and all(map(is_first, node.input)))

    return [
        node.name
        for node in products
        if node.name.startswith("features/") and not is_first(node.input[0])
    ]


class _Frames:
    """Calibration frames as onnxruntime asks for them: in parts of one size, without a rest."""

    def __init__(self, iq: Floats) -> None:
        whole = iq[: len(iq) // MICRO_BATCH * MICRO_BATCH]
        self._parts = iter(whole.reshape(-1, MICRO_BATCH, *iq.shape[1:]))

    def get_next(self) -> dict[str, Floats] | None:
        part = next(self._parts, None)
        return None if part is None else {"iq": part}
