"""Neural rejection: a one-vs-all RBF SVM on the last feature layer.

Melis et al. 2017, as used by Zhang et al., IEEE WCL 2022 (arXiv 2407.06807), Eq. 3-4.
"""

import math

import numpy as np
import torch
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC
from torch import nn

from ..errors import UserError

GAMMA = 0.01  # the paper's
MEDIAN_EXPONENT = 1.5  # γ·median d² that the stored feature scale aims at
LANES = 16  # a product with a multiple of so many columns is three times faster than with 11


class NeuralRejection(nn.Module):
    """Decision values of a one-vs-all RBF SVM, differentiable.

    S_c(ζ) = Σ_i dual_coef[i, c]·exp(-γ‖a·ζ - ζ_i‖²) + intercept[c], Eq. 3, where a is
    the feature scale. Buffers: `support_vectors` ``[n_sv, features]`` (scaled features),
    `dual_coef` ``[n_sv, classes]``, `intercept` ``[classes]``.
    """

    def __init__(self, support_vectors, dual_coef, intercept, gamma=GAMMA, feature_scale=1.0):
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

    kind = "svm"

    def forward(self, iq, features, logits):
        """Scores of a batch: the decision values of its features."""
        return self.scores(features)

    def scores(self, features, widen=1.0):
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

    def _products(self, scaled, rate):
        """rate·(2·aζᵀζ_i - ‖ζ_i‖²) of scaled features, ``[n, n_sv]``, in float32."""
        return torch.addmm(-rate * self.energy, 2 * rate * scaled, self.support_vectors.T)

    @classmethod
    def from_sklearn(cls, estimator, feature_scale=1.0):
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

    def halved(self):
        """A copy whose support vectors and coefficients went through half precision."""
        return NeuralRejection(
            self.support_vectors.half(),
            self.dual_coef.half(),
            self.intercept,
            self.gamma,
            self.feature_scale,
        )

    def facts(self):
        """What a model file says of the SVM beside its tensors."""
        return {"kind": self.kind, "gamma": self.gamma, "feature_scale": self.feature_scale}

    def tensors(self):
        """What a model file holds; the intercept is too small to save anything by halving."""
        return {
            "support_vectors": self.support_vectors.half(),
            "dual_coef": self.dual_coef.half(),
            "intercept": self.intercept,
        }

    @classmethod
    def load(cls, tensors, facts, classes):
        """From a model file; UserError when the parts do not fit together."""
        rejector = cls(**tensors, gamma=facts["gamma"], feature_scale=facts["feature_scale"])
        width = (len(rejector.support_vectors), classes)
        if tuple(rejector.dual_coef.shape) != width or len(rejector.intercept) != classes:
            raise UserError("the rejector's parts do not fit together")
        return rejector


def feature_scale(features, gamma=GAMMA, seed=0):
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


def fit_svm(features, label, gamma=GAMMA, penalty=1.0):
    """Fit the one-vs-all SVM (scikit-learn) on features ``[n, features]``, labels ``[n]``."""
    svc = SVC(kernel="rbf", gamma=gamma, C=penalty, cache_size=1000)
    return OneVsRestClassifier(svc).fit(features, label)
