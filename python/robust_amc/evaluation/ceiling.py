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

import functools
from collections.abc import Sequence
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


class PSK:
    """Points of phase-shift keying, mean power 1."""

    def __init__(self, count: int) -> None:
        self.fold = count  # order of the rotational symmetry
        self.points: Complexes = np.exp(2j * np.pi * np.arange(count) / count)

    def nearest(self, values: Complexes) -> Complexes:
        """The nearest point to each value."""
        number = np.round(np.angle(values) * self.fold / (2 * np.pi)).astype(int)
        return self.points[number % self.fold]


class Grid:
    """Points of amplitude modulation in one or two directions, mean power 1."""

    def __init__(self, real: int, imaginary: int) -> None:
        self.fold = 4 if real == imaginary else 2
        self._sides = real, imaginary
        points = (_levels(real)[:, None] + 1j * _levels(imaginary)).ravel()
        self._unit = 1 / np.sqrt(np.mean(np.abs(points) ** 2))
        self.points: Complexes = points * self._unit

    def nearest(self, values: Complexes) -> Complexes:
        """The nearest point to each value."""
        parts = values.real / self._unit, values.imag / self._unit
        real, imaginary = (
            np.clip(2 * np.round((part + side - 1) / 2) - side + 1, 1 - side, side - 1)
            for part, side in zip(parts, self._sides)
        )
        return (real + 1j * imaginary) * self._unit


def _levels(count: int) -> Floats:
    return 2.0 * np.arange(count) - count + 1


Constellation = PSK | Grid
CONSTELLATIONS: dict[str, Constellation] = {
    "BPSK": PSK(2),
    "QPSK": PSK(4),
    "PAM4": Grid(4, 1),
    "8PSK": PSK(8),
    "QAM16": Grid(4, 4),
    "QAM64": Grid(8, 8),
}


def distance(symbols: Complexes, other: Constellation) -> Floats:
    """Distance of frames to the nearest frame of another class, ``[n]``, in units of their norm.

    An upper bound, and in practice the minimum: gains and phases are tried on a grid, and the best
    is refined.

    Args:
        symbols: complex ``[n, symbols]``
        other: the other class
    """
    unit = symbols / np.sqrt(np.mean(np.abs(symbols) ** 2, 1, keepdims=True))
    turns = np.exp(2j * np.pi * np.arange(TURNS) / TURNS / other.fold)
    best: Floats = np.full(len(unit), np.inf)
    start: Complexes = np.empty(len(unit), complex)
    for gain in (GAINS[:, None] * turns).ravel():
        error = _squared(unit, gain * other.nearest(unit / gain))
        start = np.where(error < best, gain, start)
        best = np.minimum(error, best)
    gain = start[:, None]
    for _ in range(ROUNDS):
        chosen = other.nearest(unit / gain)
        energy = (np.abs(chosen) ** 2).sum(1, keepdims=True)
        gain = (unit * chosen.conj()).sum(1, keepdims=True) / energy
        best = np.minimum(_squared(unit, gain * chosen), best)
    return np.sqrt(best / symbols.shape[1])


def _squared(first: Complexes, second: Complexes) -> Floats:
    return (np.abs(first - second) ** 2).sum(1)


def ceiling(
    snr_db: float,
    pnr_db: list[float],
    frames: int = FRAMES,
    symbols: int = SYMBOLS,
    seed: int = 0,
    classes: Sequence[str] = tuple(CONSTELLATIONS),
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
        classes: those of CONSTELLATIONS that there are

    Raises UserError for levels that are not finite or sizes below 1.
    """
    if frames < 1 or symbols < 1:
        raise UserError("a ceiling needs at least one frame of at least one symbol")
    reach = [2 * float(power.epsilon(1.0, snr_db, each)) for each in pnr_db]
    rng = np.random.default_rng(seed)
    rows = []
    for name in classes:
        own = CONSTELLATIONS[name]
        drawn = own.points[rng.integers(len(own.points), size=(frames, symbols))]
        others = [
            each
            for each in classes
            if each != name and len(CONSTELLATIONS[each].points) <= len(own.points)
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


def shares(
    classes: Sequence[str],
    snr_db: float,
    pnr_db: list[float],
    symbols: int = SYMBOLS,
    frames: int = FRAMES // 2,
) -> list[float] | None:
    """What can be held of frames of several classes in equal shares, for each of `pnr_db`.

    That of :func:`ceiling` over the linear modulations among `classes`, all of the others. None
    where there are not two linear modulations. The other arguments are those of
    :func:`ceiling`, and so are the errors.
    """
    known = [name for name in CONSTELLATIONS if name in classes]
    if len(known) < 2:
        return None
    held = _held(snr_db, tuple(pnr_db), frames, symbols, tuple(known))
    lost = (1 - np.array(held)).sum(0) / len(classes)
    return [float(1 - each) for each in lost]


@functools.cache  # every figure of a reproduction asks for the same
def _held(
    snr_db: float, pnr_db: tuple[float, ...], frames: int, symbols: int, classes: tuple[str, ...]
) -> list[list[float]]:
    return [row["held"] for row in ceiling(snr_db, [*pnr_db], frames, symbols, classes=classes)]
