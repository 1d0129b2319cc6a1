"""`htrd scan`: the signals of a band, what they are and when."""

import json as json_module
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..classifier import Classifier
from ..data.formats import sigmf_recording
from ..errors import UserError
from ..files import write_json
from ..frontend.detect import Detection, DetectorSettings, SignalDetector
from ..runtime.device import pick_device
from ..streams.annotate import annotated
from ..streams.frame_sampler import Decoder
from ..streams.opening import STDIN, Stream, full_band, open_stream
from ..streams.recording import Facts
from ..streams.scan import ScannedSignal, Scanner
from ..streams.signal_annotations import EXTENSIONS, annotations
from ..streams.waterfall import Waterfall
from .console import err, stopping
from .decision_writers import Format, say
from .options import Device, Json, check_writable, refuse_overwriting

_PATIENCE = 0.1  # seconds at most until Ctrl-C is noticed
_COLUMNS = {  # heading: (width, form of a ScannedSignal)
    "start s": (10, lambda row: f"{row.start_s:.4f}"),
    "stop s": (10, lambda row: f"{row.stop_s:.4f}"),
    "center Hz": (15, lambda row: f"{row.center_hz:.0f}"),
    "width Hz": (10, lambda row: f"{row.bandwidth_hz:.0f}"),
    "baud": (10, lambda row: "-" if row.symbol_rate is None else f"{row.symbol_rate:.1f}"),
    "SNR dB": (7, lambda row: f"{row.snr_db:.1f}"),
    "frames": (7, lambda row: str(row.frames)),
    "confidence": (11, lambda row: f"{row.confidence:.2f}" if row.label else "-"),
    "label": (10, lambda row: row.label or "-"),
}


def scan(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A SigMF recording, raw samples (.cf32), a WAV file, - for standard input, or an "
            "address: zmq://, udp:// or rtl_tcp://127.0.0.1:1234.",
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A shipped model's name or a file (.safetensors).")
    ] = "htrd_plus",
    sample_rate: Annotated[
        float | None, typer.Option(help="In Hz, where the input does not say it.")
    ] = None,
    center_frequency: Annotated[float | None, typer.Option(help="In Hz, likewise (0).")] = None,
    datatype: Annotated[
        str | None,
        typer.Option(help="Type of raw samples, as SigMF names it: cf32_le, ci16_le, cu8, …"),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is appended to a file, until Ctrl-C.")
    ] = False,
    level_db: Annotated[
        float, typer.Option(help="How far over the noise a signal has to be, in dB.")
    ] = DetectorSettings.open_db,
    bins: Annotated[
        int, typer.Option(min=16, help="Of a spectrum: more tell narrower signals apart.")
    ] = DetectorSettings.bins,
    most_frames: Annotated[
        int, typer.Option(min=1, help="Maximum number of frames of a signal to decide.")
    ] = 512,
    form: Annotated[
        Format, typer.Option("--format", help="auto: a table on a terminal, else JSON lines.")
    ] = Format.AUTO,
    json: Json = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also draw the band with the signals in it (.png, .svg, .pdf)."),
    ] = None,
    annotate: Annotated[
        Path | None,
        typer.Option(help="Also write samples and signals as a SigMF recording (.sigmf-meta)."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Find the signals in a band, and say what each is: when, where, symbol rate, modulation.

    A line a signal, when it has ended. Without a symbol rate, or when most of its frames are
    rejected, a signal has no label.
    """
    check_writable(json)
    check_writable(figure, (".png", ".svg", ".pdf"))
    if annotate:
        meta, samples = sigmf_recording.paths(annotate)
        refuse_overwriting(annotate, [sigmf_recording.META])
        refuse_overwriting(samples)
    classifier = Classifier.load(model, pick_device(device))
    facts = Facts(datatype, sample_rate, center_frequency)
    stream = open_stream(source, classifier.frame_length, follow, facts)
    if stream is None:
        raise UserError(f"{source} is a data set: there are signals in streams of samples only")
    stream = full_band(stream)
    rate = stream.recording.sample_rate_hz
    if rate is None:
        raise UserError(f"{source} does not say its sample rate: give --sample-rate")
    center = stream.recording.center_frequency_hz or 0.0
    scanner = Scanner(classifier, rate, center, most_frames)
    closing_db = min(DetectorSettings.close_db, level_db)
    waterfall = Waterfall() if figure else None
    detector = SignalDetector(
        DetectorSettings(bins=bins, open_db=level_db, close_db=closing_db),
        waterfall.add if waterfall else None,
    )
    as_table = form is Format.TABLE or (form is Format.AUTO and sys.stdout.isatty())
    rows: list[ScannedSignal] = []
    if as_table:
        say(_line({heading: heading for heading in _COLUMNS}))

    def tell(found: list[Detection]) -> None:
        for each in found:
            row = scanner.scan(each)
            if json or figure or annotate:
                rows.append(row)
            if as_table:
                say(_line({heading: shown(row) for heading, (_, shown) in _COLUMNS.items()}))
            else:
                say(json_module.dumps(asdict(row)) + "\n")

    output = (
        annotated(annotate, stream.recording, model, classifier.frame_length, EXTENSIONS)
        if annotate
        else nullcontext()
    )
    with stopping() as stop, closing(stream.source), output as annotator:
        with suppress(BrokenPipeError):  # nobody reads any more
            _read(stream, detector, tell, stop, annotator.keep if annotator else None)
        if annotator:
            first = stream.recording.first_sample
            for each in annotations(rows, model, rate, first):
                annotator.insert(each)
    if not detector.samples and not stop.status:
        size = detector.settings.bins * detector.settings.averaged
        raise UserError(f"{source} has too few samples for a spectrum, which takes {size}")
    seconds = detector.samples / rate
    name = "standard input" if source == STDIN else source
    left_out = f", {detector.left_out} left out" if detector.left_out else ""
    err.print(f"{name}: {seconds:.3f} s{left_out}", highlight=False, markup=False)
    if json:
        settings = {"source": Path(name).name, "model": model, "sample_rate_hz": rate}
        settings |= {"center_frequency_hz": center, "level_db": level_db, "bins": bins}
        write_json(json, {"settings": settings, "rows": [asdict(row) for row in rows]})
    if waterfall and figure:
        waterfall.draw(rows, rate, center, seconds, figure)
    raise typer.Exit(stop.status)


def _read(
    stream: Stream,
    detector: SignalDetector,
    tell: Callable[[list[Detection]], None],
    stop: Callable[[], bool],
    keep: Callable[[bytes], None] | None,
) -> None:
    decoder = Decoder(stream.recording.dtype, keep)
    while not stop():
        block = stream.source.read(_PATIENCE)
        if block is None:
            break
        tell(detector.push(decoder.decode(block)))
    tell(detector.finish())


def _line(cells: dict[str, str]) -> str:
    return "".join(cells[name].rjust(width) for name, (width, _) in _COLUMNS.items()) + "\n"
