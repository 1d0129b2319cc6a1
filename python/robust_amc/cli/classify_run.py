"""What `htrd classify` does once all is open: it decides, writes, and says what it did."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ..data import FrameDataset
from ..decisions import DecisionBatch
from ..errors import UserError
from ..evaluation.running import Totals
from ..inference import InferenceEngine
from ..rejection import conformal
from ..rejection.drift import Watch
from ..streams import decide
from ..streams.annotate import Annotator, annotated
from ..streams.batches import BATCH, FrameStream
from ..streams.frame_sampler import Decoder, FrameSampler
from ..streams.opening import Stream
from ..streams.recording import Truth
from .console import err, stopping

_MOST_ANNOTATIONS = 100_000  # the metadata of more are larger than most readers take


@dataclass(frozen=True)
class Run:
    """One run; its methods return the exit status.

    Attributes:
        source, model: names of the input and of the model
        engine: what decides
        write: is called with each DecisionBatch; raises BrokenPipeError when nobody reads it
        limit: most frames to decide, None for all
    """

    source: str
    model: str
    engine: InferenceEngine
    write: Callable[[DecisionBatch], None]
    limit: int | None

    def of_dataset(self, dataset: FrameDataset) -> int:
        """Decide the frames of a FrameDataset."""
        start = time.monotonic()
        with stopping() as stop:
            watch, results = Watch(), decide.of_dataset(
                self.engine, dataset, BATCH, self.limit, stop
            )
            totals = self._go(results, watch)
        self._summarize(totals, start, _drifted(watch))
        return stop.status

    def of_stream(
        self, stream: Stream, sampler: FrameSampler, latency: float, annotate: Path | None = None
    ) -> int:
        """Decide the frames of a Stream; `latency` is in seconds, `annotate` a path or None.

        Raises UserError when it ends before the first frame is whole.
        """
        recording = stream.recording
        length = self.engine.frame_length
        output = annotated(annotate, recording, self.model, length) if annotate else nullcontext()
        with stopping() as stop, closing(stream.source), output as annotator:
            decoder = Decoder(recording.dtype, annotator.keep if annotator else None)
            batches = FrameStream(stream.source, decoder, sampler, latency, stop)
            results = decide.of_stream(self.engine, batches, Truth(recording), self.limit)
            start = time.monotonic()
            watch = Watch()
            totals = self._go(results, watch, annotator)
            if batches.has_ended and not sampler.frames:
                raise UserError(
                    f"{self.source} has {sampler.samples} samples, too few for a frame of {length}"
                )
            left_out = _left_out(stream, sampler, batches, decoder)
            self._summarize(totals, start, left_out + _drifted(watch))
        if annotate and annotator:
            _report(annotate, annotator.annotations, recording.sample_rate_hz is not None)
        return stop.status

    def _go(
        self, results: Iterable[DecisionBatch], watch: Watch, annotator: Annotator | None = None
    ) -> Totals:
        totals = Totals()
        calibration = conformal.calibration_of(self.engine.document)
        try:
            for batch in results:
                watch.add(calibration, batch)
                if annotator:
                    annotator.add(batch)
                self.write(batch)
                totals.add(batch)
        except BrokenPipeError:
            pass  # nobody reads any more
        return totals

    def _summarize(self, totals: Totals, start: float, more: Iterable[str] = ()) -> None:
        rate = totals.summary()["frames"] / (time.monotonic() - start)
        counts = ", ".join([str(totals), *more, f"{rate:.0f} frames/s"])
        err.print(f"{self.source}: {counts}", highlight=False, markup=False, soft_wrap=True)


def _left_out(
    stream: Stream, sampler: FrameSampler, batches: FrameStream, decoder: Decoder
) -> list[str]:
    counts = {
        "below the squelch": sampler.squelched,
        "discarded when it was stopped": batches.discarded,
        "messages without samples skipped": stream.source.skipped,
        "bytes at the end that are not a whole sample": len(decoder.rest) * batches.has_ended,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _drifted(watch: Watch) -> list[str]:
    """What the drift alarm found, where the model is calibrated."""
    return [
        f"{found['alarms']} drift alarms on {found['frames']} frames"
        for found in watch.report().values()
    ]


def _report(path: Path, annotations: int, has_rate: bool) -> None:
    err.print(f"wrote {path}: {annotations} annotations", highlight=False, markup=False)
    if not has_rate:
        err.print(
            "warning: without a sample rate annotations have no frequency edges, and viewers do "
            "not show them; give --sample-rate",
            highlight=False,
        )
    if annotations > _MOST_ANNOTATIONS:
        err.print(
            f"warning: few programs read that many; --squelch-db or a larger --hop give fewer than "
            f"{_MOST_ANNOTATIONS}",
            highlight=False,
        )
