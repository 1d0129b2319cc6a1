"""Scores of neural rejection beside those of scikit-learn for the same SVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..arrays import Floats
from ..classifier import BATCH, Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..files import Document
from ..rejection.svm import NeuralRejection, ReducedRejection, feature_scale, fit_svm
from ..runtime.runtime import Runtime
from . import gemm
from .report import precisions, row, settings
from .sides import Rates, Side, Work, measure

if TYPE_CHECKING:
    from sklearn.multiclass import OneVsRestClassifier

START = "undefended"
COMPARED = (
    "the one-vs-all RBF SVM on the last feature layer ({vectors} support vectors, {all_classes} "
    "over all classes): our scores, {batch} frames at a time, in float32 and with the product of "
    "features and support vectors in bfloat16, as attacks search; with scikit-learn's "
    "decision_function of the same estimator, which uses one thread"
)
OURS, REFERENCE = "our scores", "scikit-learn's decision_function"


def bench(
    train: FrameDataset,
    scored: FrameDataset,
    *,
    seconds: float,
    rounds: int,
    log: Callable[[str], None],
) -> Document:
    """Frames a second that are scored; see :func:`sides.measure`.

    Args:
        train: FrameDataset that the SVM is fitted on
        scored: FrameDataset of other frames, whose features are scored

    Raises UserError when the data sets are not ones that the shipped network knows, or fewer
    than three classes are left to fit.
    """
    if len(np.unique(train.label)) < 3:
        raise UserError(
            f"an SVM cannot be fitted on the {len(train)} frames of the data set that are not "
            "scored: take fewer to score, or a larger data set"
        )
    log(f"fitting the SVM on {len(train)} frames")
    estimator, features = fitted(train, scored)
    vectors = len(NeuralRejection.from_sklearn(estimator).support_vectors)
    all_classes = sum(len(svc.support_) for svc in estimator.estimators_)
    rates = measure(sides(estimator, features), seconds=seconds, rounds=rounds, log=log)
    described = settings(
        "svm",
        COMPARED.format(vectors=vectors, all_classes=all_classes, batch=BATCH),
        network=START,
        train_frames=len(train),
        support_vectors=vectors,
        support_vectors_of_all_classes=all_classes,
        features=features.shape[1],
        frames=len(features),
        seconds=seconds,
        rounds=rounds,
    )
    return {"settings": described, "rows": rows(rates)}


def fitted(train: FrameDataset, scored: FrameDataset) -> tuple[OneVsRestClassifier, Floats]:
    """An estimator as fit-rejector makes it, and scaled float32 features ``[n, features]``."""
    model = Classifier.load(START, classes=train.classes, frame_length=train.frame_length)
    features = model.features(train.iq)
    scale = feature_scale(features)
    return fit_svm(features * scale, train.label), model.features(scored.iq) * np.float32(scale)


def sides(estimator: OneVsRestClassifier, features: Floats) -> list[Side]:
    """The Sides; units are frames."""
    given = {"estimator": estimator, "features": features}
    return [
        *(
            Side(_name(precision), "our scores", ours, given | {"precision": precision})
            for precision in precisions()
        ),
        Side(REFERENCE, "scikit-learn", baseline, given),
        *gemm.sides(),
    ]


def rows(rates: Rates) -> list[Document]:
    """Rows of the Rates of :func:`sides`."""
    found = []
    for precision in precisions():
        name, rate = f"SVM scores, {precision}", rates[_name(precision)]
        found += [
            row(name, rate.value, "frames/s", REFERENCE, rates[REFERENCE].value),
            gemm.share(name, rate, precision, rates),
        ]
    return found + gemm.rows(rates)


def _name(precision: str) -> str:
    return f"{OURS}, {precision}"


def ours(estimator: OneVsRestClassifier, features: Floats, precision: str) -> Work:
    """The scores of all `features`, in batches as decide() makes them, and how many they are."""
    Runtime("cpu", fast=False)
    rejector = NeuralRejection.from_sklearn(estimator)
    if precision == "bfloat16":
        rejector = ReducedRejection(rejector)
    parts = torch.as_tensor(features).split(BATCH)

    @torch.no_grad()
    def scores() -> torch.Tensor:
        return torch.cat([rejector.scores(batch) for batch in parts])

    return scores, len(features)


def baseline(estimator: OneVsRestClassifier, features: Floats) -> Work:
    """The same by scikit-learn, which computes in double precision, and how many they are."""
    features = features.astype(np.float64)
    return lambda: estimator.decision_function(features), len(features)
