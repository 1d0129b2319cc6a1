"""Distance to the nearest class mean of the features, in units of their spread.

Lee, Lee, Lee, Shin, A Simple Unified Framework for Detecting Out-of-Distribution Samples and
Adversarial Attacks, NeurIPS 2018 (arXiv 1807.03888), Eq. 2, on the last feature layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from ..data import FrameDataset
from ..errors import UserError
from .base import CalibrationSettings, FeatureExtractor, Rejector


class MahalanobisRejector(Rejector):
    """Scores are S_c(ζ) = -(ζ - μ_c)ᵀ Σ⁻¹ (ζ - μ_c) / d of features ζ ``[d]``.

    One covariance Σ for all classes, so that the decision is that of a linear discriminant.
    Buffers: `whitening` W ``[d, d]`` with Σ⁻¹ = W Wᵀ, and `means` Wᵀμ_c ``[classes, d]``.
    """

    whitening: torch.Tensor
    means: torch.Tensor

    kind = "mahalanobis"

    def __init__(
        self, whitening: npt.ArrayLike | torch.Tensor, means: npt.ArrayLike | torch.Tensor
    ) -> None:
        super().__init__()
        for name, value in (("whitening", whitening), ("means", means)):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch, see the class."""
        with torch.autocast(features.device.type, enabled=False):  # d² needs the precision
            white = features.float() @ self.whitening
            products = white @ self.means.T
            squares = (white * white).sum(1, keepdim=True)
            own = (self.means * self.means).sum(1)
            return (2 * products - squares - own) / self.means.shape[1]

    def reduced(self) -> Rejector:
        """Itself: its products are few, and differences of large numbers."""
        return self

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return len(self.means)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Single precision: there is little of it, and its scale is the features'."""
        return {name: value.contiguous() for name, value in self.state_dict().items()}

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file; UserError when the parts do not fit together."""
        rejector = cls(tensors["whitening"], tensors["means"])
        size = len(rejector.whitening)
        if rejector.whitening.shape != (size, size) or rejector.means.shape != (classes, size):
            raise UserError("the rejector's parts do not fit together")
        return rejector


@dataclass(frozen=True)
class MahalanobisSettings(CalibrationSettings):
    """Nothing beyond what every rejector needs; the shrinkage is Ledoit's and Wolf's."""

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """The rejector of the features of a FrameDataset, and the shrinkage as a fact."""
        from sklearn.covariance import LedoitWolf  # to decide needs none of it

        features = classifier.features(train.iq).astype(np.float64)
        means = np.stack(
            [features[train.label == label].mean(0) for label in range(len(classifier.classes))]
        )
        covariance = LedoitWolf(assume_centered=True).fit(features - means[train.label])
        if not np.trace(covariance.covariance_) > 0:
            raise UserError("the network's features are all equal: there is nothing to reject by")
        whitening = np.linalg.cholesky(np.linalg.inv(covariance.covariance_))
        rejector = MahalanobisRejector(whitening, means @ whitening)
        return rejector, {"shrinkage": float(covariance.shrinkage_)}


MahalanobisRejector.Settings = MahalanobisSettings
