"""Decisions on frames of a stream or a data set, with what else is known of them."""

from dataclasses import dataclass

import numpy as np

from .. import frames, power
from ..classifier import Decisions
from .frame_sampler import mean_power


@dataclass(frozen=True)
class Decided:
    """Decisions on n frames, with the field names of the blocks' PDUs.

    Attributes:
        frame_index: int64 ``[n]``; in a stream, the number among the frames that were decided
        decisions: Decisions
        classes: names, in the order of the scores
        threshold: None for a model that never rejects by score
        frame_power_db: float64 ``[n]``, dB of the mean squared magnitude before scaling
        frame_length: samples
        sample_offset: int64 ``[n]``, position of the first sample; None in a data set
        sample_rate_hz: None when it is not known
        truth: names, None where unknown
        snr_db: float ``[n]``, NaN where unknown
    """

    frame_index: np.ndarray
    decisions: Decisions
    classes: tuple
    threshold: float | None
    frame_power_db: np.ndarray
    frame_length: int
    sample_offset: np.ndarray | None
    sample_rate_hz: float | None
    truth: list
    snr_db: np.ndarray

    def __len__(self):
        return len(self.frame_index)

    @property
    def modulation(self):
        """Names, None where the frame was rejected."""
        labels = self.decisions.label.tolist()
        return [self.classes[label] if label >= 0 else None for label in labels]

    @property
    def score(self):
        """The largest score of each frame, float64 ``[n]``."""
        with np.errstate(invalid="ignore"):
            return self.decisions.score.max(1).astype(np.float64)

    def records(self, with_scores=False):
        """A dictionary for JSON of each frame; what is not known or not finite is left out."""
        columns = {
            "frame_index": self.frame_index.tolist(),
            "sample_offset": _of(self.sample_offset),
            "time_s": self._times(),
            "modulation": self.modulation,
            "rejected": self.decisions.rejected.tolist(),
            "invalid": [not each or None for each in self.decisions.valid.tolist()],
            "score": _finite(self.score, 6),
            "threshold": self._every(self.threshold),
            "truth": self.truth,
            "snr_db": _finite(self.snr_db, 6),
            "frame_power_db": _finite(self.frame_power_db, 3),
        }
        if with_scores:
            scores = (_finite(each.astype(np.float64), 6) for each in self.decisions.score)
            columns["scores"] = [dict(zip(self.classes, each)) for each in scores]
        columns = {name: column for name, column in columns.items() if column is not None}
        for values in zip(*columns.values(), strict=True):
            yield {name: value for name, value in zip(columns, values) if value is not None}

    def _times(self):
        if self.sample_rate_hz is None or self.sample_offset is None:
            return None
        return (self.sample_offset / self.sample_rate_hz).tolist()

    def _every(self, value):
        return None if value is None else [value] * len(self)


def _of(column):
    return None if column is None else column.tolist()


def _finite(column, digits):
    rounded = np.round(column, digits)
    return [value if good else None for value, good in zip(rounded.tolist(), np.isfinite(column))]


def of_stream(engine, batches, recording, truth, limit=None):
    """Yield the Decided of batches of frames, at most `limit` frames in all."""
    done = 0
    for batch in batches:
        batch = batch if limit is None else batch[: limit - done]
        names, snr_db = truth.of(batch.offset, engine.frame_length)
        yield Decided(
            frame_index=np.arange(done, done + len(batch)),
            decisions=engine.decide(frames.to_iq(batch.samples)),
            classes=engine.classes,
            threshold=engine.threshold,
            frame_power_db=power.to_db(batch.power),
            frame_length=engine.frame_length,
            sample_offset=batch.offset,
            sample_rate_hz=recording.sample_rate_hz,
            truth=names,
            snr_db=snr_db,
        )
        done += len(batch)
        if done == limit:
            return


def of_dataset(engine, dataset, batch_size, limit=None, is_stopped=lambda: False):
    """Yield the Decided of a FrameDataset, in file order, at most `limit` frames in all."""
    chosen = dataset.subset(slice(0, limit))
    done = 0
    for piece in chosen.chunks(batch_size):
        if is_stopped():
            return
        iq = piece.iq.astype(np.float32)
        yield Decided(
            frame_index=np.arange(done, done + len(piece)),
            decisions=engine.decide(iq),
            classes=engine.classes,
            threshold=engine.threshold,
            frame_power_db=power.to_db(mean_power(frames.to_complex(iq))),
            frame_length=engine.frame_length,
            sample_offset=None,
            sample_rate_hz=None,
            truth=piece.truth.tolist(),
            snr_db=piece.snr_db.astype(np.float64),
        )
        done += len(piece)
