"""Annotations of a SigMF recording, from and to the columns of a data set.

An annotation with a label (the modulation) is a stretch of frames; its SNR is
``capture_details:SNRdB``. Fields of our optional extension ``htrd``: `htrd:first_run`,
`htrd:run_step` (0: its frames are of one run, 1: each frame is of the next), and the columns
of dataset.EXTRA as lists with a value for each frame (null: not known).

Where frequency edges say that the signal is not in the middle of what was recorded, or not alone,
the stretch has the band that has to be cut out.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...arrays import Array, listed
from ...errors import UserError
from ...files import Document
from .. import dataset

SNR = "capture_details:SNRdB"
GENERATOR = "htrd classify"  # of annotations that are decisions
SCANNER = "htrd scan"  # likewise, of signals
UNUSED_EDGES = "frequency_edges_not_used"  # a number in the metadata

_START, _COUNT, _LABEL = "core:sample_start", "core:sample_count", "core:label"
_FREQUENCY, _LOWER, _UPPER = "core:frequency", "core:freq_lower_edge", "core:freq_upper_edge"
_FIRST_RUN, _RUN_STEP = "htrd:first_run", "htrd:run_step"
_WHOLE = (0.0, 1.0)  # the band of all that was recorded
_RUNS = np.iinfo(np.int32)
# Annotations may overlap, but a small file must not give frames without an end
_MOST_OVERLAP = 8
_MAY_REPEAT = 1 << 20  # samples


@dataclass(frozen=True)
class Stretch:
    """Frames that follow each other and have the same label and SNR.

    Attributes:
        start: first sample in the file
        count: frames
        label: name of the class
        snr_db: SNR label, dB
        first_run: run of the first frame; None where the annotation does not say it
        run_step: how much the run grows from frame to frame
        extra: more that is known of each frame, arrays ``[count]`` by name
        band: center and width in cycles a sample, None where no edges are given
    """

    start: int
    count: int
    label: str
    snr_db: float
    first_run: int | None
    run_step: int
    extra: dict[str, Array]
    band: tuple[float, float] | None = None


def read(
    document: Document, samples: int, length: int, snr_db: float | None = None
) -> tuple[list[Stretch], dict[str, int]]:
    """The stretches that a recording of `samples` samples gives, with frames of `length`.

    `snr_db` is the SNR of annotations that have none (None: they are an error).

    Returns them, and the numbers of annotations that were skipped by reason. Raises
    UserError when an annotation does not fit the file, lacks the SNR, or none is usable.
    """
    offset = int(document["global"].get("core:offset", 0))
    rate = document["global"].get("core:sample_rate")
    captures = sorted(document["captures"], key=lambda each: each[_START])
    starts = [capture[_START] for capture in captures]
    skipped = dict.fromkeys(
        (
            "annotations_without_label",
            "annotations_too_short",
            "decisions_of_a_classifier",
            UNUSED_EDGES,
        ),
        0,
    )
    found = []
    for number, annotation in enumerate(document["annotations"]):
        label = annotation.get(_LABEL)
        if is_decision(annotation):
            skipped["decisions_of_a_classifier"] += 1
            continue
        if not label:
            skipped["annotations_without_label"] += 1
            continue
        try:
            start, count = _extent(annotation, starts, offset, samples)
            if count < length:
                skipped["annotations_too_short"] += 1
                continue
            stretch = _stretch({SNR: snr_db} | annotation, label, start, count // length)
            if has_edges(annotation):
                band = band_of(annotation, captures, starts, rate)
                skipped[UNUSED_EDGES] += band is None
                stretch = replace(stretch, band=None if band == _WHOLE else band)
            found.append(stretch)
        except UserError as error:
            raise UserError(f"annotation {number} ({label[:40]!r}) {error}") from None
    skipped = {reason: count for reason, count in skipped.items() if count}
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise UserError(
            f"no annotation gives a frame of {length} samples ({why or 'there is none'}); "
            f"annotate the modulations with {_LABEL} and {SNR}"
        )
    _check_overlap(sum(each.count for each in found) * length, samples)
    if len({(each.first_run is None, *each.extra) for each in found}) > 1:
        raise UserError("some annotations have htrd fields that others lack; give all the same")
    return found, skipped


def _check_overlap(taken: int, samples: int) -> None:
    """UserError when frames have far more samples than there are in the file."""
    if taken > max(_MAY_REPEAT, _MOST_OVERLAP * samples):
        raise UserError(
            f"its annotations overlap so much that {samples} samples would give {taken}; remove "
            "those that say the same again"
        )


def is_decision(annotation: Document) -> bool:
    """Whether an annotation is what a classifier of ours decided, which is no truth."""
    return str(annotation.get("core:generator", "")).startswith((GENERATOR, SCANNER))


def _extent(
    annotation: Document, captures: list[int], offset: int, samples: int
) -> tuple[int, int]:
    """First sample in the file, and number of samples: by default up to the capture's end."""
    start = int(annotation[_START])
    next_capture = bisect_right(captures, start)
    end = captures[next_capture] if next_capture < len(captures) else offset + samples
    count = int(annotation.get(_COUNT, max(0, end - start)))
    if not offset <= start <= start + count <= offset + samples:
        raise UserError(
            f"has {count} samples from sample {start} on, but the file has {samples} from "
            f"{offset} on; it is cut short, or of another recording"
        )
    late = max(0, captures[0] - start) if captures else 0  # what no capture describes
    return start + late - offset, max(0, count - late)


