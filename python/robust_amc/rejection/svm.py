"""Neural rejection: a one-vs-all RBF SVM on the last feature layer.

Melis et al. 2017, as used by Zhang et al., IEEE WCL 2022 (arXiv 2407.06807), Eq. 3-4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..arrays import Floats, Integers
from ..data import FrameDataset
from ..errors import UserError
from ..fields import real, table
from ..outputs import Outputs
from .base import CalibrationSettings, FeatureExtractor, Rejector

if TYPE_CHECKING:
    from sklearn.multiclass import OneVsRestClassifier

GAMMA = 0.01  # the paper's
MEDIAN_EXPONENT = 1.5  # γ·median d² that the stored feature scale aims at
SURROGATE_WIDTH = 0.2  # γ of the smoothed kernel, relative to the rejector's
_FACTS = table({"gamma": real(above=0, high=1e6), "feature_scale": real(above=0, high=1e9)})
LANES = 16  # a product with a multiple of so many columns is three times faster than with 11


class NeuralRejection(Rejector):
    """Decision values of a one-vs-all RBF SVM, differentiable.

    S_c(ζ) = Σ_i dual_coef[i, c]·exp(-γ‖a·ζ - ζ_i‖²) + intercept[c], Eq. 3, where a is
    the feature scale. Buffers: `support_vectors` ``[n_sv, features]`` (scaled features),
    `dual_coef` ``[n_sv, classes]``, `intercept` ``[classes]``.
    """

    support_vectors: torch.Tensor
    dual_coef: torch.Tensor
    intercept: torch.Tensor
    energy: torch.Tensor
    padded_dual_coef: torch.Tensor
    padded_intercept: torch.Tensor

    kind = "svm"

    def __init__(
        self,
        support_vectors: npt.ArrayLike | torch.Tensor,
        dual_coef: npt.ArrayLike | torch.Tensor,
        intercept: npt.ArrayLike | torch.Tensor,
        gamma: float = GAMMA,
        feature_scale: float = 1.0,
    ) -> None:
        super().__init__()
        for name, value in (
            ("support_vectors", support_vectors),
            ("dual_coef", dual_coef),
            ("intercept", intercept),
        ):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))
        energy = (self.support_vectors * self.support_vectors).sum(1)
        self.register_buffer("energy", energy, persistent=False)  # ‖ζ_i‖²
        missing = -self.dual_coef.shape[1] % LANES
        for name in ("dual_coef", "intercept"):
            padded = nn.functional.pad(getattr(self, name), (0, missing))
            self.register_buffer(f"padded_{name}", padded, persistent=False)
        self.gamma = gamma
        self.feature_scale = feature_scale
        self._centers: torch.Tensor | None = None

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch: the decision values of its features."""
        return self.scores(features)

    def scores(self, features: torch.Tensor, widen: float = 1.0) -> torch.Tensor:
        """Decision values of features ``[n, features]``, ``[n, classes]``.

        `widen` < 1 makes γ smaller: a surrogate with gradients far from the support
        vectors, for attacks only.
        """
        rate = self.gamma * widen / math.log(2)  # for exp2, three times as fast as exp
        with torch.autocast(features.device.type, enabled=False):  # d² needs the precision
            scaled = features.float() * self.feature_scale
            # -rate·d² in place: with thousands of support vectors memory is the slow part
            exponent = self._products(scaled, rate)
            exponent.sub_(rate * (scaled * scaled).sum(1, keepdim=True))
            kernel = exponent.exp2_()
            found = torch.addmm(self.padded_intercept, kernel, self.padded_dual_coef)
            return found[:, : len(self.intercept)]

    def _products(self, scaled: torch.Tensor, rate: float) -> torch.Tensor:
        """rate·(2·aζᵀζ_i - ‖ζ_i‖²) of scaled features, ``[n, n_sv]``, in float32."""
        return torch.addmm(-rate * self.energy, 2 * rate * scaled, self.support_vectors.T)

    def surrogates(self) -> tuple[Callable[[Outputs], torch.Tensor], ...]:
        """A wider kernel, and distances without a kernel: no flat region in either."""
        return (self.smoothed, self.nearness)

    def smoothed(self, outputs: Outputs) -> torch.Tensor:
        """Scores under a wider kernel, whose gradient does not vanish far from the vectors."""
        return self.scores(outputs.features, SURROGATE_WIDTH)

    def nearness(self, outputs: Outputs) -> torch.Tensor:
        """Minus the distance to each class's mean positive support vector."""
        if self._centers is None:
            weight = self.dual_coef.clamp(min=0)
            sums = weight.T @ self.support_vectors
            self._centers = sums / weight.sum(0)[:, None].clamp(min=1e-9)
        return -torch.cdist(outputs.features.float() * self.feature_scale, self._centers)

    def reduced(self) -> Rejector:
        """With the product of features and support vectors in bfloat16."""
        return ReducedRejection(self)

    def exportable(self) -> nn.Module:
        """With the constants folded into two products and one exponential."""
        return FoldedRejection(self)

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return len(self.intercept)

    @classmethod
    def from_sklearn(cls, estimator: OneVsRestClassifier, feature_scale: float = 1.0) -> Self:
        """The same function as `estimator`, a fitted OneVsRestClassifier of RBF SVCs."""
        union = np.unique(np.concatenate([svc.support_ for svc in estimator.estimators_]))
        first = estimator.estimators_[0]
        vectors = np.empty((len(union), first.n_features_in_))
        dual = np.zeros((len(union), len(estimator.estimators_)))
        for column, svc in enumerate(estimator.estimators_):
            rows = np.searchsorted(union, svc.support_)
            vectors[rows] = svc.support_vectors_
            dual[rows, column] = svc.dual_coef_[0]
        intercept = [svc.intercept_[0] for svc in estimator.estimators_]
        return cls(vectors, dual, intercept, first.gamma, feature_scale)

    def facts(self) -> dict[str, Any]:
        """What a model file says of the SVM beside its tensors."""
        return {"kind": self.kind, "gamma": self.gamma, "feature_scale": self.feature_scale}

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a model file holds; the intercept is too small to save anything by halving."""
        return {
            "support_vectors": self.support_vectors.half(),
            "dual_coef": self.dual_coef.half(),
            "intercept": self.intercept,
        }

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file; UserError when the parts do not fit together."""
        _FACTS(facts, "the rejector")
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        count, *width = shapes.get("support_vectors", (0,)) or (0,)
        wanted = {"dual_coef": (count, classes), "intercept": (classes,)}
        if not count or len(width) != 1 or shapes != {"support_vectors": (count, *width)} | wanted:
            raise UserError("the rejector's parts do not fit together")
        return cls(**tensors, gamma=facts["gamma"], feature_scale=facts["feature_scale"])


