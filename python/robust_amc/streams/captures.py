"""The captures of a recording, in which a receiver went on without a gap at one frequency."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..arrays import Complexes
from ..files import Document
from .recording import Recording

_JITTER = 1e-3  # seconds by which two times of a clock may differ from the samples between them


@dataclass(frozen=True)
class Stretch:
    """Samples of one capture, ``[n]``.

    Attributes:
        samples: complex
        center_frequency_hz: of the capture; 0 where it is not known
        is_new: whether they do not go on where those before them ended
    """

    samples: Complexes
    center_frequency_hz: float
    is_new: bool


class CaptureCutter:
    """Cuts a stream where its recording says that another capture begins.

    One that begins at the same frequency, and at the time when the last one ends or at none that is
    said, is no other.
    """

    def __init__(self, recording: Recording) -> None:
        first, *rest = recording.captures or [{"core:sample_start": 0}]
        self._center = float(first.get("core:frequency", 0))
        self._next: list[tuple[int, float]] = []  # first sample in the stream, and center
        self._done = 0
        for each in rest:
            if not _goes_on(first, each, recording.sample_rate_hz):
                start = int(each["core:sample_start"]) - recording.first_sample
                self._next.append((start, float(each.get("core:frequency", 0))))
            first = each
        self._next.reverse()  # the next one is the last

    def cut(self, samples: Complexes) -> Iterator[Stretch]:
        """The stretches in the next `samples`, ``[n]``, of the stream."""
        is_new = False
        while self._next and self._next[-1][0] <= self._done + len(samples):
            start, center = self._next.pop()
            count = max(0, start - self._done)
            if count:
                yield Stretch(samples[:count], self._center, is_new)
            samples, self._done = samples[count:], self._done + count
            self._center, is_new = center, True
        self._done += len(samples)
        yield Stretch(samples, self._center, is_new)


def _goes_on(before: Document, after: Document, rate: float | None) -> bool:
    """Whether a capture is the last one again: a header without a gap or a change."""
    if before.get("core:frequency", 0) != after.get("core:frequency", 0):
        return False
    samples = after["core:sample_start"] - before["core:sample_start"]
    numbers = before.get("core:global_index"), after.get("core:global_index")
    if None not in numbers:
        return bool(numbers[1] - numbers[0] == samples)  # type: ignore[operator]
    times = _time(before), _time(after)
    if rate and times[0] is not None and times[1] is not None:
        return abs((times[1] - times[0]).total_seconds() - samples / rate) < _JITTER
    return True


def _time(capture: Document) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(capture.get("core:datetime")))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
