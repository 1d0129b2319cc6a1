"""`htrd scan`: the signals of a band, what they are and when."""

import json as json_module
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from ..classifier import Classifier
from ..data.formats import sigmf_recording
from ..errors import UserError
from ..frontend.detect import MOST_BINS, Detection, DetectorSettings, SignalDetector
from ..runtime.device import pick_device
from ..streams.annotate import Annotator, annotated
from ..streams.captures import CaptureCutter
from ..streams.clipping import ClippingMeter
from ..streams.frame_sampler import Decoder
from ..streams.opening import STDIN, Stream, full_band, open_stream
from ..streams.recording import Facts
from ..streams.scan import ScannedSignal, Scanner
from ..streams.signal_annotations import EXTENSIONS, annotations
from ..streams.signal_file import SignalFile, signal_file
from ..streams.waterfall import Waterfall
from .console import Stop, err, stopping
from .decision_writers import Format, say
from .options import Device, Json, check_writable, refuse_overwriting

_MOST_ANNOTATIONS = 100_000  # few programs read more; they wait in memory to be put in order
EVERY = 5.0  # seconds
_PATIENCE = 0.1  # seconds at most until Ctrl-C is noticed
_COLUMNS = {  # heading: (width, form of a ScannedSignal)
    "start s": (10, lambda row: f"{row.start_s:.4f}"),
    "stop s": (10, lambda row: f"{row.stop_s:.4f}" if row.ended else "goes on"),
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
    ] = "field",
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
    every: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Also print a row of a signal that goes on, whenever so many seconds have passed "
            f"(standard input, addresses and --follow: {EVERY:g}).",
        ),
    ] = None,
    level_db: Annotated[
        float, typer.Option(help="How far over the noise a signal has to be, in dB.")
    ] = DetectorSettings.open_db,
    bins: Annotated[
        int,
        typer.Option(
            min=16, max=MOST_BINS, help="Of a spectrum: more tell narrower signals apart."
        ),
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

    A line a signal, when it has ended; "ended": false is one that goes on, see --every. When most
    of its frames are rejected, a signal has no label, nor without a symbol rate, unless the model
    knows analog signals as `field` does.
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
    if every is None and (follow or source == STDIN or "://" in source):
        every = EVERY
    due = None if every is None else max(1, round(every * rate))
    detector = SignalDetector(
        DetectorSettings(bins=bins, open_db=level_db, close_db=closing_db, every=due),
        waterfall.add if waterfall else None,
    )
    name = "standard input" if source == STDIN else source
    settings = {"source": Path(name).name, "model": model, "sample_rate_hz": rate}
    settings |= {"center_frequency_hz": center, "level_db": level_db, "bins": bins}
    clipping = ClippingMeter(stream.recording.dtype)
    as_table = form is Format.TABLE or (form is Format.AUTO and sys.stdout.isatty())
    if as_table:
        say(_line({heading: heading for heading in _COLUMNS}))
    with ExitStack() as stack:
        stop = stack.enter_context(stopping())
        stack.enter_context(closing(stream.source))
        rows = stack.enter_context(signal_file(json, settings)) if json else None
        annotator = None
        if annotate:
            length = classifier.frame_length
            writing = annotated(annotate, stream.recording, model, length, EXTENSIONS)
            annotator = stack.enter_context(writing)
        found = _Outputs(as_table, center, rows, waterfall, annotator is not None)
        with suppress(BrokenPipeError):  # nobody reads any more
            _read(stream, detector, scanner, found, stop, annotator, clipping)
        if not detector.samples and not stop.status:
            size = detector.settings.bins * detector.settings.averaged
            raise UserError(f"{name} has too few samples for a spectrum, which takes {size}")
        if annotator:
            first = stream.recording.first_sample
            for each in annotations(found.annotated, model, rate, first):
                annotator.insert(each)
    seconds = detector.samples / rate
    counts = {
        "left out": detector.left_out,
        "not annotated": found.not_annotated,
        "messages without samples skipped": stream.source.skipped,
    }
    told = "".join(f", {count} {what}" for what, count in counts.items() if count)
    err.print(f"{name}: {seconds:.3f} s{told}", highlight=False, markup=False)
    if warning := clipping.warning():
        err.print(warning, highlight=False, markup=False)
    if waterfall and figure and detector.samples:
        waterfall.draw(rate, center, seconds, figure)
    raise typer.Exit(stop.status)


class _Outputs:
    """Where signals go as they end: standard output, a file, a picture.

    Attributes:
        annotated: those that become annotations, which are written by their starts, in the end
        not_annotated: how many more there were
    """

    def __init__(
        self,
        as_table: bool,
        center_frequency_hz: float,
        rows: SignalFile | None,
        waterfall: Waterfall | None,
        annotates: bool,
    ) -> None:
        self._as_table, self._center = as_table, center_frequency_hz
        self._rows, self._waterfall, self._annotates = rows, waterfall, annotates
        self.annotated: list[ScannedSignal] = []
        self.not_annotated = 0

    def add(self, row: ScannedSignal, center_frequency_hz: float) -> None:
        """A signal that was found with the receiver at `center_frequency_hz`.

        One that goes on is only shown.
        """
        if self._as_table:
            say(_line({heading: shown(row) for heading, (_, shown) in _COLUMNS.items()}))
        else:
            say(json_module.dumps(asdict(row)) + "\n")
        if not row.ended:
            return
        if self._rows:
            self._rows.add(row)
        if self._waterfall:  # all of it is drawn where the first capture was
            moved = self._center - center_frequency_hz
            low, high = row.low_hz + moved, row.high_hz + moved
            self._waterfall.mark(replace(row, low_hz=low, high_hz=high))
        if self._annotates:
            if len(self.annotated) < _MOST_ANNOTATIONS:
                self.annotated.append(row)
            else:
                self.not_annotated += 1


def _read(
    stream: Stream,
    detector: SignalDetector,
    scanner: Scanner,
    outputs: _Outputs,
    stop: Stop,
    annotator: Annotator | None,
    clipping: ClippingMeter,
) -> None:
    """Read the stream to its end; a signal ends where a capture does."""
    decoder = Decoder(stream.recording.dtype, annotator.keep if annotator else None)
    cutter = CaptureCutter(stream.recording)

    def tell(found: list[Detection]) -> None:
        for each in found:
            outputs.add(scanner.scan(each), scanner.center_frequency_hz)

    while not stop():
        block = stream.source.read(_PATIENCE)
        if block is None:
            break
        samples = decoder.decode(block)
        clipping.add(samples)
        for stretch in cutter.cut(samples):
            if stretch.is_new:
                tell(detector.break_off())
                scanner = replace(scanner, center_frequency_hz=stretch.center_frequency_hz)
            tell(detector.push(stretch.samples))
    tell(detector.finish())


def _line(cells: dict[str, str]) -> str:
    return "".join(cells[name].rjust(width) for name, (width, _) in _COLUMNS.items()) + "\n"
