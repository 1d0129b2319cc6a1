# SPDX-License-Identifier: GPL-3.0-or-later
"""A live classifier that runs for long, is disturbed, and started and stopped again and again."""

import random
import threading
import time
from pathlib import Path

import numpy as np
import pmt
from robust_amc.benchmarks.report import row

from ..messages import decision_pdu
from ..native import native_classifier
from .flowgraph_chain import LENGTH

RESTARTS = 100
PATIENCE = 30  # seconds for a restart
GROWTH = 20  # MB that memory may grow after the first minute
SETTLED = 60  # seconds


class Checker:
    """Finds decisions that came twice or never in what a live classifier publishes.

    It looks where they are published: of what is decided while a flowgraph stops, a block
    connected to `batches` would get nothing, or get it in the next run. Frame indices must be
    stream offsets, which begin again whenever the flowgraph starts, after unlock() too.

    Attributes:
        decided: different frames so far, of all runs
        repeated: frames so far that came twice, or after a later one of their run
        missing: frames so far that did not come before a later one of their run
        latest: index of the latest frame of this run
    """

    def __init__(self, classifier):
        self.decided, self.repeated, self.missing, self.latest = 0, 0, 0, -1
        self._start, self._publish = classifier.start, classifier.message_port_pub
        classifier.start, classifier.message_port_pub = self.start, self.publish

    def start(self):
        """The classifier starts: a run begins."""
        self.latest = -1
        return self._start()

    def publish(self, port, message):
        """A message of the classifier."""
        if pmt.symbol_to_string(port) == "batches":
            self._check(decision_pdu.decode(message).frame_index)
        self._publish(port, message)

    def _check(self, index):
        latest = np.maximum.accumulate(np.append(self.latest, index))
        steps = index - latest[:-1]
        self.decided += int(np.count_nonzero(steps > 0))
        self.repeated += int(np.count_nonzero(steps <= 0))
        self.missing += int((steps[steps > 0] - 1).sum())
        self.latest = int(latest[-1])

    def agrees(self, counts):
        """Whether the classifier's status() says the same, and accounts for every frame."""
        known = counts["decided"] + counts["dropped"] + counts["discarded"]
        return (
            counts["accepted"] == known
            and counts["decided"] == self.decided
            and not self.repeated
            and self.missing <= counts["dropped"]
        )


class Counter:
    """In the place of a Checker, of a block in C++: there is no looking at what it publishes.

    That every decision is published once is then for blocks behind it, and for its tests.
    """

    def agrees(self, counts):
        """Whether the classifier's status() accounts for every frame."""
        known = counts["decided"] + counts["dropped"] + counts["discarded"]
        return counts["accepted"] == known


def soak(make_chain, frame_rate, minutes, progress):
    """Rows of a run of some minutes at a frame rate, and of restarts after it.

    `make_chain` takes a mode and a sample rate, as Chain does.

    Messages and setters come from another thread all the time. Raises RuntimeError when the
    flowgraph does not start or stop within half a minute.
    """
    chain = make_chain("live", LENGTH * frame_rate)
    is_native = isinstance(chain.classifier, native_classifier)
    checker = Counter() if is_native else Checker(chain.classifier)
    progress(f"{minutes:g} minutes at {LENGTH * frame_rate / 1e6:.2f} MS/s")
    with _disturbed(chain.classifier):
        chain.start()
        grown, rate = _run(chain, 60 * minutes)
        _within("stop", lambda: (chain.stop(), chain.wait()))
    counts = chain.classifier.status()
    accounted = counts["decided"] + counts["dropped"] + counts["discarded"]
    rows = [
        row("soak: memory after the first minute", grown, "MB more", "allowed", GROWTH),
        row("soak: rate of all of it", LENGTH * rate / 1e6, "MS/s", "wanted",
            LENGTH * frame_rate / 1e6),
        row("soak: frames accepted", counts["accepted"], "frames",
            "decided, dropped or discarded", accounted),
    ]  # fmt: skip
    if not is_native:
        rows += _published(checker, counts)
    progress(f"{RESTARTS} restarts")
    done = sum(_restart(chain, checker, turn) for turn in range(RESTARTS))
    return [*rows, row("soak: restarts with all frames accounted for", done, "restarts",
                       "restarts", RESTARTS)]  # fmt: skip


def _published(checker, counts):
    """Rows of what a Checker saw."""
    return [
        row("soak: different frames published", checker.decided, "frames", "decided",
            counts["decided"]),
        # No more than was missing: what is dropped last comes after the last one published
        row("soak: frames published, and dropped ones",
            checker.decided + min(checker.missing, counts["dropped"]), "frames",
            "up to the last", checker.latest + 1),
    ]  # fmt: skip


def _run(chain, seconds):
    """Let it run.

    MB that memory grew after the first minute (or the first half, if shorter), and frames
    accepted a second.
    """
    first, start = chain.next_change("accepted")
    settled = min(SETTLED, seconds / 2)
    time.sleep(settled)
    before = _memory()
    time.sleep(seconds - settled)
    grown = max(_memory() - before, 1e-3)
    last, end = chain.next_change("accepted")
    return grown, (last - first) / (end - start)


def _memory():
    """MB of memory in use by this process (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _restart(chain, checker, turn):
    """Start and stop, or lock and unlock while running; whether all is well afterwards."""
    chain.start()
    for _ in range(turn % 3):
        time.sleep(random.uniform(0, 0.05))
        _within("lock and unlock", lambda: (chain.lock(), chain.unlock()))
    _within("decide", lambda: chain.next_change("decided"))
    time.sleep(random.uniform(0, 0.05))
    _within("stop", lambda: (chain.stop(), chain.wait()))
    left = [thread for thread in threading.enumerate() if thread.name.startswith("htrd-live")]
    return checker.agrees(chain.classifier.status()) and not left


def _within(what, action):
    """Do something; RuntimeError when it hangs."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        raise RuntimeError(f"{what}: not done within {PATIENCE} s")


class _disturbed:
    """Setters and messages, right and wrong ones, from another thread."""

    def __init__(self, classifier):
        self._classifier, self._done = classifier, threading.Event()
        self._thread = threading.Thread(target=self._disturb, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *error):
        self._done.set()
        self._thread.join()

    def _disturb(self):
        own = self._classifier.threshold()
        while not self._done.wait(0.1):
            if own is not None:
                self._classifier.set_target_rejection(random.uniform(0.05, 0.15))
            for message in (pmt.to_pmt({"volume": 11}), pmt.PMT_NIL, pmt.to_pmt({"model": ""})):
                self._classifier.to_basic_block()._post(pmt.intern("control"), message)
