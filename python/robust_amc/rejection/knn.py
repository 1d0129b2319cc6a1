"""Distance to the k-th nearest training frame of each class, in the feature layer.

Sun, Ming, Zhu, Li, Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022
(arXiv 2204.06507), Sec. 3, for each class apart: its neighbors say what is decided, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ..data import FrameDataset
from ..errors import UserError
from ..fields import flag, whole
from .base import CalibrationSettings, FeatureExtractor, Rejector


class NearestNeighborRejector(Rejector):
    """Scores are minus the squared distance to the k-th nearest stored frame of each class.

    Distances of normalized features, z = ζ/‖ζ‖. Buffer: `stored` ``[classes, m, features]``,
    normalized features of benign frames. With `detects` the network's class stands, and the
    largest score is that distance of its class; the others follow by the network's logits.
    """

    stored: torch.Tensor

    kind = "knn"

    def __init__(
        self, stored: npt.ArrayLike | torch.Tensor, k: int, detects: bool = False
    ) -> None:
        super().__init__()
        self.register_buffer("stored", torch.as_tensor(stored, dtype=torch.float32))
        self.k, self.detects = k, detects

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch, see the class; -4 … 0, up to rounding."""
        classes, count, size = self.stored.shape
        with torch.autocast(features.device.type, enabled=False):
            unit = F.normalize(features.float(), dim=1)
            cosine = unit @ self.stored.reshape(classes * count, size).T
        nearest = cosine.unflatten(1, (classes, count)).topk(self.k, dim=2)[0]
        scores = 2 * nearest[:, :, -1] - 2
        if not self.detects:
            return scores
        best, label = logits.max(1, keepdim=True)
        return logits - best + scores.gather(1, label)

    def reduced(self) -> Rejector:
        """Itself: which neighbor is the k-th is decided by small differences."""
        return self

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return len(self.stored)

    def facts(self) -> dict[str, Any]:
        """What a model file says of it beside its tensors."""
        return {"kind": self.kind, "k": self.k, "detects": self.detects}

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file; UserError when the parts do not fit together."""
        stored, k, detects = tensors["stored"], facts["k"], facts.get("detects", False)
        whole(1)(k, "k")
        flag(detects, "detects")
        if stored.ndim != 3 or len(stored) != classes or not 1 <= k <= stored.shape[1]:
            raise UserError("the rejector's parts do not fit together")
        return cls(stored, k, detects)


@dataclass(frozen=True)
class NearestNeighborSettings(CalibrationSettings):
    """How the rejector is made; written into the model's metadata.

    Attributes:
        k: which neighbor's distance counts
        detects: whether the network's class stands, and the distance only rejects
    """

    k: int = 10
    detects: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1:
            raise UserError("k must be positive")

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """A rejector with as many frames of each class as the rarest one has, and no facts."""
        count = int(np.bincount(train.label, minlength=len(classifier.classes)).min())
        if count < self.k:
            raise UserError(f"k is {self.k}, and there are only {count} frames of a class")
        unit = F.normalize(torch.from_numpy(classifier.features(train.iq)), dim=1)
        stored = [unit[train.label == label][:count] for label in range(len(classifier.classes))]
        rejector = NearestNeighborRejector(torch.stack(stored), self.k, self.detects)
        return rejector.halved(), {}


NearestNeighborRejector.Settings = NearestNeighborSettings