def feature_scale(features: Floats, gamma: float = GAMMA, seed: int = 0) -> float:
    """Scale a with γ·median(‖a·ζ - a·ζ'‖²) = 1.5 over pairs of `features` ``[n, features]``.

    Feature sizes differ between trainings; without a scale γ would compare kernel
    widths instead of defenses. Raises UserError when all features are equal.
    """
    rng = np.random.default_rng(seed)
    left, right = rng.integers(len(features), size=(2, 4096))
    distance = ((features[left] - features[right]) ** 2).sum(1)
    median = np.median(distance[left != right])
    if not median > 0:
        raise UserError("the network's features are all equal: it has learned nothing to reject by")
    return float(np.sqrt(MEDIAN_EXPONENT / (gamma * median)))


def fit_svm(
    features: Floats, label: Integers, gamma: float = GAMMA, C: float = 1.0
) -> OneVsRestClassifier:
    """Fit the one-vs-all SVM (scikit-learn) on features ``[n, features]``, labels ``[n]``."""
    from sklearn.multiclass import OneVsRestClassifier  # to decide needs none of it
    from sklearn.svm import SVC

    svc = SVC(kernel="rbf", gamma=gamma, C=C, cache_size=1000)
    return OneVsRestClassifier(svc).fit(features, label)


class ReducedRejection(NeuralRejection):
    """The decision values with the product of features and support vectors in bfloat16."""

    columns: torch.Tensor

    def __init__(self, rejector: NeuralRejection) -> None:
        super().__init__(
            rejector.support_vectors,
            rejector.dual_coef,
            rejector.intercept,
            rejector.gamma,
            rejector.feature_scale,
        )
        self.register_buffer("columns", self.support_vectors.T.bfloat16())

    def _products(self, scaled: torch.Tensor, rate: float) -> torch.Tensor:
        products = (2 * rate * scaled).bfloat16() @ self.columns
        return products.float().sub_(rate * self.energy)


class FoldedRejection(nn.Module):
    """Neural rejection with its constants folded into two products and one exponential.

    -γ‖aζ - ζ_i‖² = ζ·(2γa ζ_i) - γ‖ζ_i‖² - γa²‖ζ‖², at most 0.
    """

    columns: torch.Tensor
    own: torch.Tensor
    dual_coef: torch.Tensor
    intercept: torch.Tensor

    def __init__(self, rejector: NeuralRejection) -> None:
        super().__init__()
        gamma, scale, vectors = rejector.gamma, rejector.feature_scale, rejector.support_vectors
        self.register_buffer("columns", (2 * gamma * scale * vectors.T).contiguous())
        self.register_buffer("own", -gamma * (vectors * vectors).sum(1))
        self.register_buffer("dual_coef", rejector.dual_coef)
        self.register_buffer("intercept", rejector.intercept)
        self.rate = gamma * scale**2

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """The decision values of the features, as NeuralRejection's."""
        energy = (features * features).sum(1, keepdim=True)
        exponent = torch.addmm(self.own, features, self.columns) - self.rate * energy
        return torch.addmm(self.intercept, exponent.clamp(max=0).exp(), self.dual_coef)


@dataclass(frozen=True)
class SVMSettings(CalibrationSettings):
    """How the SVM is made; written into the model's metadata.

    Attributes:
        gamma: kernel parameter γ of the SVM (the paper's 0.01)
        C: the SVM's penalty of errors, as scikit-learn has it
        scale_features: store the feature scale of :func:`feature_scale`
    """

    gamma: float = GAMMA
    C: float = 1.0
    scale_features: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.gamma > 0 and self.C > 0):
            raise UserError("gamma and C must be positive")

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """The SVM on the features of a FrameDataset, as it will be saved, and facts about it."""
        if len(classifier.classes) < 3:
            raise UserError("a one-vs-all SVM needs at least three classes")
        features = classifier.features(train.iq)
        scale = feature_scale(features, self.gamma, self.seed) if self.scale_features else 1
        estimator = fit_svm(features * scale, train.label, self.gamma, self.C)
        rejector = NeuralRejection.from_sklearn(estimator, scale).halved()
        return rejector, {"support_vectors": len(rejector.support_vectors)}


NeuralRejection.Settings = SVMSettings
