"""Split-conformal calibration: false rejections at a guaranteed level, and sets of classes.

Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005; the sets are those of
Sadinle, Lei, Wasserman, JASA 2019 (arXiv 1609.00451), on the network's posteriors. The frames of a
run share a channel and are not exchangeable, but runs are: one frame of each is drawn (Dunn,
Wasserman, Ramdas, JASA 2023, arXiv 1809.07441).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Bools, Floats, Integers, listed
from ..decisions import Decisions
from ..errors import UserError
from ..files import Document
from . import drift, threshold

if TYPE_CHECKING:
    from ..classifier import Classifier
    from ..data import FrameDataset

KEY = "conformal"  # of a calibration in a model's document
CONFIDENCE = 0.95  # of the intervals
_Interval = tuple[float, float]


@dataclass(frozen=True)
class ConformalSettings:
    """What is promised, and on which frames.

    Attributes:
        target_rejection: most benign frames that may be rejected
        coverage: fewest frames whose class is in their set
        snr_db: SNR labels that it is promised for (empty: all)
        per_label: at each of them by itself, not on average over all of them
        drift: of the alarm
        seed: of the frame that is drawn of each run
    """

    target_rejection: float = threshold.TARGET
    coverage: float = 0.9
    snr_db: list[float] = field(default_factory=list)
    per_label: bool = False
    drift: drift.DriftSettings = field(default_factory=drift.DriftSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.target_rejection < 1 and 0 < self.coverage < 1):
            raise UserError("target rejection and coverage must lie between 0 and 1")


def calibrate(
    classifier: Classifier, dataset: FrameDataset, settings: ConformalSettings
) -> Classifier:
    """A Classifier with the network and rejector of `classifier`, calibrated on whole runs.

    Of n runs with a frame each, the k-th smallest score is the threshold, k = ⌊(n + 1)·target⌋: a
    frame of a new run is rejected with probability k/(n + 1) at most. Likewise for sets, with the
    log posterior of the true class. With `per_label` each label has values of its own; the
    threshold in force is the lowest, so that the promise holds at each of them.

    Neither the network nor its rejector may have seen `dataset`. Raises UserError when classes
    are missing, or its runs are too few for what is to be promised.
    """
    from ..classifier import Classifier

    dataset = dataset.require_classes(classifier.classes).select(snr_db=settings.snr_db or None)
    dataset = dataset.subset(one_of_each_run(dataset.run_id, settings.seed)).in_memory()
    decided = classifier.decide(dataset.iq, posteriors=True)
    dataset, decided = dataset.subset(decided.valid), decided[decided.valid]
    best = decided.score.max(1).astype(float)
    posterior = _of_class(decided, dataset.label)
    bins: list[Document] = []
    for level, rows in _bins(dataset.snr_db, settings.per_label):
        runs = int(np.count_nonzero(rows))
        k = _rank(runs, settings.target_rejection, level)
        j = _rank(runs, 1 - settings.coverage, level)
        bins.append({
            "snr_db": level, "runs": runs,
            "rejected": k, "threshold": float(np.sort(best[rows])[k - 1]),
            "excluded": j, "lowest": float(np.sort(posterior[rows])[j - 1]),
        })  # fmt: skip
    made = Classifier(
        classifier.network, classifier.classes, classifier.rejector, classifier.threshold,
        classifier.metadata, classifier.name,
    )  # fmt: skip
    named = {
        name: listed(np.sort(best[decided.score.argmax(1) == number]))
        for number, name in enumerate(classifier.classes)
    }
    made.metadata[KEY] = asdict(settings) | {"bins": bins, "scores": named}
    if made.rejector is not None:
        made.threshold = float(min(value["threshold"] for value in bins))
        made.metadata["rejector"] = made.metadata["rejector"] | {
            "target_rejection": settings.target_rejection,
            "calibration_frames": len(dataset),
            "calibration_snr_db": [float(level) for level in np.unique(dataset.snr_db)],
            "score_quantiles": threshold.quantiles(decided.score),
        }
    return made


def one_of_each_run(run_id: Integers, seed: int) -> Integers:
    """The place of one frame of each run, drawn with `seed`, in file order."""
    order = np.random.default_rng(seed).permutation(len(run_id))
    first = np.unique(np.asarray(run_id)[order], return_index=True)[1]
    return np.sort(order[first])


def interval(rank: int, runs: int) -> _Interval:
    """The 95 % interval of the true level, of which `rank`/(`runs` + 1) is the mean.

    Over all calibrations on so many runs it has the distribution Beta(rank, runs + 1 - rank), and
    that is exact for scores without ties (Vovk, ACML 2012, Proposition 2).
    """
    from scipy import stats  # it takes long, and those who decide need none of it

    low, high = stats.beta.ppf(_tails(), rank, runs + 1 - rank)
    return float(low), float(high)


def held_out(rank: int, runs: int, count: int) -> _Interval:
    """The share of `count` new runs that is below the `rank`-th of `runs`: 95 % interval.

    Beta-binomial: both the calibration and the new runs are chance.
    """
    from scipy import stats

    low, high = stats.betabinom.ppf(_tails(), count, rank, runs + 1 - rank)
    return float(low / count), float(high / count)


def calibration_of(document: Mapping[str, Any]) -> Document | None:
    """The calibration in a model's document; None: it was never calibrated."""
    return document.get(KEY)


