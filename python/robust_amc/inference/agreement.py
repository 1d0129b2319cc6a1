"""Whether two ways to compute a classifier decide alike, and the frames to find out with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from .. import data, frames
from ..arrays import Floats
from ..classifier import Classifier, Decisions

if TYPE_CHECKING:
    from .engine import InferenceEngine

COUNT = 396  # frames of a check set
CHECK, CALIBRATION = 1, 0  # which of every two frames
LEVELS = (0.25, 1.0, 4.0)  # of random frames, relative to the usual one


@dataclass(frozen=True)
class Agreement:
    """How alike the decisions of some frames are.

    Attributes:
        frames: how many were compared
        agreement: share with the same label (a class, or rejected)
        rejection_rate: share that was rejected
        reference_rejection_rate: share that the reference rejected
        score_difference: the largest of any score, relative to the largest score
    """

    frames: int
    agreement: float
    rejection_rate: float
    reference_rejection_rate: float
    score_difference: float

    @classmethod
    def of(cls, decided: Decisions, reference: Decisions) -> Self:
        """Compare two Decisions of the same frames."""
        score, expected = (each.score[reference.valid] for each in (decided, reference))
        difference = np.abs(score - expected)
        largest = np.abs(expected).max(initial=1e-30)
        return cls(
            len(reference.label),
            float(np.mean(decided.label == reference.label)),
            float(np.mean(decided.rejected)),
            float(np.mean(reference.rejected)),
            float(difference.max(initial=0) / largest),
        )

    def __str__(self) -> str:
        return (
            f"{self.agreement:.2%} of {self.frames} decisions agree, "
            f"{self.rejection_rate:.2%} rejected against {self.reference_rejection_rate:.2%}"
        )


def check_frames(model: Classifier | InferenceEngine, count: int = COUNT) -> Floats:
    """Frames to check a Classifier or an InferenceEngine with, float32 ``[n, 2, length]``.

    Of the packaged sample, if the model is made for such frames; else `count` random ones.
    """
    sample = data.read("sample")
    fits = model.classes == sample.classes
    if fits and model.frame_length == sample.frame_length:
        return evenly(sample, count, CHECK)
    return _random_frames(model.frame_length, count)


def evenly(dataset: data.FrameDataset, count: int, first: int) -> Floats:
    """At most `count` frames of a FrameDataset, evenly from its whole length, float32.

    Every second frame is left out: with `first` CHECK and CALIBRATION no frame is in both.
    """
    own = np.arange(first, len(dataset), 2)
    rows = own[np.linspace(0, len(own) - 1, min(count, len(own))).round().astype(int)]
    return dataset.subset(rows).in_memory().iq.astype(np.float32)


def _random_frames(length: int, count: int) -> Floats:
    """Tones in noise, from all tone to all noise, at several levels."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * rng.uniform(-0.5, 0.5, (count, 1)) * np.arange(length)
    noise = rng.standard_normal((2, count, length)) * np.sqrt(0.5)
    share = rng.uniform(0, 1, (count, 1))
    wave = np.sqrt(share) * np.exp(1j * phase) + np.sqrt(1 - share) * (noise[0] + 1j * noise[1])
    iq = torch.from_numpy(frames.to_iq(wave.astype(np.complex64)))
    scaled = frames.scale(iq, frames.Scaling.SUM_ABS).numpy()
    level: Floats = rng.choice(LEVELS, (count, 1, 1)).astype(np.float32)
    return scaled * level
