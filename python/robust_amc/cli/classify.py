"""`htrd classify`: decisions on a recording, a data set or a live stream."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import data
from ..data.formats import sigmf_recording
from ..errors import UserError
from ..frames import AS_MODEL, Scaling
from ..frames import AUTO as AUTO_SCALING
from ..inference import Precision, open_engine, source_of
from ..inference.choose import AUTO, ENGINES
from ..streams.frame_sampler import HYSTERESIS_DB, FrameSampler, Squelch
from ..streams.opening import STDIN, open_stream
from ..streams.recording import Facts
from .classify_run import Run
from .console import err
from .decision_writers import Format, writer
from .options import Device, refuse_overwriting

EngineName = StrEnum("EngineName", {name: name for name in (AUTO, *ENGINES)})  # type: ignore[misc]


class InputScaling(StrEnum):
    """How frames are scaled before the network sees them."""

    AUTO = AUTO_SCALING
    NONE = Scaling.NONE.value
    AS_MODEL = AS_MODEL


def classify(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A SigMF recording, raw samples (.cf32), a WAV file, a data set (.npz, …), - for "
            "standard input, or an address: zmq:// or tcp://, udp:// or rtl_tcp://127.0.0.1:1234.",
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
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of frames to decide.")
    ] = None,
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
        typer.Option(help="auto: as the model expects, where frames are not scaled already."),
    ] = InputScaling.AUTO,
    threshold: Annotated[
        float | None, typer.Option(help="Reject below this score (default: the model's own).")
    ] = None,
    target_rejection: Annotated[
        float | None, typer.Option(help="Reject this share of benign frames, 0 … 1.")
    ] = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="What computes. Default: the fastest one here.")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Default: float32; with --engine auto the fastest that makes the same decisions."
        ),
    ] = None,
    latency: Annotated[
        float,
        typer.Option(min=0, help="Maximum time that a frame waits for others of its batch, in ms."),
    ] = 100.0,
    datatype: Annotated[
        str | None,
        typer.Option(help="Type of raw samples, as SigMF names it: cf32_le, ci16_le, cu8, …"),
    ] = None,
    sample_rate: Annotated[
        float | None,
        typer.Option(
            help="Of raw samples, in Hz: gives frames a time, and annotations frequency edges."
        ),
    ] = None,
    center_frequency: Annotated[
        float | None, typer.Option(help="Of raw samples, in Hz: for the annotations.")
    ] = None,
    device: Device = "auto",
) -> None:
    """Decide the modulation of each frame: JSON lines on standard output, or a table.

    The decisions are those of the flowgraph. Messages and a summary go to standard error.
    """
    if threshold is not None and target_rejection is not None:
        raise UserError("give --threshold or --target-rejection, not both")
    if annotate:
        meta, samples = sigmf_recording.paths(annotate)
        refuse_overwriting(annotate, [sigmf_recording.META])
        refuse_overwriting(samples)
    loaded = source_of(model, device)
    length = loaded.frame_length
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
    if precision is None and engine != AUTO and not model.endswith(".onnx"):
        precision = Precision.FLOAT32
    opened = open_engine(loaded, engine or AUTO, precision, scaling)
    if opened.reason:
        err.print(f"engine: {opened.reason}")
    if threshold is not None:
        opened.set_threshold(threshold)
    if target_rejection is not None:
        opened.set_target_rejection(target_rejection)
    sample_rate_hz = None if stream is None else stream.recording.sample_rate_hz
    write = writer(form, scores, sample_rate_hz)
    run = Run("standard input" if source == STDIN else source, model, opened, write, limit)
    status = (
        run.of_dataset(dataset)
        if stream is None
        else run.of_stream(stream, sampler, latency / 1e3, annotate)
    )
    raise typer.Exit(status)


def _refuse_for_datasets(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UserError(
            f"{', '.join(given)}: for streams of samples, such as .cf32 and SigMF recordings; "
            "frames of a data set do not follow each other (htrd dataset convert makes a recording)"
        )
