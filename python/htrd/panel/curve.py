# SPDX-License-Identifier: GPL-3.0-or-later
"""Robust accuracy by PNR and second by second, of several receivers."""

import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from robust_amc.evaluation import Outcome

QUANTILE = 1.96  # of the normal distribution, for intervals of 95 %


@dataclass(frozen=True)
class Point:
    """Robust accuracy of a receiver at a PNR.

    Attributes:
        pnr_db: as set, None: not attacked
        share: robust accuracy
        low, high: 95 % interval, as of independent frames
        frames: how many frames it is of
    """

    pnr_db: float | None
    share: float
    low: float
    high: float
    frames: int


class CurveHistory:
    """Keeps whether each frame was decided as it should; batches may come from any thread.

    The PNR that a frame carries is the measured one. It is less than the one that was set where
    a weaker perturbation was enough, so it would sort the frames by how they end: frames
    count at the level that was set. After a change the first frames of each receiver are
    left out of the points, as they may be from before.

    Args:
        receivers: how many
        window: number of frames, the last ones, that each point is over (0: all)
        seconds: how far back the time goes
        skip: frames left out after a change of the level, of each receiver
        clock: seconds, for tests
    """

    def __init__(self, receivers, window, seconds, skip, clock=time.monotonic):
        self._lock = threading.Lock()
        self._receivers, self._window, self._skip = receivers, window, skip
        self._clock, self._seconds = clock, seconds
        self._level = np.nan
        self.reset()

    def reset(self):
        """Forget everything but the level."""
        with self._lock:
            self._points = [{} for _ in range(self._receivers)]  # {level: _Latest}
            self._times = deque()  # (second, level, [receivers, 2]: frames, those decided well)
            self._since = np.zeros(self._receivers, int)

    def set_level(self, pnr_db):
        """The PNR in dB of the attack from now on."""
        with self._lock:
            if pnr_db != self._level:
                self._level = pnr_db
                self._since[:] = 0

    def since(self):
        """Attacked frames at this level that are in the points, of the receiver with fewest."""
        with self._lock:
            return max(0, int(self._since.min()) - self._skip)

    def add(self, receiver, batch):
        """Count a DecisionBatch of a receiver."""
        well, attacked = outcomes(batch)
        if not len(well):
            return
        with self._lock:
            first = max(0, self._skip - int(self._since[receiver]))
            self._since[receiver] += np.count_nonzero(attacked)
            self._count(receiver, None, well[~attacked])
            self._count(receiver, self._level, well[attacked][first:])
            self._at_this_second(attacked.any())[receiver] += len(well), np.count_nonzero(well)

    def points(self):
        """Points of each receiver, by rising PNR; that without an attack is the first."""
        with self._lock:
            made = [[each.point(level) for level, each in own.items()] for own in self._points]
        return [
            sorted(points, key=lambda point: -np.inf if point.pnr_db is None else point.pnr_db)
            for points in made
        ]

    def times(self):
        """The level in each second, and frames and those decided well of each receiver.

        Arrays ``[seconds]``, NaN where nothing is known or nothing was attacked, and
        ``[receivers, 2, seconds]``; the last one is the present second. A second without
        decisions has the level of the one before.
        """
        levels = np.full(self._seconds, np.nan)
        counts = np.zeros((self._seconds, self._receivers, 2), int)
        with self._lock:
            now = int(self._clock())
            self._forget(now)
            for second, level, own in self._times:
                levels[second - now - 1 :] = level
                counts[second - now - 1] = own
        return levels, counts.transpose(1, 2, 0)

    def _count(self, receiver, level, well):
        if len(well):
            self._points[receiver].setdefault(level, _Latest(self._window)).add(well)

    def _at_this_second(self, attacked):
        second, level = int(self._clock()), self._level if attacked else np.nan
        self._forget(second)
        if not self._times or self._times[-1][0] != second:
            self._times.append([second, level, np.zeros((self._receivers, 2), int)])
        self._times[-1][1] = level
        return self._times[-1][2]

    def _forget(self, now):
        while self._times and self._times[0][0] <= now - self._seconds:
            self._times.popleft()


class _Latest:
    """Counts the latest `window` outcomes (0: all)."""

    def __init__(self, window):
        self._window, self._kept = window, deque()
        self._frames = self._well = 0

    def add(self, well):
        """Count outcomes, bool ``[n]``."""
        self._frames += len(well)
        self._well += np.count_nonzero(well)
        if self._window:
            self._kept.extend(well.tolist())
            while self._frames > self._window:
                self._well -= self._kept.popleft()
                self._frames -= 1

    def point(self, level):
        """The Point of that level."""
        share = self._well / self._frames
        return Point(level, share, *wilson(share, self._frames), self._frames)


def outcomes(batch):
    """Whether each frame of known truth counts in the robust accuracy, and was attacked.

    Two arrays, bool ``[known]``.
    """
    known = [row for row, truth in enumerate(batch.truth) if truth is not None]
    attacked = ~np.isnan(batch.pnr_db[known])
    decided = np.array([_chosen(batch.truth[row], batch.modulation[row]) for row in known], int)
    well = [
        Outcome(np.zeros(len(known), int), decided, attacked=each).ratio("robust_accuracy")[0]
        for each in (False, True)
    ]
    return np.where(attacked, well[1], well[0]).astype(bool), attacked


def wilson(share, count):
    """95 % interval of Wilson of a share of `count` independent trials."""
    square = QUANTILE**2 / count
    middle = (share + square / 2) / (1 + square)
    reach = QUANTILE * np.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return middle - reach, middle + reach


def _chosen(truth, decided):
    """As in an Outcome whose true class is 0: any other is 1, rejected is -1."""
    return -1 if decided is None else int(decided != truth)

