"""The threshold S0 at a wanted rejection of benign frames."""

from collections.abc import Sequence

import numpy as np

from ..arrays import Floats
from ..errors import UserError

TARGET = 0.10  # the paper's benign rejection rate
LEVELS = np.linspace(0, 1, 201)


def quantiles(score: Floats) -> list[float]:
    """Quantiles of the largest score of benign frames, at 0, 0.5, … 100 %.

    `score` is ``[n, classes]``. Stored with a model, so that another rejection rate
    can be chosen later.
    """
    return [float(value) for value in np.quantile(score.max(1), LEVELS)]


def threshold_for(score_quantiles: Sequence[float], target: float) -> float:
    """Threshold that rejects the share `target` of benign frames; UserError outside 0 … 1."""
    if not 0 <= target <= 1:
        raise UserError(f"the target rejection must lie in 0 … 1, not {target}")
    return float(np.interp(target, LEVELS, score_quantiles))


def check_threshold(score_quantiles: Sequence[float], value: float) -> float:
    """Return `value` if it lies within the calibration scores; else raise UserError."""
    low, high = score_quantiles[0], score_quantiles[-1]
    if not low <= value <= high:
        raise UserError(
            f"the threshold {value} is outside the model's benign scores, {low:.4g} … {high:.4g}: "
            "it would accept or reject every frame"
        )
    return float(value)
