"""`htrd export`: a model as one ONNX file that needs nothing of ours to run."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__, data
from ..arrays import Floats
from ..classifier import Classifier
from ..files import write_json
from ..frames import Scaling
from ..inference import export_onnx
from ..inference.agreement import CHECK, check_frames, evenly
from ..inference.quantize import calibration_frames
from .console import err, working
from .options import Json, check_writable, refuse_overwriting

CHECKED = 2000  # frames


class InputScaling(StrEnum):
    """Who scales the frames."""

    NONE = "none"
    AS_MODEL = "as_model"


def export(
    model: Annotated[str, typer.Argument(help="A shipped model's name or a file.")],
    output: Annotated[Path, typer.Argument(help="The file to write (.onnx).")],
    precision: Annotated[
        export_onnx.ExportPrecision, typer.Option(help="Of the network; the rejector is float32.")
    ] = export_onnx.ExportPrecision.FLOAT32,
    scaling: Annotated[
        InputScaling,
        typer.Option(help="none: for data-set frames; as_model: the graph scales radio frames."),
    ] = InputScaling.NONE,
    check: Annotated[
        str | None,
        typer.Option(help="Data set to compare decisions on (default: the packaged sample)."),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(help="Data set of benign frames for int8 (default: the packaged sample)."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write an int8 model that decides too differently.")
    ] = False,
    logits: Annotated[
        bool,
        typer.Option("--logits", help="A third output, to decide frames of one signal together."),
    ] = False,
    json: Json = None,
) -> None:
    """Write network, scaling, rejector and threshold as one ONNX graph.

    Its input is `iq`, its outputs are `label` (-1: rejected) and `scores`, and the network's
    `logits` if wanted; all that the model
    file says of itself is in the metadata. The file is checked against the model before it
    gets its name. An int8 network has to give 99 % of the decisions, and reject benign frames
    as often within one point.
    """
    refuse_overwriting(output, [".onnx"])
    check_writable(json, inputs=(model, check, calibrate))
    classifier = Classifier.load(model)
    settings = export_onnx.ExportSettings(
        precision,
        classifier.scaling if scaling is InputScaling.AS_MODEL else Scaling.NONE,
        force,
        logits,
    )
    calibration = None
    if settings.precision is export_onnx.ExportPrecision.INT8:
        benign = data.read(calibrate) if calibrate else None
        calibration = calibration_frames(classifier, benign)
    with working("exporting and comparing decisions"):
        found = export_onnx.write(
            output, classifier, _checked(check, classifier), calibration, settings
        )
    if json:
        facts = asdict(settings) | {"model": model, "version": __version__}
        write_json(json, {"settings": facts, "check": asdict(found)})
    err.print(f"wrote {output}: {found}", highlight=False)


def _checked(name: str | None, classifier: Classifier) -> Floats:
    """Frames to compare decisions on."""
    if name is None:
        return check_frames(classifier, CHECKED)
    return evenly(data.read(name).require_classes(classifier.classes), CHECKED, CHECK)
