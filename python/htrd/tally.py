# SPDX-License-Identifier: GPL-3.0-or-later
"""What blocks report once a second: decisions with rate and latency, attacks with their speed."""

import time

import numpy as np

PERIOD = 1.0  # seconds between two reports
COUNTS = ("decided", "rejected", "invalid", "discarded")


class EverySecond:
    """Says when it is time for a report: at first, and then once a second.

    Args:
        clock: seconds, for tests
    """

    def __init__(self, clock=time.monotonic):
        self._clock, self._last = clock, -np.inf

    def passed(self):
        """Seconds since it was time last (inf: never before); None when it is not time."""
        now = self._clock()
        passed = now - self._last
        if passed < PERIOD:
            return None
        self._last = now
        return passed


class Tally:
    """Counts of decisions, and how fast they came since the last report.

    Args:
        clock: seconds, for tests
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._counts = dict.fromkeys(COUNTS, 0)
        self._time, self._reported = EverySecond(clock), 0
        self._waited = []  # seconds, an array a batch

    def add(self, batch, arrival):
        """Count a DecisionBatch of frames that arrived at those times of the clock, ``[n]``."""
        self._counts["decided"] += len(batch)
        self._counts["rejected"] += int(np.count_nonzero(batch.rejected))
        self._counts["invalid"] += int(np.count_nonzero(~batch.valid))
        self._waited.append(self._clock() - arrival)

    def discard(self, count):
        """Count frames that will never be decided."""
        self._counts["discarded"] += count

    def counts(self):
        """Frames so far, by COUNTS."""
        return dict(self._counts)

    def report(self):
        """Once a second, and with the first frames, a dictionary; else None.

        Since the last report `rate`, decided frames a second, and of their time from arrival
        to publication in milliseconds `latency_ms`, the 99th percentile, and `latency_p50_ms`,
        the median. A latency is absent where nothing was decided.
        """
        if not any(self._counts.values()) or (passed := self._time.passed()) is None:
            return None
        decided, waited = self._counts["decided"], self._waited
        rate = (decided - self._reported) / passed  # 0 at first: not known yet
        self._reported, self._waited = decided, []
        return {"rate": rate} | _latency(waited)


def _latency(waited):
    if not waited:
        return {}
    median, slow = 1000 * np.percentile(np.concatenate(waited), (50, 99))
    return {"latency_ms": float(slow), "latency_p50_ms": float(median)}


class AttackRate:
    """Attacked frames, and the time that the attack took.

    Args:
        wanted: frames a second that arrive; 0: not known
        clock: seconds, for tests
    """

    def __init__(self, wanted, clock=time.monotonic):
        self._wanted, self._clock = wanted, clock
        self.attacked = 0
        self._time, self._reported = EverySecond(clock), 0
        self._frames = self._seconds = 0
        self._possible = 0.0

    def begin(self):
        """A batch begins; returns when, for :meth:`add`."""
        return self._clock()

    def add(self, frames, begun):
        """Count the frames of a batch. The first one only warms up."""
        if self.attacked:
            self._frames += frames
            self._seconds += self._clock() - begun
        self.attacked += frames

    def possible(self):
        """Frames a second that the attack can do by what was measured last; 0: not known yet."""
        return self._possible

    def report(self):
        """Once a second, and with the first frames, a dictionary; else None.

        `attacked` frames so far; since the last report `rate`, attacked frames a second, and
        `possible`, how many there could have been if frames had always been waiting.
        """
        passed = self._time.passed()
        if passed is None:
            return None
        if self._seconds:
            self._possible = self._frames / self._seconds
            self._frames = self._seconds = 0
        rate, self._reported = (self.attacked - self._reported) / passed, self.attacked
        return {"attacked": self.attacked, "rate": rate, "possible": self._possible}

    def out_of_reach(self):
        """Whether more frames are wanted than the attack can do."""
        return 0 < self._possible < self._wanted
