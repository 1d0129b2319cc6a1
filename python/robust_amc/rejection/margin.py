"""The network's own margin as its confidence: nothing is fitted but the threshold.

The margin of the logits in the place of the largest softmax probability, which saturates; see
Geifman and El-Yaniv, NeurIPS 2017 (arXiv 1705.08500), for rejection by a network's response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from ..data import FrameDataset
from ..errors import UserError
from .base import CalibrationSettings, FeatureExtractor, Rejector


class MarginRejector(Rejector):
    """Scores are logits, each minus the largest one of another class: at most one is positive."""

    kind = "margin"

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._classes = classes

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch, see the class."""
        first, second = logits.topk(2, dim=1)[0].split(1, dim=1)
        return logits - torch.where(logits == first, second, first)

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return self._classes

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file, which needs no tensors of it."""
        return cls(classes)


@dataclass(frozen=True)
class MarginSettings(CalibrationSettings):
    """Nothing beyond what every rejector needs."""

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """A MarginRejector and no facts; the frames are not looked at."""
        if len(classifier.classes) < 2:
            raise UserError("a margin needs at least two classes")
        return MarginRejector(len(classifier.classes)), {}


MarginRejector.Settings = MarginSettings
