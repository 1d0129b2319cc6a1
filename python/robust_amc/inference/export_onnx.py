"""Writes a classifier as an ONNX file, and only one that decides as the classifier does."""

from dataclasses import dataclass
from enum import StrEnum

from ..arrays import Floats
from ..classifier import Classifier
from ..errors import UserError
from ..files import AnyPath, replacing
from ..frames import Scaling
from . import quantize
from .agreement import Agreement
from .engine import Precision
from .onnx_engine import OnnxRuntimeEngine
from .onnx_model import load, to_onnx
from .packages import require

AGREEMENT = 0.999  # of decisions in float32; what remains are ties that rounding breaks


class ExportPrecision(StrEnum):
    """Of an exported model; bfloat16 is the choice of the runtime that runs it."""

    FLOAT32 = Precision.FLOAT32.value
    INT8 = Precision.INT8.value


@dataclass(frozen=True)
class ExportSettings:
    """How to export.

    Attributes:
        precision: of the network, float32 or int8
        scaling: Scaling that the graph applies to its input
        force: write an int8 model that decides too differently nevertheless
        logits: whether the graph gives the network's logits too, from which several frames of
            one signal are decided together
    """

    precision: ExportPrecision = ExportPrecision.FLOAT32
    scaling: Scaling = Scaling.NONE
    force: bool = False
    logits: bool = False


def write(
    path: AnyPath,
    classifier: Classifier,
    check: Floats,
    calibration: Floats | None = None,
    settings: ExportSettings | None = None,
) -> Agreement:
    """Write the ONNX file `path` and return its Agreement with the classifier.

    What was written is read again and decides the frames `check` ``[n, 2, length]`` in ONNX
    Runtime; a file that does not agree never gets its name. `calibration` are the benign
    frames that an int8 network is calibrated on; they must not be those of the check.
    Raises UserError then, without the packages or those frames, and when the file cannot be
    written.
    """
    settings = settings or ExportSettings()
    if not len(check):
        raise UserError("there is no frame to check the exported model on; give a larger data set")
    onnx = require("onnx", "onnx")
    require("onnxruntime", "onnx")
    model = to_onnx(classifier, settings.scaling, settings.logits)
    if settings.precision is ExportPrecision.INT8:
        if calibration is None:
            raise UserError("an int8 network is calibrated on benign frames: give some")
        model = quantize.quantize(model, calibration)
    reference = classifier.decide(check, settings.scaling)
    with replacing(path) as temporary:
        onnx.save(model, temporary)
        found = Agreement.of(OnnxRuntimeEngine(load(temporary)).decide_as_is(check), reference)
        _check(found, settings)
    return found


def _check(found: Agreement, settings: ExportSettings) -> None:
    if settings.precision is ExportPrecision.FLOAT32 and found.agreement < AGREEMENT:
        raise UserError(f"the exported graph does not decide as the model does: {found}")
    if settings.precision is ExportPrecision.INT8 and not (
        settings.force or quantize.is_close(found)
    ):
        raise UserError(
            f"int8 changes too much: {found}; at least {quantize.AGREEMENT:.0%}, and rejection "
            f"within {quantize.REJECTION:.0%}, are wanted (calibrate on other frames, or --force)"
        )
