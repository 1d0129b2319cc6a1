# SPDX-License-Identifier: GPL-3.0-or-later
"""A live classifier that runs for long, is disturbed, and started and stopped again and again."""

import random
import threading
import time
from pathlib import Path

import numpy as np
import pmt
from gnuradio import gr
from robust_amc.benchmarks.report import row

from . import decisions
from .flowgraph_chain import LENGTH, Chain

RESTARTS = 100
PATIENCE = 30  # seconds for a restart
GROWTH = 20  # MB that memory may grow after the first minute
SETTLED = 60  # seconds


class Checker(gr.sync_block):
    """Finds decisions that came twice or never; frame indices must be stream offsets.

    Attributes:
        decided: frames so far, less those that came twice or too late
        missing: frames before the latest one that were not decided
        latest: index of the latest one
    """

    def __init__(self):
        gr.sync_block.__init__(self, "checker", None, None)
        self.decided, self.missing, self.latest = 0, 0, -1
        self.message_port_register_in(pmt.intern("batches"))
        self.set_msg_handler(pmt.intern("batches"), self.handle_batches)

    def handle_batches(self, message):
        """A message on `batches`."""
        steps = np.diff(decisions.read(message).frame_index, prepend=self.latest)
        self.decided += int(np.count_nonzero(steps > 0) - np.count_nonzero(steps <= 0))
        self.missing += int((steps[steps > 0] - 1).sum())
        self.latest += int(steps.sum())


def soak(engine, frame_rate, minutes, progress):
    """Rows of a run of some minutes at a frame rate, and of restarts after it.

    Messages and setters come from another thread all the time. Raises RuntimeError when the
    flowgraph does not start or stop within half a minute.
    """
    chain, checker = Chain(engine, "live", LENGTH * frame_rate), Checker()
    chain.msg_connect(chain.classifier, "batches", checker, "batches")
    progress(f"{minutes:g} minutes at {LENGTH * frame_rate / 1e6:.2f} MS/s")
    with _disturbed(chain.classifier):
        chain.start()
        grown = _run(chain, 60 * minutes)
        _within("stop", lambda: (chain.stop(), chain.wait()))
    counts = chain.classifier.status()
    accounted = counts["decided"] + counts["dropped"] + counts["discarded"]
    rows = [
        row("soak: memory after the first minute", grown, "MB more", "allowed", GROWTH),
        row("soak: frames accepted", counts["accepted"], "frames",
            "decided, dropped or discarded", accounted),
        # Of what is dropped or decided while the flowgraph stops, the checker knows nothing
        row("soak: frames that came out decided, and dropped ones",
            checker.decided + min(checker.missing, counts["dropped"]), "frames",
            "up to the last", checker.latest + 1),
    ]  # fmt: skip
    progress(f"{RESTARTS} restarts")
    done = sum(_restart(chain, turn) for turn in range(RESTARTS))
    return [*rows, row("soak: restarts with all frames accounted for", done, "restarts",
                       "restarts", RESTARTS)]  # fmt: skip


def _run(chain, seconds):
    """Let it run; MB that memory grew after the first minute (or the first half, if shorter)."""
    settled = min(SETTLED, seconds / 2)
    time.sleep(settled)
    before = _memory()
    time.sleep(seconds - settled)
    return max(_memory() - before, 1e-3)


def _memory():
    """MB of memory in use by this process (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _restart(chain, turn):
    """Start and stop, or lock and unlock while running; whether all is well afterwards."""
    chain.start()
    for _ in range(turn % 3):
        time.sleep(random.uniform(0, 0.05))
        _within("lock and unlock", lambda: (chain.lock(), chain.unlock()))
    time.sleep(random.uniform(0, 0.05))
    _within("stop", lambda: (chain.stop(), chain.wait()))
    counts = chain.classifier.status()
    accounted = counts["decided"] + counts["dropped"] + counts["discarded"]
    left = [thread for thread in threading.enumerate() if thread.name.startswith("htrd-live")]
    return counts["accepted"] == accounted and not left


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
