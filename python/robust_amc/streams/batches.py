"""Batches of a stream: as large as the backlog allows, none kept waiting for long."""

import time
from collections import deque
from collections.abc import Callable, Iterator

from ..errors import UserError
from .frame_sampler import Decoder, Frames, FrameSampler
from .sources import Source

BATCH = 512  # frames; engines divide it further
_POLL = 0.1  # seconds at most until somebody's wish to stop is noticed


class Backlog:
    """Frames that wait to be decided, none longer than `latency` seconds if it is up to us."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._waiting: deque[tuple[float, Frames]] = deque()  # and when they came
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, frames: Frames, now: float) -> None:
        """Frames that came at `now`."""
        if len(frames):
            self._waiting.append((now, frames))
            self._count += len(frames)

    def patience(self, now: float) -> float:
        """Seconds until the next batch is due, or until one should look again."""
        if not self._count:
            return _POLL
        return min(max(0.0, self._waiting[0][0] + self._latency - now), _POLL)

    def is_due(self, now: float) -> bool:
        """Whether a batch is full, or its oldest frame has waited long enough."""
        return self._count >= BATCH or (self._count > 0 and self.patience(now) == 0)

    def take(self) -> Frames:
        """The oldest frames, at most BATCH."""
        parts, wanted = [], BATCH
        while wanted and self._waiting:
            since, frames = self._waiting.popleft()
            parts.append(frames[:wanted])
            if len(frames) > wanted:
                self._waiting.appendleft((since, frames[wanted:]))
            wanted -= len(parts[-1])
        taken = Frames.joined(parts)
        self._count -= len(taken)
        return taken


class FrameStream:
    """Batches of frames of a source, as they come.

    `is_stopped()` is asked often, and ends the stream. Attributes: `has_ended`, whether the
    source had an end and it came; `discarded`, frames that waited when it was stopped.
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        sampler: FrameSampler,
        latency: float,
        is_stopped: Callable[[], bool],
    ) -> None:
        if not 0 <= latency < float("inf"):
            raise UserError(f"the latency must be 0 s or more, not {latency:g}")
        self._source, self._decoder, self._sampler = source, decoder, sampler
        self._backlog = Backlog(latency)
        self._is_stopped = is_stopped
        self.has_ended = False
        self.discarded = 0

    def __iter__(self) -> Iterator[Frames]:
        while not self._is_stopped():
            block = self._source.read(self._backlog.patience(time.monotonic()))
            if block:
                samples = self._decoder.decode(block)
                self._backlog.add(self._sampler.push(samples), time.monotonic())
            self.has_ended = block is None
            yield from self._batches()
            if self.has_ended:
                break
        self.discarded = len(self._backlog)

    def _batches(self) -> Iterator[Frames]:
        while len(self._backlog) and not self._is_stopped():
            if not (self.has_ended or self._backlog.is_due(time.monotonic())):
                break
            yield self._backlog.take()
