"""From a trained network to a classifier that rejects."""

from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from ..classifier import Classifier
from ..errors import UserError
from ..evaluation.metrics import Outcome
from . import threshold
from .autoencoder import fit_autoencoder
from .svm import GAMMA, NeuralRejection, feature_scale, fit_svm


@dataclass(frozen=True)
class CalibrationSettings:
    """What every rejector needs.

    Attributes:
        frames_per_class: most training frames a class
        snr_db: SNR labels of its training frames (empty: all)
        calibration_snr_db: SNR labels of the frames that set the threshold (empty: all)
        target_rejection: share of benign calibration frames to reject
        seed: of the choice of frames, and of the autoencoder's training
    """

    frames_per_class: int = 250
    snr_db: list = field(default_factory=list)
    calibration_snr_db: list = field(default_factory=list)
    target_rejection: float = threshold.TARGET
    seed: int = 0

    def __post_init__(self):
        if self.frames_per_class < 1:
            raise UserError("frames per class must be positive")


@dataclass(frozen=True)
class SVMSettings(CalibrationSettings):
    """How the SVM is made; written into the model's metadata.

    Attributes:
        gamma: kernel parameter γ of the SVM (the paper's 0.01)
        penalty: the SVM's C
        scale_features: store the feature scale of :func:`svm.feature_scale`
    """

    gamma: float = GAMMA
    penalty: float = 1.0
    scale_features: bool = True

    def __post_init__(self):
        super().__post_init__()
        if not (self.gamma > 0 and self.penalty > 0):
            raise UserError("gamma and penalty must be positive")

    def fit(self, classifier, train):
        """The SVM on the features of a FrameDataset, as it will be saved, and facts of it."""
        if len(classifier.classes) < 3:
            raise UserError("a one-vs-all SVM needs at least three classes")
        features = classifier.features(train.iq)
        scale = feature_scale(features, self.gamma, self.seed) if self.scale_features else 1
        estimator = fit_svm(features * scale, train.label, self.gamma, self.penalty)
        rejector = NeuralRejection.from_sklearn(estimator, scale).halved()
        return rejector, {"support_vectors": len(rejector.support_vectors)}


@dataclass(frozen=True)
class AutoencoderSettings(CalibrationSettings):
    """How the autoencoder is made; written into the model's metadata.

    Attributes:
        code: width of the bottleneck
        epochs: of its training
        batch_size: frames an update
        learning_rate: of Adam, falling to zero
    """

    frames_per_class: int = 4000
    code: int = 32
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 2e-3

    def __post_init__(self):
        super().__post_init__()
        if not min(self.code, self.epochs, self.batch_size, self.learning_rate) > 0:
            raise UserError("code, epochs, batch size and learning rate must be positive")

    def fit(self, classifier, train):
        """The autoencoder on the frames of a FrameDataset, as it will be saved, and facts of it."""
        iq = train.iq.astype(np.float32)
        rejector = fit_autoencoder(iq, train.label, len(train.classes), self).halved()
        return rejector, {"train_error": float(rejector.errors(iq).mean())}


def fit_rejector(classifier, train, calibration, settings=None):
    """A Classifier with the network of `classifier` and a new rejector.

    `train` and `calibration` are FrameDatasets; they must be disjoint, and neither the
    network nor the rejector may have seen `calibration`. The threshold is set on what will
    be saved, in half precision. Raises UserError when a class is missing or the calibration
    frames are too few for the wanted rejection.
    """
    settings = settings or SVMSettings()
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
    rejector, facts = settings.fit(classifier, train)
    rejector = rejector.to(classifier.device)
    fitted = Classifier(
        classifier.network, classifier.classes, rejector=rejector, metadata=classifier.metadata
    )
    decided = fitted.decide(calibration.iq)
    fitted.metadata["rejector"] = (
        asdict(settings)
        | rejector.facts()
        | facts
        | {
            "train_frames": len(train),
            "calibration_frames": len(calibration),
            "calibration_snr_db": [float(level) for level in np.unique(calibration.snr_db)],
            "score_quantiles": threshold.quantiles(decided.score),
        }
    )
    fitted.set_target_rejection(settings.target_rejection)
    decided = fitted.label_of(torch.from_numpy(decided.score)).numpy()
    known = classifier.metadata
    fitted.metadata["defense"] = known.get("defense", {}) | {"run_time": rejector.kind}
    fitted.metadata["defense"].pop("system", None)  # that of the network alone
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
