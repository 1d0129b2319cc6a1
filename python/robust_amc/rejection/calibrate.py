"""From a trained network to a classifier that rejects."""

from dataclasses import asdict

import numpy as np
import torch

from ..classifier import Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation.metrics import Outcome
from . import threshold
from .base import CalibrationSettings
from .svm import SVMSettings


def fit_rejector(
    classifier: Classifier,
    train: FrameDataset,
    calibration: FrameDataset,
    settings: CalibrationSettings | None = None,
) -> Classifier:
    """A Classifier with the network of `classifier` and a new rejector.

    `settings` are of any kind of rejector, a subclass of CalibrationSettings (None: SVMSettings).
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
            "score_quantiles": threshold.quantiles(decided.score[decided.valid]),
        }
    )
    fitted.set_target_rejection(settings.target_rejection)
    label = fitted.label_of(torch.from_numpy(decided.score)).numpy()
    known = classifier.metadata
    fitted.metadata["defense"] = known.get("defense", {}) | {"run_time": rejector.kind}
    fitted.metadata["defense"].pop("system", None)  # that of the network alone
    fitted.metadata["metrics"] = known.get("metrics", {}) | {
        "calibration": Outcome(calibration.label, label).summary()
    }
    return fitted


def _at_most(dataset: FrameDataset, per_class: int, seed: int) -> FrameDataset:
    """At most `per_class` frames of each class; UserError when a class has none."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label, name in enumerate(dataset.classes):
        members = np.flatnonzero(dataset.label == label)
        if not len(members):
            raise UserError(f"no frame of class {name} to fit the rejector on")
        chosen.append(rng.permutation(members)[:per_class])
    return dataset.subset(np.sort(np.concatenate(chosen)))
