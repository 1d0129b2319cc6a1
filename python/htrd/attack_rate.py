# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast an injector attacks, and whether that is fast enough."""

import time

from .tally import EverySecond


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
