"""The metrics, each under its one meaning, with intervals by bootstrap over runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..arrays import Bools, Floats, Integers
from ..files import Document

METRICS = (
    "accuracy",
    "accepted_accuracy",
    "rejection_rate",
    "robust_accuracy",
    "attacked_accuracy",
)
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Outcome:
    """What became of each frame: the numerators and denominators of every metric.

    Attributes:
        label: true classes, integers ``[n]``
        decided: decisions, integers ``[n]``, -1 for a rejected frame
        attacked: whether the frames were perturbed on purpose
        recognized: bool ``[n]``, correct and accepted under the attack that also wins by
            being rejected; None where there is no such attack (benign frames, noise)
        score: float ``[n, classes]``, for risk and coverage; None where it is not kept
    """

    label: Integers
    decided: Integers
    attacked: bool = False
    recognized: Bools | None = None
    score: Floats | None = None

    @property
    def correct(self) -> Bools:
        """Which frames are correct and accepted, bool ``[n]``."""
        return np.asarray(self.decided) == self.label

    @property
    def rejected(self) -> Bools:
        """Which frames are rejected, bool ``[n]``."""
        return np.asarray(self.decided) < 0

    def subset(self, rows: Integers) -> Self:
        """The Outcome of the frames `rows`, an index of ``[n]``."""
        columns: dict[str, Any] = {
            name: np.asarray(getattr(self, name))[rows]
            for name in ("label", "decided", "recognized", "score")
            if getattr(self, name) is not None
        }
        return replace(self, **columns)

    def ratio(self, metric: str) -> tuple[Floats, Floats]:
        """Numerator and denominator of a metric, each float ``[n]``."""
        correct, rejected = self.correct, self.rejected
        everything = np.ones(len(correct))
        if metric == "accepted_accuracy":
            return correct.astype(float), (~rejected).astype(float)
        if metric == "rejection_rate":
            return rejected.astype(float), everything
        if metric == "robust_accuracy" and self.attacked:
            # The paper's, Section III-A3: under attack a rejection is a success of the defense.
            return (correct | rejected).astype(float), everything
        if metric == "attacked_accuracy" and self.recognized is not None:
            return self.recognized.astype(float), everything
        return correct.astype(float), everything

    def summary(self) -> dict[str, float]:
        """Every metric, by name; NaN where nothing was accepted."""
        return {metric: float(_divide(*map(np.sum, self.ratio(metric)))) for metric in METRICS}


def with_intervals(result: Outcome, run_id: Integers, seed: int = 0) -> Document:
    """Every metric of an Outcome with ``<metric>_interval``, its 95 % bootstrap interval.

    Runs are resampled, not frames: the frames of one run share a channel and a source.
    """
    parts = [part for metric in METRICS for part in result.ratio(metric)]
    sums = _resampled_sums(parts, run_id, seed)
    row: Document = {}
    for i, (metric, value) in enumerate(result.summary().items()):
        row[metric] = value
        row[f"{metric}_interval"] = _interval(_divide(sums[:, 2 * i], sums[:, 2 * i + 1]))
    return row


def by_class(
    result: Outcome, run_id: Integers, classes: Sequence[str], seed: int = 0
) -> dict[str, Document]:
    """:func:`with_intervals` for the frames of each true class, with their number as `frames`.

    A dictionary by the names in `classes`; classes without frames are left out.
    """
    found = {}
    for number, name in enumerate(classes):
        rows = np.flatnonzero(np.asarray(result.label) == number)
        if len(rows):
            own = with_intervals(result.subset(rows), np.asarray(run_id)[rows], seed)
            found[name] = {"frames": len(rows)} | own
    return found


def difference(
    first: Outcome, second: Outcome, run_id: Integers, metric: str, seed: int = 0
) -> Document:
    """`first` minus `second` in a metric, paired on the same frames: value and 95 % interval."""
    sums = _resampled_sums([*first.ratio(metric), *second.ratio(metric)], run_id, seed)
    samples = _divide(sums[:, 0], sums[:, 1]) - _divide(sums[:, 2], sums[:, 3])
    value = first.summary()[metric] - second.summary()[metric]
    return {"metric": metric, "difference": value, "interval": _interval(samples)}


def mean_with_interval(
    values: Floats, run_id: Integers, seed: int = 0
) -> tuple[float, list[float]]:
    """Mean of values ``[n]``, and its 95 % interval by bootstrap over runs."""
    sums = _resampled_sums([np.asarray(values, float), np.ones(len(values))], run_id, seed)
    return float(np.mean(values)), _interval(_divide(sums[:, 0], sums[:, 1]))


def share_of_difference(
    first: Bools, second: Bools, whole: Bools, run_id: Integers, seed: int = 0
) -> tuple[float, list[float]]:
    """Of the difference in means between `first` and `whole`, the share that `second` has.

    (first - second) / (first - whole), paired on the same frames ``[n]``, with its 95 % interval.
    """
    parts = [np.asarray(part, float) for part in (first, second, whole)]
    sums = _resampled_sums(parts, run_id, seed)
    value = _divide(parts[0].sum() - parts[1].sum(), parts[0].sum() - parts[2].sum())
    return float(value), _interval(_divide(sums[:, 0] - sums[:, 1], sums[:, 0] - sums[:, 2]))


def confusion(label: npt.ArrayLike, decided: npt.ArrayLike, classes: int) -> Integers:
    """Counts ``[classes, classes + 1]``: row true class, column decided, the last rejected."""
    decided = np.asarray(decided)
    table = np.zeros((classes, classes + 1), np.int64)
    np.add.at(table, (np.asarray(label), np.where(decided < 0, classes, decided)), 1)
    return table


def risk_coverage(label: Integers, score: Floats, points: int = 50) -> tuple[Floats, Floats]:
    """Accuracy among the accepted, for thresholds that accept ever more frames.

    `score` is ``[n, classes]``. Returns (coverage, accepted accuracy), each ``[points]``.
    """
    best = score.max(1)
    correct = (score.argmax(1) == label)[np.argsort(-best, kind="stable")]
    count = np.unique(np.linspace(1, len(correct), points).round().astype(int))
    return count / len(correct), np.cumsum(correct)[count - 1] / count


def _resampled_sums(parts: Sequence[Floats], run_id: Integers, seed: int) -> Floats:
    """Sums of the columns `parts` over resampled runs, ``[resamples, parts]``."""
    run = np.unique(run_id, return_inverse=True)[1]
    table = np.stack([np.bincount(run, part) for part in parts], axis=1)
    rng = np.random.default_rng(seed)
    sums = np.empty((RESAMPLES, len(parts)))
    for resample in range(RESAMPLES):  # one at a time: there may be 100,000 runs
        drawn = rng.integers(len(table), size=len(table))
        sums[resample] = np.bincount(drawn, minlength=len(table)) @ table
    return sums


def _divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(numerator, denominator)


def _interval(samples: Floats) -> list[float]:
    samples = samples[np.isfinite(samples)]
    if not len(samples):
        return [float("nan"), float("nan")]
    return [float(bound) for bound in np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]
