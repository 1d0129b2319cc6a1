"""From a trained network to a classifier that rejects."""

from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from ..classifier import Classifier
from ..errors import UserError
from ..evaluation.metrics import Outcome
from . import threshold
from .svm import GAMMA, NeuralRejection, feature_scale, fit_svm


@dataclass(frozen=True)
class RejectorSettings:
    """How the rejector is made; written into the model's metadata.

    Attributes:
        gamma: kernel parameter γ of the SVM (the paper's 0.01)
        penalty: the SVM's C
        frames_per_class: most training frames a class
        snr_db: SNR labels of its training frames (empty: all)
        calibration_snr_db: SNR labels of the frames that set the threshold (empty: all)
        target_rejection: share of benign calibration frames to reject
        scale_features: store the feature scale of :func:`svm.feature_scale`
    """

    gamma: float = GAMMA
    penalty: float = 1.0
    frames_per_class: int = 1000
    snr_db: list = field(default_factory=list)
    calibration_snr_db: list = field(default_factory=list)
    target_rejection: float = threshold.TARGET
    scale_features: bool = True
    seed: int = 0

    def __post_init__(self):
        if not (self.gamma > 0 and self.penalty > 0 and self.frames_per_class > 0):
            raise UserError("gamma, penalty and frames per class must be positive")


def fit_rejector(classifier, train, calibration, settings=None):
    """A Classifier with the network of `classifier` and a new SVM rejector.

    `train` and `calibration` are FrameDatasets; they must be disjoint, and neither the
    network nor the SVM may have seen `calibration`. The threshold is set on what will
    be saved, the half-precision support vectors. Raises UserError when a class is
    missing or the calibration frames are too few for the wanted rejection.
    """
    settings = settings or RejectorSettings()
    if len(classifier.classes) < 3:
        raise UserError("a one-vs-all SVM needs at least three classes")
    train = train.require_classes(classifier.classes).select(snr_db=settings.snr_db or None)
    calibration = calibration.require_classes(classifier.classes).select(
        snr_db=settings.calibration_snr_db or None
    )
    tail = min(settings.target_rejection, 1 - settings.target_rejection)
    if not 0 < settings.target_rejection < 1 or len(calibration) * tail < 10:
        raise UserError(
            f"{len(calibration)} calibration frames are too few to set a rejection of "
            f"{settings.target_rejection:g}: at least 10 must lie on either side"
        )
    train = _at_most(train, settings.frames_per_class, settings.seed).in_memory()
    calibration = calibration.in_memory()
    features = classifier.features(train.iq)
    scale = feature_scale(features, settings.gamma, settings.seed) if settings.scale_features else 1
    estimator = fit_svm(features * scale, train.label, settings.gamma, settings.penalty)
    rejector = NeuralRejection.from_sklearn(estimator, scale).halved()
    fitted = Classifier(
        classifier.network, classifier.classes, rejector=rejector, metadata=classifier.metadata
    )
    decided = fitted.decide(calibration.iq)
    details = asdict(settings) | {
        "kind": "svm",
        "feature_scale": rejector.feature_scale,
        "support_vectors": len(rejector.support_vectors),
        "train_frames": len(train),
        "calibration_frames": len(calibration),
        "calibration_snr_db": [float(level) for level in np.unique(calibration.snr_db)],
        "score_quantiles": threshold.quantiles(decided.score),
    }
    fitted.metadata["rejector"] = details
    fitted.set_target_rejection(settings.target_rejection)
    decided = fitted.label_of(torch.from_numpy(decided.score)).numpy()
    known = classifier.metadata
    fitted.metadata["defense"] = known.get("defense", {}) | {"run_time": "svm"}
    fitted.metadata["metrics"] = known.get("metrics", {}) | {
        "calibration": Outcome(calibration.label, decided).summary()
    }
    return fitted


def _at_most(dataset, per_class, seed):
    """At most `per_class` frames of each class; UserError when a class has none."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label, name in enumerate(dataset.classes):
        members = np.flatnonzero(dataset.label == label)
        if not len(members):
            raise UserError(f"no frame of class {name} to fit the rejector on")
        chosen.append(rng.permutation(members)[:per_class])
    return dataset.subset(np.sort(np.concatenate(chosen)))
