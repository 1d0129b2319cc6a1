"""`htrd classify`: decisions on a recording, a data set or a live stream."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import data
from ..classifier import Classifier
from ..data.formats import sigmf_recording
from ..errors import UserError
from ..frames import Scaling
from ..inference import Precision, open_engine
from ..inference.choose import AUTO, ENGINES
from ..inference.onnx_model import load, read_document
from ..runtime.device import pick_device
from ..streams.frame_sampler import HYSTERESIS_DB, FrameSampler, Squelch
from ..streams.opening import STDIN, open_stream
from ..streams.recording import Facts
from .classify_run import Run
from .decision_writers import Format, writer
from .options import Device, check_writable, refuse_overwriting

EngineName = StrEnum("EngineName", {name: name for name in (AUTO, *ENGINES)})
EXACT = EngineName["torch"]


class InputScaling(StrEnum):
    """How frames are scaled before the network sees them."""

    AUTO = "auto"
    NONE = "none"
    AS_MODEL = "as_model"


def classify(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A SigMF recording, raw samples (.cf32), a data set (.npz, …), a ZMQ address such "
            "as tcp://127.0.0.1:5555, or - for standard input.",
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A shipped model's name or a file (.onnx too).")
    ] = "htrd",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is appended to a file, until Ctrl-C.")
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", help="auto: a table on a terminal, else JSON lines.")
    ] = Format.AUTO,
    annotate: Annotated[
        Path | None,
        typer.Option(help="Also write samples and decisions as a SigMF recording (.sigmf-meta)."),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="All scores of a frame in its JSON line.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Most frames to decide.")] = None,
    hop: Annotated[
        int | None,
        typer.Option(min=1, help="Samples from frame to frame (default: a frame's length)."),
    ] = None,
    squelch_db: Annotated[
        float | None, typer.Option(help="Leave out frames weaker than this, in dB.")
    ] = None,
    hysteresis_db: Annotated[
        float, typer.Option(help="The squelch closes this many dB below its level.")
    ] = HYSTERESIS_DB,
    scaling: Annotated[
        InputScaling,
        typer.Option(help="auto: none for data sets, as_model for samples of a radio."),
    ] = InputScaling.AUTO,
    threshold: Annotated[
        float | None, typer.Option(help="Reject below this score (default: the model's own).")
    ] = None,
    target_rejection: Annotated[
        float | None, typer.Option(help="Reject this share of benign frames, 0 … 1.")
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="What computes.")] = EXACT,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Default: float32; with --engine auto the fastest that decides alike."),
    ] = None,
    latency: Annotated[
        float,
        typer.Option(min=0, help="Longest wait of a frame for others to go with it, in ms."),
    ] = 100.0,
    datatype: Annotated[
        str | None,
        typer.Option(help="Type of raw samples, as SigMF names it: cf32_le, ci16_le, cu8, …"),
    ] = None,
    sample_rate: Annotated[
        float | None, typer.Option(help="Of raw samples, in Hz: gives frames a time.")
    ] = None,
    center_frequency: Annotated[
        float | None, typer.Option(help="Of raw samples, in Hz: for the annotations.")
    ] = None,
    device: Device = "auto",
):
    """Decide the modulation of each frame: JSON lines on standard output, or a table.

    The decisions are those of the flowgraph. Messages and a summary go to standard error.
    """
    if threshold is not None and target_rejection is not None:
        raise UserError("give --threshold or --target-rejection, not both")
    if annotate:
        check_writable(annotate, [sigmf_recording.META])
        for path in sigmf_recording.paths(annotate):
            refuse_overwriting(path)
    loaded = model if model.endswith(".onnx") else Classifier.load(model, pick_device(device))
    length = _frame_length(loaded)
    squelch = None if squelch_db is None else Squelch(squelch_db, hysteresis_db)
    sampler = FrameSampler(length, hop, squelch)
    stream = open_stream(source, length, follow, Facts(datatype, sample_rate, center_frequency))
    if stream is None:
        _refuse_for_datasets({
            "--hop": hop, "--squelch-db": squelch_db, "--annotate": annotate,
            "--follow": follow or None, "--sample-rate": sample_rate,
            "--center-frequency": center_frequency,
        })  # fmt: skip
        dataset = data.read(source, length)
    if scaling is InputScaling.AUTO:
        is_scaled = stream is None or stream.recording.is_dataset
        scaling = InputScaling.NONE if is_scaled else InputScaling.AS_MODEL
    opened = _open_engine(loaded, engine, precision, scaling)
    if threshold is not None:
        opened.set_threshold(threshold)
    if target_rejection is not None:
        opened.set_target_rejection(target_rejection)
    run = Run(
        "standard input" if source == STDIN else source, model, opened, writer(form, scores), limit
    )
    status = (
        run.of_dataset(dataset)
        if stream is None
        else run.of_stream(stream, sampler, latency / 1e3, annotate)
    )
    raise typer.Exit(status)


def _refuse_for_datasets(options):
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UserError(
            f"{', '.join(given)}: for streams of samples, such as .cf32 and SigMF recordings; "
            "frames of a data set stand each for itself (htrd dataset convert makes a recording)"
        )


def _frame_length(model):
    if isinstance(model, Classifier):
        return model.frame_length
    return read_document(load(model))["frame_length"]


def _open_engine(model, engine, precision, scaling):
    """An InferenceEngine of a Classifier, or of the path of an ONNX file."""
    if isinstance(model, Classifier):
        if precision is None and engine != AUTO:
            precision = Precision.FLOAT32
        return open_engine(model, engine, precision, scaling)
    opened = open_engine(model, AUTO if engine is EXACT else engine, precision)
    own = Scaling(opened.document["scaling"])
    if opened.scaling is not (own if scaling is InputScaling.AS_MODEL else Scaling.NONE):
        other = "none" if scaling is InputScaling.AS_MODEL else "as_model"
        raise UserError(
            f"{model} scales its input by {opened.scaling}, but the scaling of these frames is to "
            f"be {scaling}; export it with --scaling {scaling}, or give --scaling {other} here"
        )
    return opened