def has_edges(annotation: Document) -> bool:
    """Whether an annotation says which frequencies it is about."""
    return _LOWER in annotation and _UPPER in annotation


def band_of(
    annotation: Document, captures: Sequence[Document], starts: Sequence[int], rate: float | None
) -> tuple[float, float] | None:
    """Center and width of an annotation's band, in cycles a sample; None when it cannot be cut out.

    `captures` are in the order of their first samples, `starts`; `rate` is the sample rate in
    Hz. It cannot be where there is no rate, or where the center was not recorded. Raises
    UserError when the edges are in the wrong order.
    """
    lower, upper = annotation[_LOWER], annotation[_UPPER]
    if lower > upper:
        raise UserError(f"has a {_LOWER} above its {_UPPER}")
    if not rate:
        return None
    number = max(0, bisect_right(starts, annotation[_START]) - 1)
    tuned = captures[number].get(_FREQUENCY, 0) if captures else 0
    center = ((lower + upper) / 2 - tuned) / rate
    width = (upper - lower) / rate or 1.0  # a line without a width says where the signal is
    return (center, width) if abs(center) < 0.5 else None


def _stretch(annotation: Document, label: str, start: int, count: int) -> Stretch:
    if not label.isprintable():
        raise UserError("has a label that cannot be printed")
    snr_db = annotation.get(SNR)
    if snr_db is None:
        raise UserError(f"has no SNR; add {SNR}, in dB, to it, or convert with --label-snr")
    if not _is_number(snr_db, 1000):
        raise UserError(f"has the {SNR} {str(snr_db)[:40]!r}; it must be a number, in dB")
    first_run, step = annotation.get(_FIRST_RUN), annotation.get(_RUN_STEP, 0)
    start_run = 0 if first_run is None else first_run
    if type(start_run) is not int or type(step) is not int or step not in (0, 1):
        raise UserError(f"has a {_FIRST_RUN} or {_RUN_STEP} that is not a run")
    if not _RUNS.min <= start_run <= start_run + step * (count - 1) <= _RUNS.max:
        raise UserError(f"has runs outside {_RUNS.min} … {_RUNS.max}")
    extra = {
        name: _decode(annotation[f"htrd:{name}"], name, count)
        for name in dataset.EXTRA
        if f"htrd:{name}" in annotation
    }
    return Stretch(start, count, label, float(snr_db), first_run, step, extra)