def prediction_sets(
    calibration: Document, log_posterior: Floats, snr_db: Floats | None = None
) -> Bools:
    """Which classes each frame may be of, bool ``[n, classes]``.

    Args:
        calibration: see :func:`calibration_of`
        log_posterior: of the network, ``[n, classes]``
        snr_db: SNR labels, ``[n]``, NaN where unknown (None: everywhere). The nearest label's
            value counts, and where it is unknown the lowest of all: the largest sets
    """
    lowest = np.array([each["lowest"] for each in calibration["bins"]])
    levels = np.array([each["snr_db"] for each in calibration["bins"]], float)
    cut = np.full(len(log_posterior), lowest.min())
    if snr_db is not None and not np.isnan(levels).any():
        known = np.flatnonzero(~np.isnan(snr_db))
        cut[known] = lowest[np.abs(snr_db[known, None] - levels).argmin(1)]
    found: Bools = log_posterior >= cut[:, None]
    return found


def known_sets(
    document: Mapping[str, Any],
    decisions: Decisions,
    classes: Sequence[str],
    snr_db: Floats | None = None,
) -> dict[str, list[tuple[str, ...] | None]]:
    """The column `prediction_set` of a DecisionBatch; nothing where the model has no sets.

    `document` is the model's; frames that are not valid have no set.
    """
    calibration = calibration_of(document)
    if calibration is None or decisions.log_posterior is None:
        return {}
    names = np.asarray(classes, object)
    found = prediction_sets(calibration, decisions.log_posterior, snr_db)
    sets = [
        tuple(names[row]) if valid else None
        for row, valid in zip(found, listed(decisions.valid), strict=True)
    ]
    return {"prediction_set": sets}


def check(calibrated: Classifier, dataset: FrameDataset, seed: int = 0) -> list[Document]:
    """What a calibrated Classifier does on new runs, one frame of each: a row for each bin.

    `rejection` and `coverage` are measured on `runs` of them; ``<name>_interval`` is where 95 % of
    such measurements lie if the promise holds. With bins that is for each bin's own threshold,
    not for the lowest, which is in force. `set_size` is the mean, `sets` how often each set came.
    """
    calibration = calibrated.metadata[KEY]
    levels = [each["snr_db"] for each in calibration["bins"]]
    wanted = calibration["snr_db"] if levels == [None] else levels
    dataset = dataset.require_classes(calibrated.classes).select(snr_db=wanted or None)
    dataset = dataset.subset(one_of_each_run(dataset.run_id, seed)).in_memory()
    decided = calibrated.decide(dataset.iq, posteriors=True)
    assert decided.log_posterior is not None  # it was asked for
    sets = prediction_sets(calibration, decided.log_posterior, dataset.snr_db)
    covered = sets[np.arange(len(sets)), dataset.label]
    rows = []
    for each in calibration["bins"]:
        own = decided.valid
        if each["snr_db"] is not None:
            own = own & (dataset.snr_db == each["snr_db"])
        count = int(np.count_nonzero(own))
        low, high = held_out(each["excluded"], each["runs"], count)
        row = {
            "snr_db": each["snr_db"], "runs": count,
            "coverage": float(np.mean(covered[own])), "coverage_interval": [1 - high, 1 - low],
            "set_size": float(np.mean(sets[own].sum(1))),
            "sets": _counted(sets[own], calibrated.classes),
        }  # fmt: skip
        if calibrated.rejector is not None:
            row["rejection"] = float(np.mean(decided.score[own].max(1) < each["threshold"]))
            row["rejection_interval"] = list(held_out(each["rejected"], each["runs"], count))
        rows.append(row)
    return rows


def _counted(sets: Bools, classes: Sequence[str]) -> dict[str, int]:
    """How often each set came, the commonest first; its classes joined by +."""
    found, counts = np.unique(sets, axis=0, return_counts=True)
    names = np.asarray(classes, object)
    order = np.argsort(-counts, kind="stable")
    return {"+".join(names[found[each]]) or "none": int(counts[each]) for each in order}


def _of_class(decided: Decisions, label: Integers) -> Floats:
    assert decided.log_posterior is not None  # it was asked for
    return decided.log_posterior[np.arange(len(label)), label].astype(float)


def _bins(snr_db: Floats, per_label: bool) -> list[tuple[float | None, Bools]]:
    """SNR label and frames of each bin; one of all frames, whose label is None."""
    if not per_label:
        return [(None, np.ones(len(snr_db), bool))]
    return [(float(level), snr_db == level) for level in np.unique(snr_db)]


def _rank(runs: int, share: float, level: float | None) -> int:
    """How many of the runs may lie beyond the value, the value itself included."""
    rank = int(np.floor((runs + 1) * share + 1e-9))
    if not 0 < rank <= runs:
        where = "" if level is None else f" at {level:g} dB"
        fewest = int(np.ceil(1 / min(share, 1 - share))) - 1
        raise UserError(
            f"{runs} runs{where} are too few to promise {share:g}: it takes {fewest} or more"
        )
    return rank


def _tails() -> list[float]:
    return [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
