"""What noise leaves to tell: linear modulations by maximum likelihood, with everything else known.

The average likelihood ratio test of F. Hameed, O. A. Dobre, D. C. Popescu, "On the likelihood-based
approach to modulation classification", IEEE Transactions on Wireless Communications 8 (12), 2009:
ideal frames in white Gaussian noise, of which gain, phase, timing, pulse and noise power are known.
Of classes that are equally likely no receiver is right more often.
"""

from typing import Any

import numpy as np

from ..arrays import Complexes, Floats
from ..errors import UserError
from ..pulse import EXCESS_BANDWIDTH
from .ceiling import CONSTELLATIONS

FRAMES = 1000  # drawn of each class
SYMBOLS = 16  # of a frame of 128 samples
AT_ONCE = 1 << 20  # distances to points that are computed together


def log_likelihood(symbols: Complexes, points: Complexes, noise: float) -> Floats:
    """Of frames ``[n, symbols]``, were each symbol one of `points` ``[m]``, all alike, ``[n]``.

    Natural logarithm, but for what is the same of all constellations. `noise` is the mean power
    of the complex noise in a symbol.
    """
    found = np.empty(len(symbols))
    size = max(1, AT_ONCE // (symbols.shape[1] * len(points)))
    for first in range(0, len(symbols), size):
        part = symbols[first : first + size, :, None]
        exponent = -(np.abs(part - points) ** 2) / noise
        largest = exponent.max(2, keepdims=True)
        each = np.log(np.exp(exponent - largest).mean(2)) + largest[:, :, 0]
        found[first : first + size] = each.sum(1)
    return found


def recognized(
    snr_db: list[float], frames: int = FRAMES, symbols: int = SYMBOLS, seed: int = 0
) -> list[dict[str, Any]]:
    """How often each linear modulation is recognized, a row for each class and SNR.

    A row has `name`, `snr_db`, `right`, the share of frames that are most likely of their own
    class, and `mistaken_for`, the class that most of the others are likelier of (None: there are
    none). Only the mean of `right` over the classes is a bound: a receiver may favor one of them.

    Args:
        snr_db: in the signal's bandwidth, 1.35 symbol rates
        frames: drawn of each class
        symbols: of a frame
        seed: of the draws

    Raises UserError for levels that are not finite or sizes below 1.
    """
    if frames < 1 or symbols < 1 or not np.isfinite(snr_db).all():
        raise UserError("a likelihood needs a frame of a symbol or more, and finite SNRs")
    rows, names = [], [*CONSTELLATIONS]
    for level in snr_db:
        noise = 10 ** (-level / 10) / (1 + EXCESS_BANDWIDTH)  # after the matched filter
        for own, name in enumerate(names):
            rng = np.random.default_rng([seed, own])
            points = CONSTELLATIONS[name].points
            sent = points[rng.integers(len(points), size=(frames, symbols))]
            drawn = rng.standard_normal((2, frames, symbols)) * np.sqrt(noise / 2)
            received = sent + drawn[0] + 1j * drawn[1]
            found = [log_likelihood(received, CONSTELLATIONS[each].points, noise) for each in names]
            decided = np.bincount(np.argmax(found, 0), minlength=len(names))
            right = float(decided[own] / frames)
            decided[own] = 0
            other = names[int(decided.argmax())] if decided.any() else None
            rows.append({"name": name, "snr_db": level, "right": right, "mistaken_for": other})
    return rows
