"""What was decided of frames: the raw output of an engine, and decisions with what is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from .arrays import Array, Bools, Floats, Integers, listed
from .errors import UserError

REJECTED = -1
NUMBERS = ("snr_db", "pnr_db", "frame_power_db")  # columns, NaN where unknown
OBJECTS = ("truth", "rx_time", "prediction_set", "drift")  # columns, None where unknown
NO_OFFSET = -1  # in the column sample_offset, where it is unknown


@dataclass(frozen=True)
class Decisions:
    """The raw output of a classifier or an inference engine for `n` frames.

    Attributes:
        label: int16 ``[n]``, index of the class or REJECTED (-1)
        score: float32 ``[n, classes]``; SVM decision values, or logits without a rejector
        valid: bool ``[n]``; False for frames that are not finite or all zero: those are
            rejected with scores of -inf
        log_posterior: float32 ``[n, classes]``, natural logarithm of the network's softmax,
            whatever a rejector says; 0 for frames that are not valid. None where it was not
            asked for
    """

    label: Integers
    score: Floats
    valid: Bools
    log_posterior: Floats | None = None

    def __getitem__(self, rows: slice | Integers | Bools) -> Self:
        posterior = None if self.log_posterior is None else self.log_posterior[rows]
        return type(self)(self.label[rows], self.score[rows], self.valid[rows], posterior)

    @property
    def rejected(self) -> Bools:
        """Which frames were rejected, bool ``[n]``."""
        return self.label == REJECTED


@dataclass(eq=False)
class DecisionBatch:
    """Decisions on `n` frames and what else is known of these, column by column.

    The columns have the names of the fields in the messages of the GNU Radio blocks. Those
    that are left out are unknown for every frame. Raises UserError for columns of different
    length.

    Attributes:
        frame_index: int64 ``[n]``
        modulation: names, None where the frame was rejected
        score: float64 ``[n]``, the largest score
        threshold: float64 ``[n]``; -inf for a model that never rejects by score
        scores: float32 ``[n, classes]``, -inf for frames that are not finite or all zero
        classes: names, in the order of `scores`; empty where they are unknown
        truth: names, None where unknown
        snr_db, pnr_db: float64 ``[n]``, NaN where unknown
        rx_time: when the frame was received, any objects, None where unknown
        sample_offset: int64 ``[n]``, position of the frame's first sample in its stream,
            NO_OFFSET (-1) where unknown
        frame_power_db: float64 ``[n]``, dB of the mean squared magnitude before any scaling,
            NaN where unknown
        prediction_set: names of the classes that the frame may be of, a tuple, of a model with a
            conformal calibration; None where unknown
        drift: whether the drift alarm was on after the frame; None where nothing watches
    """

    frame_index: Integers
    modulation: list[str | None]
    score: Floats
    threshold: Floats
    scores: Floats
    classes: tuple[str, ...] = ()
    # None becomes a column in which nothing is known
    truth: list[str | None] = None  # type: ignore[assignment]
    snr_db: Floats = None  # type: ignore[assignment]
    pnr_db: Floats = None  # type: ignore[assignment]
    rx_time: list[Any] = None  # type: ignore[assignment]
    sample_offset: Integers = None  # type: ignore[assignment]
    frame_power_db: Floats = None  # type: ignore[assignment]
    prediction_set: list[tuple[str, ...] | None] = None  # type: ignore[assignment]
    drift: list[bool | None] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in NUMBERS:
            if getattr(self, name) is None:
                setattr(self, name, np.full(len(self), np.nan))
        for name in OBJECTS:
            if getattr(self, name) is None:
                setattr(self, name, [None] * len(self))
        if self.sample_offset is None:
            self.sample_offset = np.full(len(self), NO_OFFSET)
        for each in fields(self):
            column = getattr(self, each.name)
            if each.name != "classes" and len(column) != len(self):
                raise UserError(f"{each.name} has {len(column)} entries for {len(self)} frames")
        if self.classes and self.scores.shape[1:] != (len(self.classes),):
            raise UserError(f"scores of shape {self.scores.shape} for {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.frame_index)

    @classmethod
    def of(
        cls,
        decisions: Decisions,
        classes: Sequence[str],
        threshold: float | None,
        frame_index: Integers,
        **known: Any,
    ) -> Self:
        """Decisions with the names of the classes and other `known` columns.

        `threshold` is the one in force, None for a model that never rejects by score.
        """
        with np.errstate(invalid="ignore"):  # scores of an overflowing frame may be NaN
            best = decisions.score.max(1).astype(np.float64)
        labels = listed(decisions.label)
        return cls(
            frame_index=frame_index,
            modulation=[None if label == REJECTED else classes[label] for label in labels],
            score=best,
            threshold=np.full(len(best), -np.inf if threshold is None else threshold),
            scores=decisions.score,
            classes=tuple(classes),
            **known,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One batch of one or several, all with the same classes."""
        columns = {each.name: [getattr(part, each.name) for part in parts] for each in fields(cls)}
        classes = columns.pop("classes")[0]
        return cls(**{name: _joined(column) for name, column in columns.items()}, classes=classes)

    @property
    def rejected(self) -> Bools:
        """Which frames were rejected, bool ``[n]``."""
        return np.array([name is None for name in self.modulation], bool)

    @property
    def valid(self) -> Bools:
        """Which frames could be scored, bool ``[n]``: the others were not finite or all zero."""
        return ~np.isneginf(self.score)

    def records(
        self, with_scores: bool = False, sample_rate_hz: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """A dictionary for JSON of each frame; what is unknown or not finite is left out.

        Of a frame that is not valid it has `invalid`, True, and `drift`, True, while that alarm is
        on; with a sample rate `time_s`, the seconds from the start of the stream; and if wanted
        `scores` by class.
        """
        columns = {
            "frame_index": listed(self.frame_index),
            "sample_offset": [None if at < 0 else at for at in listed(self.sample_offset)],
            "time_s": _known(self._seconds(sample_rate_hz)),
            "modulation": self.modulation,
            "rejected": listed(self.rejected),
            "invalid": [None if valid else True for valid in listed(self.valid)],
            "score": _known(self.score, 6),
            "threshold": _known(self.threshold),
            "prediction_set": [None if each is None else [*each] for each in self.prediction_set],
            "drift": [each or None for each in self.drift],
            "truth": self.truth,
            "snr_db": _known(self.snr_db, 6),
            "frame_power_db": _known(self.frame_power_db, 3),
        }
        if with_scores:
            scores = (_known(np.asarray(row, np.float64), 6) for row in self.scores)
            columns["scores"] = [dict(zip(self.classes, row, strict=True)) for row in scores]
        for values in zip(*columns.values(), strict=True):
            yield {name: value for name, value in zip(columns, values) if value is not None}

    def _seconds(self, sample_rate_hz: float | None) -> Floats:
        offset: Floats = np.where(self.sample_offset < 0, np.nan, self.sample_offset)
        return offset / (sample_rate_hz or np.nan)


def _joined(parts: Sequence[Any]) -> Any:
    """Columns one after the other: arrays or lists."""
    if isinstance(parts[0], list):
        return [item for part in parts for item in part]
    return np.concatenate(parts)


def _known(column: Array, digits: int | None = None) -> list[float | None]:
    """Numbers of an array, rounded to so many digits; None where they are not finite."""
    values = listed(column if digits is None else np.round(column, digits))
    return [value if good else None for value, good in zip(values, listed(np.isfinite(column)))]