def _decode(values: Any, name: str, count: int) -> Array:
    """A list with a value for each frame, as an array."""
    if not isinstance(values, list) or len(values) != count:
        raise UserError(f"needs a list htrd:{name} with a value for each of its {count} frames")
    dtype = np.dtype(dataset.EXTRA[name])
    read_one = _whole if dtype.kind == "i" else _real
    try:
        return np.array([read_one(value, dtype) for value in values], dtype)
    except ValueError:
        raise UserError(f"has a value in htrd:{name} that is not of type {dtype}") from None


def _whole(value: Any, dtype: np.dtype[Any]) -> int:
    if type(value) is int and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        return value
    raise ValueError


def _real(value: Any, dtype: np.dtype[Any]) -> float:
    if value is None or value in ("inf", "-inf"):
        return float(value or "nan")
    if _is_number(value, _short(np.finfo(dtype).max)):
        return value
    raise ValueError


def _is_number(value: Any, limit: float) -> bool:
    return type(value) in (int, float) and abs(value) <= limit


def columns(stretches: list[Stretch], classes: Sequence[str]) -> dict[str, Any]:
    """Columns of the data set that the stretches give: label, snr_db, run_id, extra.

    Where the annotations do not say it, each is a run.
    """
    counts = [each.count for each in stretches]
    number = {name: index for index, name in enumerate(classes)}

    def repeat(values: list[Any], dtype: npt.DTypeLike) -> Array:
        return np.repeat(np.array(values, dtype), counts)

    first = [i if s.first_run is None else s.first_run for i, s in enumerate(stretches)]
    run_id = repeat(first, np.int32)
    ends = np.cumsum(counts)
    for end, each in zip(listed(ends), stretches):
        if each.run_step:
            run_id[end - each.count : end] += np.arange(each.count, dtype=np.int32)
    return {
        "label": repeat([number[s.label] for s in stretches], np.int16),
        "snr_db": repeat([s.snr_db for s in stretches], np.float32),
        "run_id": run_id,
        "extra": {
            name: np.concatenate([s.extra[name] for s in stretches]) for name in stretches[0].extra
        },
    }


def write(frames: dataset.FrameDataset) -> Iterator[Document]:
    """Yield the annotations that keep the columns of a FrameDataset.

    With a sample rate they have the edges of the whole band, around 0 Hz.
    """
    length, rate = frames.frame_length, frames.sample_rate_hz
    edges = {_LOWER: -rate / 2, _UPPER: rate / 2} if rate else {}
    for start, end, step in _stretches(frames):
        yield {
            _START: start * length,
            _COUNT: (end - start) * length,
            **edges,
            _LABEL: frames.classes[frames.label[start]],
            SNR: _short(frames.snr_db[start]),
            _FIRST_RUN: int(frames.run_id[start]),
            _RUN_STEP: step,
        } | {f"htrd:{name}": _encode(frames.extra[name][start:end]) for name in frames.extra}


def _stretches(frames: dataset.FrameDataset) -> Iterator[tuple[int, int, int]]:
    """First frame, one past the last, and run step of each stretch."""
    steps = np.diff(frames.run_id.astype(np.int64))
    breaks = (np.diff(frames.label) != 0) | (np.diff(frames.snr_db) != 0) | (steps >> 1 != 0)
    start, step = 0, None
    for i, (found, broken) in enumerate(zip(listed(steps), listed(breaks)), 1):
        if broken or step not in (None, found):
            yield start, i, step or 0
            start, step = i, None
        else:
            step = found
    if len(frames):
        yield start, len(frames), step or 0


def _encode(column: Array) -> list[Any]:
    """A list for JSON: null for NaN, text for infinite values."""
    if column.dtype.kind == "i":
        return listed(column)
    return [
        _short(value) if np.isfinite(value) else None if value != value else str(value)
        for value in column
    ]


def _short(value: float | np.floating[Any]) -> float:
    """The float with the fewest digits that is the same in single precision."""
    return float(str(np.float32(value)))
