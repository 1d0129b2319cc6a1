# SPDX-License-Identifier: GPL-3.0-or-later
"""What the decision panel costs, in shares of a processor core."""

import os
import statistics
import threading
import time

import numpy as np
import pmt
from gnuradio import gr
from PyQt5 import QtCore, QtWidgets
from robust_amc import data
from robust_amc.benchmarks.report import row, settings
from robust_amc.decisions import DecisionBatch

from ..messages import decision_pdu
from ..qt_decision_panel import qt_decision_panel

RATE = 8000  # decisions a second
BATCH = 256  # frames, as a busy classifier sends them
WANTED = 10  # % of a core, maximum
COMPARED = "a visible decision panel that is sent {rate} decisions a second, {batch} in a batch"


class Sender(gr.sync_block):
    """Sends messages that were made beforehand, at a steady rate, until it is stopped.

    Args:
        messages: sent again and again, in turn
        period: seconds between two of them
    """

    def __init__(self, messages, period):
        gr.sync_block.__init__(self, "sender", None, None)
        self._messages, self._period = messages, period
        self._stopping, self._thread = threading.Event(), None
        self.message_port_register_out(pmt.intern("batches"))

    def start(self):
        """Begin."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return True

    def stop(self):
        """End; nothing is sent afterwards."""
        self._stopping.set()
        self._thread.join()
        return True

    def _run(self):
        start, sent = time.monotonic(), 0
        while not self._stopping.wait(max(0, start + sent * self._period - time.monotonic())):
            message = self._messages[sent % len(self._messages)]
            self.message_port_pub(pmt.intern("batches"), message)
            sent += 1


class Ignorer(gr.sync_block):
    """Takes messages and does nothing with them."""

    def __init__(self):
        gr.sync_block.__init__(self, "ignorer", None, None)
        self.message_port_register_in(pmt.intern("batches"))
        self.set_msg_handler(pmt.intern("batches"), self.handle_batches)

    def handle_batches(self, message):
        """A message on `batches`."""


def bench(seconds, rounds, progress):
    """Processor time of a panel on a screen, beside a block that ignores the same messages.

    Args:
        seconds: how long each measurement takes
        rounds: how often the two take turns; the medians count
        progress: called with a line before each round

    Without a display it is drawn into memory. Returns ``{"settings": {...}, "rows": [...]}``.
    """
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["bench"])
    messages = _messages()
    shown, ignored = [], []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: with a panel, without one")
        panel = qt_decision_panel("bench")
        panel.widget.show()
        shown.append(_share(application, panel, messages, seconds))
        panel.widget.close()
        ignored.append(_share(application, Ignorer(), messages, seconds))
    cost, rest = statistics.median(shown), statistics.median(ignored)
    rows = [
        row("with a panel", cost, "% of a core", "wanted of the panel alone", WANTED),
        row("without", rest, "% of a core", "with a panel", cost),
        row("the panel alone", max(cost - rest, 0), "% of a core", "wanted", WANTED),
    ]
    described = settings(
        "panel", COMPARED.format(rate=RATE, batch=BATCH), seconds=seconds, rounds=rounds,
        platform=application.platformName(), gnuradio_version=gr.version(),
    )  # fmt: skip
    return {"settings": described, "rows": rows}


def _messages():
    """Batches of decisions, one in ten rejected, three in four right."""
    rng = np.random.default_rng(0)
    classes = data.read("sample").classes
    return [decision_pdu.encode(_batch(rng, classes, number * BATCH)) for number in range(16)]


def _batch(rng, classes, first):
    truth = rng.integers(len(classes), size=BATCH)
    decided = np.where(rng.random(BATCH) < 0.75, truth, rng.integers(len(classes), size=BATCH))
    scores = rng.normal(size=(BATCH, len(classes))).astype(np.float32)
    best = scores.max(1).astype(float)
    threshold = np.quantile(best, 0.1)
    rows = zip(decided, best < threshold)
    return DecisionBatch(
        frame_index=np.arange(first, first + BATCH),
        modulation=[None if rejected else classes[label] for label, rejected in rows],
        score=best,
        threshold=np.full(BATCH, threshold),
        truth=[classes[label] for label in truth],
        snr_db=np.full(BATCH, 10.0),
        scores=scores,
        classes=tuple(classes),
    )


def _share(application, block, messages, seconds):
    """Processor time of this process while `block` gets messages, in % of a core."""
    flowgraph, sender = gr.top_block(), Sender(messages, BATCH / RATE)
    flowgraph.msg_connect(sender, "batches", block, "batches")
    flowgraph.start()
    _let_run(application, seconds / 4)  # fonts, first pictures
    before, start = time.process_time(), time.monotonic()
    _let_run(application, seconds)
    share = 100 * (time.process_time() - before) / (time.monotonic() - start)
    flowgraph.stop()
    flowgraph.wait()
    return share


def _let_run(application, seconds):
    QtCore.QTimer.singleShot(int(1000 * seconds), application.quit)
    application.exec_()
