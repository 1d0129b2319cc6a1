"""Whether two groups of frames come from one source: a permutation test on ranks."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..arrays import Floats, Integers

DRAWS = 19_999  # the smallest p-value is 1 / 20,000


def rank_test(
    first: Floats, second: Floats, first_run: Integers, second_run: Integers, seed: int = 0
) -> Floats:
    """p-values of several measures, tested together.

    Of each measure, the sum of ranks of the first group is compared with its values when
    frames change groups at random. The largest deviation of all measures gives the p-value
    of each measure, so that testing many measures finds no more by chance (P. H. Westfall
    and S. S. Young, Resampling-Based Multiple Testing, 1993, single-step maxT).

    Frames of one run share a channel and a source, and count for less than independent
    ones: each deviation is divided by the square root of the design effect, which is
    estimated from the likeness of the ranks within runs.

    Args:
        first: float ``[n, measures]``, NaN where a frame has no value
        second: the same of the other group
        first_run: integers ``[n]``, the runs of the frames
        second_run: the same of the other group
        seed: of the random changes

    Returns float ``[measures]``; the smallest is the p-value of the two groups as a whole.
    """
    ranks = np.stack([_centered_ranks(c) for c in np.concatenate([first, second]).T], axis=1)
    count, total = len(first), len(ranks)
    variance = count * len(second) / (total * (total - 1)) * (ranks**2).sum(0)
    scale = np.sqrt(np.where(variance > 0, variance, 1))
    effect = _design_effect(ranks, count, first_run, second_run)
    observed = np.abs(ranks[:count].sum(0)) / scale / np.sqrt(effect)
    drawn = _groups(count, len(second), seed) @ (ranks / scale).astype(np.float32)
    extreme = np.sort(np.abs(drawn).max(axis=1))
    # equal values must count as reached, though rounded otherwise
    reached = len(extreme) - np.searchsorted(extreme, observed * (1 - 1e-4) - 1e-4)
    return (1 + reached) / (1 + len(extreme))


def false_discovery_threshold(p_values: Sequence[float] | Floats, rate: float) -> float:
    """The largest p-value that counts, so that at most a share `rate` of those is by chance.

    Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57(1), 1995; 0 when none counts.
    """
    ordered = np.sort(p_values)
    passed = ordered <= rate * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    return float(ordered[passed].max(initial=0))


def _centered_ranks(values: Floats) -> Floats:
    """Ranks ``[n]`` around 0, equal values sharing theirs; 0 for NaN."""
    known = np.isfinite(values)
    _, which, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts + 1) / 2
    ranks = np.zeros(len(values))
    ranks[known] = shared[which] - (known.sum() - 1) / 2
    return ranks


@lru_cache(maxsize=2)
def _groups(first: int, second: int, seed: int) -> Floats:
    """Random choices of `first` among all frames: 1.0 for the chosen, ``[DRAWS, frames]``."""
    rng = np.random.default_rng(seed)
    total = first + second
    chosen = np.zeros((DRAWS, total), np.float32)
    for row in chosen:
        row[rng.permutation(total)[:first]] = 1
    return chosen


def _design_effect(ranks: Floats, count: int, first_run: Integers, second_run: Integers) -> Floats:
    """Variance of a difference of means over that of independent frames, ``[measures]``, >= 1."""
    sides = [(ranks[:count], first_run), (ranks[count:], second_run)]
    between, within, runs_less_one, frames_less_runs, balance = 0.0, 0.0, 0, 0, 0.0
    sizes_of_sides = []
    for values, run in sides:
        _, member, sizes = np.unique(run, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(member, column) for column in values.T], axis=1)
        means = sums / sizes[:, None]
        between += (sizes[:, None] * (means - values.mean(0)) ** 2).sum(0)
        within += ((values - means[member]) ** 2).sum(0)
        runs_less_one += len(sizes) - 1
        frames_less_runs += len(values) - len(sizes)
        balance += len(values) - (sizes**2).sum() / len(values)
        sizes_of_sides.append(sizes)
    if not frames_less_runs or not runs_less_one:
        return np.ones(ranks.shape[1])  # each frame is a run, or each side is one
    # the likeness within runs (intraclass correlation), by analysis of variance
    between, within = between / runs_less_one, within / frames_less_runs
    spread = between + (balance / runs_less_one - 1) * within
    likeness = np.clip((between - within) / np.where(spread > 0, spread, 1), 0, 1)
    inflated = sum(
        (1 + ((sizes**2).sum() / sizes.sum() - 1) * likeness) / sizes.sum()
        for sizes in sizes_of_sides
    )
    return inflated / sum(1 / sizes.sum() for sizes in sizes_of_sides)
