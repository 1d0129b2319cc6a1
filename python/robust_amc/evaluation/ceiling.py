"""What no classifier can hold: frames that a budget brings to where another class has frames too.

Ideal frames of the linear modulations: symbols drawn evenly, a pulse that is orthogonal to itself
shifted by symbols, no channel, no noise; then distances of frames are distances of their symbols.
The other class may have any phase and gain, since a receiver knows neither.

If two frames of different classes are no further apart than 2ε, both reach one and the same
point between them with a perturbation of ε, and whatever is decided there, one of the two is
lost. Which one matters: every BPSK frame is a QAM64 frame too, but one of 64^16, and a good
classifier gives it to BPSK. So a frame counts as lost where a class with no more
points than its own has a frame within 2ε.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import power
from ..arrays import Complexes, Floats
from ..errors import UserError

FRAMES = 200  # drawn of each class
SYMBOLS = 16  # of a frame of 128 samples
GAINS = np.linspace(0.5, 2.1, 49)  # tried, of points of mean power 1
TURNS = 24  # tried between 0 and the smallest rotation that leaves the points as they are
ROUNDS = 4  # of: the best points for a gain, the best gain for the points


def _psk(count: int) -> Complexes:
    return np.exp(2j * np.pi * np.arange(count) / count)


def _grid(side: int) -> Complexes:
    levels = 2 * np.arange(side) - side + 1
    return (levels[:, None] + 1j * levels).ravel()


@dataclass(frozen=True)
class Constellation:
    """Points of a linear modulation, and the order of their rotational symmetry."""

    points: Complexes
    fold: int


CONSTELLATIONS = {
    "BPSK": Constellation(_psk(2), 2),
    "QPSK": Constellation(_psk(4), 4),
    "PAM4": Constellation(np.array([-3, -1, 1, 3], complex), 2),
    "8PSK": Constellation(_psk(8), 8),
    "QAM16": Constellation(_grid(4), 4),
    "QAM64": Constellation(_grid(8), 4),
}


def distance(symbols: Complexes, other: Constellation) -> Floats:
    """Distance of frames to the nearest frame of another class, ``[n]``, in units of their norm.

    An upper bound, and in practice the minimum: gains and phases are tried on a grid, and the best
    is refined.

    Args:
        symbols: complex ``[n, symbols]``
        other: the other class
    """
    points = other.points / np.sqrt(np.mean(np.abs(other.points) ** 2))
    unit = symbols / np.sqrt(np.mean(np.abs(symbols) ** 2, 1, keepdims=True))
    turns = np.exp(2j * np.pi * np.arange(TURNS) / TURNS / other.fold)
    best: Floats = np.full(len(unit), np.inf)
    start: Complexes = np.empty(len(unit), complex)
    for gain in (GAINS[:, None] * turns).ravel():
        error = _squared(unit, gain * _nearest(unit / gain, points))
        start = np.where(error < best, gain, start)
        best = np.minimum(error, best)
    gain = start[:, None]
    for _ in range(ROUNDS):
        chosen = _nearest(unit / gain, points)
        energy = (np.abs(chosen) ** 2).sum(1, keepdims=True)
        gain = (unit * chosen.conj()).sum(1, keepdims=True) / energy
        best = np.minimum(_squared(unit, gain * chosen), best)
    return np.sqrt(best / symbols.shape[1])


def _nearest(values: Complexes, points: Complexes) -> Complexes:
    return points[np.abs(values[..., None] - points).argmin(-1)]


def _squared(first: Complexes, second: Complexes) -> Floats:
    return (np.abs(first - second) ** 2).sum(1)


def ceiling(
    snr_db: float,
    pnr_db: list[float],
    frames: int = FRAMES,
    symbols: int = SYMBOLS,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """What can be held of each linear modulation, a row each.

    A row has `name`; `nearest`, the class with no more points that is nearest to most of its
    frames, None where there is none; `median` and `lowest`, the median and the 5 % quantile of the
    distance to the nearest such class, relative to ‖x‖; and `held`, the
    share of frames that is further than 2ε from all of them, for each of `pnr_db`.

    Args:
        snr_db: SNR label that budgets are for
        pnr_db: PNR levels in dB
        frames: drawn of each class
        symbols: of a frame
        seed: of the draws

    Raises UserError for levels that are not finite or sizes below 1.
    """
    if frames < 1 or symbols < 1:
        raise UserError("a ceiling needs at least one frame of at least one symbol")
    reach = [2 * float(power.epsilon(1.0, snr_db, each)) for each in pnr_db]
    rng = np.random.default_rng(seed)
    rows = []
    for name, own in CONSTELLATIONS.items():
        drawn = own.points[rng.integers(len(own.points), size=(frames, symbols))]
        others = [
            each
            for each, other in CONSTELLATIONS.items()
            if each != name and len(other.points) <= len(own.points)
        ]
        found = [distance(drawn, CONSTELLATIONS[each]) for each in others]
        nearest = np.min(found, 0) if found else np.full(frames, np.inf)
        rows.append(
            {
                "name": name,
                "nearest": others[int(np.bincount(np.argmin(found, 0)).argmax())]
                if found
                else None,
                "median": float(np.median(nearest)) if found else None,
                "lowest": float(np.quantile(nearest, 0.05)) if found else None,
                "held": [float((nearest > each).mean()) for each in reach],
            }
        )
    return rows
