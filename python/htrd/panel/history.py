# SPDX-License-Identifier: GPL-3.0-or-later
"""The latest decisions and how often each class was decided, second by second."""

import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

LONGEST = 86_400  # seconds: a day


@dataclass(frozen=True)
class Decision:
    """One decision, for reading.

    Attributes:
        frame_index: which frame
        modulation: what was decided, None for a rejected frame
        truth: the true class, None where unknown
        score, threshold: the largest score, and below what it is rejected (-inf: never)
    """

    frame_index: int
    modulation: str | None
    truth: str | None
    score: float
    threshold: float


class History:
    """Keeps what a display shows; batches may come from any thread.

    Args:
        latest: how many decisions are kept
        seconds: for how many seconds the classes are counted
        clock: seconds, for tests
    """

    def __init__(self, latest, seconds, clock=time.monotonic):
        self._lock = threading.Lock()
        self._clock, self._seconds = clock, seconds
        self._kept = latest
        self.reset()

    def reset(self):
        """Forget everything."""
        with self._lock:
            self._latest = deque(maxlen=self._kept)
            self._counts = deque()  # (second, {name or None: frames})
            self.classes = ()

    def add(self, batch):
        """Keep a DecisionBatch."""
        names, count = np.unique(
            [name or "" for name in batch.modulation], return_counts=True
        )
        second = int(self._clock())
        last = range(max(0, len(batch) - self._kept), len(batch))
        decided = [
            Decision(
                int(batch.frame_index[row]), batch.modulation[row], batch.truth[row],
                float(batch.score[row]), float(batch.threshold[row]),
            )
            for row in last
        ]
        with self._lock:
            self.classes = batch.classes or self.classes
            self._latest.extend(decided)
            if not self._counts or self._counts[-1][0] != second:
                self._counts.append((second, {}))
            own = self._counts[-1][1]
            for name, frames in zip(names.tolist(), count.tolist(), strict=True):
                own[name or None] = own.get(name or None, 0) + frames
            self._forget(second)

    def latest(self):
        """The latest decisions, newest first."""
        with self._lock:
            return list(reversed(self._latest))

    def shares(self, names):
        """Share of each of `names` (None: rejected) in each second, ``[seconds, names]``.

        The last row is the present second; rows without a decision are zero.
        """
        now = int(self._clock())
        table = np.zeros((self._seconds, len(names)))
        with self._lock:
            self._forget(now)
            for second, counts in self._counts:
                table[second - now - 1] = [counts.get(name, 0) for name in names]
        return table / np.maximum(table.sum(1, keepdims=True), 1)

    def _forget(self, now):
        while self._counts and self._counts[0][0] <= now - self._seconds:
            self._counts.popleft()
