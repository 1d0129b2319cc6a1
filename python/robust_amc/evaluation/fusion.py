"""One decision for several frames of one signal."""

import numpy as np

from ..arrays import Array, Integers
from ..classifier import Classifier
from ..data import FrameDataset
from ..decisions import REJECTED
from ..errors import UserError
from ..frames import Scaling
from ..signal_decision import evidence
from .metrics import Outcome
from .sharded import sharded


def groups(run_id: Array, label: Array, count: int) -> Integers:
    """Rows of `count` consecutive frames of one run and class each, ``[groups, count]``.

    A rest of fewer frames is left out. Raises UserError for a count below 1, or when no run has so
    many frames.
    """
    if count < 1:
        raise UserError(f"the number of frames that are fused must be positive, not {count}")
    order = np.lexsort((label, run_id))  # stable: frames of a run stay in their order
    changed = (np.diff(run_id[order]) != 0) | (np.diff(label[order]) != 0)
    found = [
        each[: len(each) // count * count].reshape(-1, count)
        for each in np.split(order, np.flatnonzero(changed) + 1)
    ]
    whole = np.concatenate(found)
    if not len(whole):
        raise UserError(f"no run has {count} frames to fuse; take fewer")
    return whole


def fuse(classifier: Classifier, dataset: FrameDataset, count: int) -> tuple[Outcome, Integers]:
    """Decide `count` frames of a run at a time: an Outcome of such groups, and the run of each.

    The logarithms of the network's posteriors are added up: the frames' noise is independent,
    their class is one. Frames that the classifier rejects take no part, and a group of nothing
    else is rejected. Raises UserError as :func:`groups` does.
    """
    rows = groups(dataset.run_id, dataset.label, count)
    decided = sharded(
        len(dataset),
        lambda own: classifier.decide(dataset.iq[own], Scaling.NONE, posteriors=True),
    )
    total = evidence(decided)[rows].sum(1)
    label = np.where(decided.rejected[rows].all(1), REJECTED, total.argmax(1))
    first = rows[:, 0]
    return Outcome(dataset.label[first], label), dataset.run_id[first]
