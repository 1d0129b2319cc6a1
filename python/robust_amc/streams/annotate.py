"""Decisions as the annotations of a SigMF recording that is written beside them."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

from .. import __version__
from ..arrays import listed
from ..data.formats import sigmf_recording
from ..data.formats.sigmf_annotations import GENERATOR
from ..decisions import DecisionBatch
from ..files import AnyPath, Document, replacing
from .recording import Recording
from .signal_detail import detail

EXTENSIONS = ("htrd", "signal")  # of annotations that are decisions
_VERSION = "1.2.0"  # of SigMF, when the fields that are written got their meaning


@contextmanager
def annotated(
    path: AnyPath,
    recording: Recording,
    model: str,
    frame_length: int,
    uses: Sequence[str] = EXTENSIONS,
) -> Iterator["Annotator"]:
    """Yield an Annotator; its two files get their names when the block ends well.

    `path` ends in ``.sigmf-meta``; the samples go to the ``.sigmf-data`` beside it. `model` is
    the name of what decides, `frame_length` that of its frames in samples, and `uses` the
    SigMF extensions of its annotations. Raises UserError when the files cannot be written.
    """
    meta, samples = sigmf_recording.paths(path)
    # The samples get their name first: metadata never describe another file
    with ExitStack() as stack:
        temporary_meta, temporary_samples = (
            stack.enter_context(replacing(each)) for each in (meta, samples)
        )
        text = stack.enter_context(open(temporary_meta, "w"))
        data = stack.enter_context(open(temporary_samples, "wb"))
        annotator = Annotator(text, data, recording, model, frame_length, uses)
        yield annotator
        annotator.finish()


class Annotator:
    """Writes samples and annotations as they come; none of them stay in memory.

    Frames next to each other with the same decision share an annotation; one of rejected
    frames has no label. Where the sample rate is known, an annotation has the edges of the
    whole band, which is what is decided, and a capture that says no frequency is at 0 Hz, from
    where they count: viewers draw no box without either. What others annotated is kept.
    Attribute `annotations`: how many were written.
    """

    def __init__(
        self,
        text: IO[str],
        data: IO[bytes],
        recording: Recording,
        model: str,
        frame_length: int,
        uses: Sequence[str] = EXTENSIONS,
    ) -> None:
        self._text, self._data = text, data
        self._recording, self._uses = recording, uses
        self._captures = recording.captures
        if recording.sample_rate_hz is not None:
            self._captures = [{"core:frequency": 0.0} | each for each in recording.captures]
        self._starts = [each["core:sample_start"] for each in self._captures]
        self._model, self._frame_length = model, frame_length
        self._digest = hashlib.sha512()
        self._run: _Run | None = None
        self._others = list(reversed(recording.annotations))  # the next one is the last
        self.annotations = 0
        text.write('{"annotations": [')

    def keep(self, block: bytes) -> None:
        """Write the bytes of samples."""
        self._digest.update(block)
        self._data.write(block)

    def add(self, batch: DecisionBatch) -> None:
        """Annotate the frames of a DecisionBatch, which has their `sample_offset`."""
        rows = zip(
            listed(batch.sample_offset),
            batch.modulation,
            listed(batch.valid),
            listed(batch.score),
        )
        for offset, name, valid, score in rows:
            edges = self._edges(offset)
            if self._run is None or not self._run.takes(offset, (name, valid, edges)):
                self._end_run()
                self._run = _Run(offset, (name, valid, edges))
            self._run.add(offset + self._frame_length, score)

    def _edges(self, offset: int) -> tuple[float, float] | None:
        """Of the band at a sample of the stream, in Hz; None without a sample rate."""
        rate = self._recording.sample_rate_hz
        if rate is None:
            return None
        number = bisect_right(self._starts, offset + self._recording.first_sample) - 1
        center = self._captures[max(0, number)]["core:frequency"] if self._captures else 0.0
        return center - rate / 2, center + rate / 2

    def _end_run(self) -> None:
        if self._run is None:
            return
        start = self._run.start + self._recording.first_sample
        self.insert(self._run.annotation(start, self._model))

    def insert(self, annotation: Document) -> None:
        """Write an annotation, which begins no earlier than the one before it."""
        start = annotation["core:sample_start"]
        while self._others and self._others[-1]["core:sample_start"] <= start:
            self._write(self._others.pop())
        self._write(annotation)

    def _write(self, annotation: Document) -> None:
        self._text.write(("," if self.annotations else "") + "\n" + json.dumps(annotation))
        self.annotations += 1

    def finish(self) -> None:
        """Write what is left, and what the recording is."""
        self._end_run()
        while self._others:
            self._write(self._others.pop())
        captures, info = json.dumps(self._captures), json.dumps(self._global())
        self._text.write(f'],\n"captures": {captures},\n"global": {info}}}\n')

    def _global(self) -> Document:
        info: Document = {"core:version": _VERSION} | self._recording.info
        rate = self._recording.sample_rate_hz
        extensions = list(info.get("core:extensions", []))
        there = {each.get("name") for each in extensions}
        extensions += [
            {"name": name, "version": "1.0.0", "optional": True}
            for name in self._uses
            if name not in there
        ]
        return (
            info
            | {"core:datatype": self._recording.datatype, "core:extensions": extensions}
            | ({} if rate is None else {"core:sample_rate": rate})
            | {"core:sha512": self._digest.hexdigest()}
        )


_Decision = tuple[str | None, bool, tuple[float, float] | None]  # name, validity, band


class _Run:
    """Frames that touch or overlap, and are decided alike, in the same band."""

    def __init__(self, start: int, decision: _Decision) -> None:
        self.start = self._end = start
        self._decision = decision
        self._scores = 0.0
        self._frames = 0

    def takes(self, offset: int, decision: _Decision) -> bool:
        return offset <= self._end and decision == self._decision

    def add(self, end: int, score: float) -> None:
        self._end = end
        self._frames += 1
        self._scores += score

    def annotation(self, start: int, model: str) -> Document:
        name, valid, edges = self._decision
        score = self._scores / self._frames
        said = "not finite or all zero" if not valid else f"score {score:.3f}"
        if self._frames > 1:
            said += f", mean of {self._frames} frames" if valid else f", {self._frames} frames"
        found: Document = {
            "core:sample_start": start,
            "core:sample_count": self._end - self.start,
            "core:comment": said if name is not None else f"rejected: {said}",
            "core:generator": f"{GENERATOR} {__version__}",
            "htrd:model": model,
            "htrd:frames": self._frames,
        }
        if name is not None:
            found["core:label"] = name
        if edges is not None:
            found["core:freq_lower_edge"], found["core:freq_upper_edge"] = edges
        if valid:
            found["htrd:score"] = round(score, 6)
        if (words := detail(name)) is not None:
            found["signal:detail"] = words
        return found
