# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded queue of frames between a radio, which never waits, and a classifier."""

import threading
import time

import numpy as np

from ..messages import tags

SAMPLES, AS_IS, ARRIVAL = "samples", "as_is", "arrival"
OBJECTS = [name for name, kind in tags.KINDS.items() if kind is object]


class LiveQueue:
    """Keeps the newest frames; where they do not fit, the oldest are dropped and counted.

    Frames and what is known of them lie in rings that are allocated once. put() is for one
    thread, take() for one at a time. Every frame that was put is taken, dropped or cleared, once.

    Args:
        capacity: frames
        frame_length: samples in a frame

    Attributes:
        accepted: frames put so far
        dropped: frames that were overwritten so far
    """

    def __init__(self, capacity, frame_length):
        kinds = tags.KINDS | {AS_IS: bool, ARRIVAL: np.float64}
        self._ring = {SAMPLES: np.zeros((capacity, frame_length), np.complex64)}
        self._ring |= {name: np.zeros(capacity, kind) for name, kind in kinds.items()}
        self._capacity = capacity
        self._changed = threading.Condition()
        self._first = self._length = 0
        self._awaited = 1  # at this length take() wants to be woken
        self._end = None
        self.accepted = self.dropped = 0

    def __len__(self):
        return self._length

    def put(self, samples, facts):
        """Append frames, complex64 ``[n, length]``, and their columns of tags.KINDS and AS_IS."""
        kept = min(len(samples), self._capacity)
        new = facts | {SAMPLES: samples}
        with self._changed:
            self.accepted += len(samples)
            excess = max(self._length + kept - self._capacity, 0)
            self.dropped += excess + len(samples) - kept
            self._first, self._length = self._first + excess, self._length - excess
            rows = np.arange(self._first + self._length, self._first + self._length + kept)
            rows %= self._capacity
            for name, column in new.items():
                self._ring[name][rows] = column[len(samples) - kept :]
            self._ring[ARRIVAL][rows] = time.monotonic()
            self._length += kept
            if self._length >= self._awaited:
                self._changed.notify()

    def take(self, max_batch, latency, patience):
        """The oldest frames and their columns, a dictionary: a batch.

        It has `max_batch` frames, or fewer where the oldest has waited for `latency` seconds or
        the queue was closed. Without any frame for `patience` seconds it is empty; None says
        that the queue is closed, and empty or out of time.
        """
        give_up = time.monotonic() + patience
        with self._changed:
            while True:
                now = time.monotonic()
                if self._end is not None and (now >= self._end or not self._length):
                    return None
                due = give_up
                if self._length:
                    due = self._ring[ARRIVAL][self._first % self._capacity] + latency
                if self._length >= max_batch or self._end is not None:
                    due = now
                if now >= due:
                    return self._pop(min(max_batch, self._length))
                self._awaited = max_batch if self._length else 1
                self._changed.wait(due - now)

    def _pop(self, count):
        if not count:
            return {}
        rows = range(self._first, self._first + count)
        batch = {
            name: np.take(ring, rows, axis=0, mode="wrap") for name, ring in self._ring.items()
        }
        batch |= {name: batch[name].tolist() for name in OBJECTS}
        self._first, self._length = (self._first + count) % self._capacity, self._length - count
        return batch

    def open(self):
        """Take frames again after close()."""
        with self._changed:
            self._end = None

    def close(self, seconds):
        """No more frames come: take() gives what is left, for `seconds`, then None."""
        with self._changed:
            self._end = time.monotonic() + seconds
            self._changed.notify()

    def clear(self):
        """Forget all frames and return how many there were."""
        with self._changed:
            count, self._length = self._length, 0
            return count
