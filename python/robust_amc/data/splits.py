"""Disjoint parts of a data set."""

from enum import StrEnum

import numpy as np

from ..arrays import Integers
from ..errors import UserError
from .dataset import FrameDataset

# The paper trains on one half and tests on the other; validation and calibration
# frames are cut from the training half.
FRACTIONS = {"train": 0.35, "validation": 0.05, "calibration": 0.10, "test": 0.50}


class Part(StrEnum):
    """A part of the split of a data set, or all of it."""

    TRAIN = "train"
    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TEST = "test"
    ALL = "all"


def split(dataset: FrameDataset, seed: int = 0) -> dict[str, Integers]:
    """Split a FrameDataset into train, validation, calibration and test.

    Stratified by class and SNR label, and grouped: the frames of one generator run
    stay together. Within each (class, SNR) the runs are shuffled and each goes to the
    part that is furthest below its share. Keys that share a run are split as one. Returns
    ``{name: sorted indices}``; every frame is in exactly one part. Raises UserError for a
    negative seed.
    """
    if seed < 0:
        raise UserError(f"the seed of the split must not be negative, not {seed}")
    rng = np.random.default_rng(seed)
    parts: dict[str, list[Integers]] = {name: [] for name in FRACTIONS}
    key = _strata(dataset)
    order = np.argsort(key, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        filled = dict.fromkeys(FRACTIONS, 0)
        runs = _runs(members, dataset.run_id[members])
        for run_frames in (runs[number] for number in rng.permutation(len(runs))):
            name = max(FRACTIONS, key=lambda part: FRACTIONS[part] * len(members) - filled[part])
            filled[name] += len(run_frames)
            parts[name].append(run_frames)
    empty = np.empty(0, np.int64)
    return {name: np.sort(np.concatenate([empty, *chunks])) for name, chunks in parts.items()}


def _runs(members: Integers, run_id: Integers) -> list[Integers]:
    """The frames `members` of each run, in the order of the runs' numbers."""
    order = np.argsort(run_id, kind="stable")
    return np.split(members[order], np.flatnonzero(np.diff(run_id[order])) + 1)


def _strata(dataset: FrameDataset) -> Integers:
    """Number of each frame's stratum: its (class, SNR label), joined where a run spans several."""
    from scipy.sparse import coo_array  # it takes long, and many read data without splitting them
    from scipy.sparse.csgraph import connected_components

    key = np.unique(np.stack([dataset.label, dataset.snr_db]), axis=1, return_inverse=True)[1]
    if not len(key):
        return key
    run = np.unique(dataset.run_id, return_inverse=True)[1]
    keys, nodes = key.max() + 1, key.max() + 1 + run.max() + 1
    shares = coo_array((np.ones(len(key)), (key, keys + run)), shape=(nodes, nodes))
    return connected_components(shares, directed=False)[1][key]


def part(dataset: FrameDataset, name: Part | str, seed: int = 0) -> FrameDataset:
    """The frames of one part (see Part) as a FrameDataset."""
    if Part(name) is Part.ALL:
        return dataset
    return dataset.subset(split(dataset, seed)[Part(name).value])
