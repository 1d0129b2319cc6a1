"""What may differ where sums are made in another order: last bits, and decisions on an edge.

Another processor, number of threads, batch or engine adds the same products in another
order. Scores then agree to some digits, and a frame whose decision hangs on fewer than those
may be decided otherwise. Everything else must be equal.
"""

import numpy as np

# Of the largest score of a frame. It sums thousands of terms, many times larger than itself.
FLOAT32 = 5e-4
BFLOAT16 = 0.05


def room(score, rounding=FLOAT32):
    """By how much the scores ``[n, classes]`` of each frame may differ, ``[n]``.

    Relative to its largest one, or to that of the usual frame where all of its own are small.
    """
    largest = np.abs(np.asarray(score, np.float64)).max(1)
    finite = np.isfinite(largest)
    usual = np.median(largest[finite]) if finite.any() else 0.0
    return rounding * np.where(finite, np.maximum(largest, usual), 0.0)


def on_edge(score, threshold=None, rounding=FLOAT32):
    """Frames whose decision may turn, bool ``[n]``: of two nearly equal classes, or nearly at S0.

    Frames that are not valid, with scores of -inf, have no edge. A detector's largest score is
    how far off a frame is, without the logits, which may be much larger: at the threshold the
    largest scores' own size counts.
    """
    score, least = np.asarray(score, np.float64), room(score, rounding)
    second, best = np.sort(score, 1)[:, -2:].T
    with np.errstate(invalid="ignore"):
        edge = best - second <= 2 * least
    if threshold is not None:
        edge |= np.abs(best - threshold) <= room(best[:, None], rounding)
    return edge & np.isfinite(score).all(1)


def assert_scores_close(score, expected, rounding=FLOAT32):
    """Scores ``[n, classes]`` agree; those of frames that are not valid are equal."""
    expected, least = np.asarray(expected, np.float64), room(expected, rounding)
    finite = np.isfinite(expected).all(1)
    np.testing.assert_array_equal(score[~finite], expected[~finite])
    difference = np.abs(score[finite] - expected[finite]).max(1)
    assert (difference <= least[finite]).all(), f"{(difference / least[finite]).max():.3g} too far"


def assert_decided_alike(label, expected, threshold=None, rounding=FLOAT32, most_on_edge=0.15):
    """`label` ``[n]`` are the labels of `expected`, Decisions at `threshold`, off the edges."""
    edge = on_edge(expected.score, threshold, rounding)
    assert edge.mean() <= most_on_edge, f"{edge.mean():.0%} are on an edge: that shows little"
    np.testing.assert_array_equal(np.asarray(label)[~edge], expected.label[~edge])
