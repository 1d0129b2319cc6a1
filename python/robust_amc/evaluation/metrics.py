"""The metrics, each under its one meaning, with intervals by bootstrap over runs."""

from dataclasses import dataclass

import numpy as np

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
        correct: bool ``[n]``, the true class was decided and accepted
        rejected: bool ``[n]``
        attacked: whether the frames were perturbed on purpose
        recognized: bool ``[n]``, correct and accepted under the attack that also wins by
            being rejected; None where there is no such attack (benign frames, noise)
    """

    correct: np.ndarray
    rejected: np.ndarray
    attacked: bool = False
    recognized: np.ndarray | None = None

    def ratio(self, metric):
        """Numerator and denominator of a metric, each ``[n]``."""
        everything = np.ones(len(self.correct))
        if metric == "accepted_accuracy":
            return self.correct.astype(float), (~self.rejected).astype(float)
        if metric == "rejection_rate":
            return self.rejected.astype(float), everything
        if metric == "robust_accuracy" and self.attacked:
            # The paper's, Section III-A3: under attack a rejection is a success of the defense.
            return (self.correct | self.rejected).astype(float), everything
        if metric == "attacked_accuracy" and self.recognized is not None:
            return self.recognized.astype(float), everything
        return self.correct.astype(float), everything

    def summary(self):
        """Every metric, by name; NaN where nothing was accepted."""
        return {metric: _divide(*map(np.sum, self.ratio(metric))) for metric in METRICS}


def outcome(label, decided, **more):
    """Outcome of decisions ``[n]`` (-1: rejected) on frames of the true classes `label` ``[n]``."""
    label, decided = np.asarray(label), np.asarray(decided)
    return Outcome(correct=decided == label, rejected=decided < 0, **more)


def with_intervals(result, run_id, seed=0):
    """Every metric of an Outcome with ``<metric>_interval``, its 95 % bootstrap interval.

    Runs are resampled, not frames: the frames of one run share a channel and a source.
    """
    row = {}
    weights = _weights(run_id, seed)
    for metric, value in result.summary().items():
        samples = _resampled(*result.ratio(metric), run_id, weights)
        row[metric] = value
        row[f"{metric}_interval"] = _interval(samples)
    return row


def difference(first, second, run_id, metric, seed=0):
    """`first` minus `second` in a metric, paired on the same frames: value and 95 % interval."""
    weights = _weights(run_id, seed)
    samples = [_resampled(*each.ratio(metric), run_id, weights) for each in (first, second)]
    value = first.summary()[metric] - second.summary()[metric]
    return {"metric": metric, "difference": value, "interval": _interval(samples[0] - samples[1])}


def confusion(label, decided, classes):
    """Counts ``[classes, classes + 1]``: row true class, column decided, the last rejected."""
    decided = np.asarray(decided)
    table = np.zeros((classes, classes + 1), np.int64)
    np.add.at(table, (np.asarray(label), np.where(decided < 0, classes, decided)), 1)
    return table


def risk_coverage(label, score, points=50):
    """Accuracy among the accepted, for thresholds that accept ever more frames.

    `score` is ``[n, classes]``. Returns (coverage, accepted accuracy), each ``[points]``.
    """
    best = score.max(1)
    correct = (score.argmax(1) == label)[np.argsort(-best, kind="stable")]
    count = np.unique(np.linspace(1, len(correct), points).round().astype(int))
    return count / len(correct), np.cumsum(correct)[count - 1] / count


def _weights(run_id, seed):
    """How often each run is drawn in each resample, ``[resamples, runs]``."""
    runs = len(np.unique(run_id))
    rng = np.random.default_rng(seed)
    return rng.multinomial(runs, np.full(runs, 1 / runs), RESAMPLES)


def _resampled(numerator, denominator, run_id, weights):
    run = np.unique(run_id, return_inverse=True)[1]
    sums = [weights @ np.bincount(run, part) for part in (numerator, denominator)]
    return _divide(*sums)


def _divide(numerator, denominator):
    with np.errstate(invalid="ignore"):
        return np.divide(numerator, denominator)


def _interval(samples):
    samples = samples[np.isfinite(samples)]
    if not len(samples):
        return [float("nan"), float("nan")]
    return [float(bound) for bound in np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]
