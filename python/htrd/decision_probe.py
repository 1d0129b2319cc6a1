# SPDX-License-Identifier: GPL-3.0-or-later
"""Running totals over decisions."""

import threading
import time

import numpy as np
import pmt
from gnuradio import gr
from robust_amc.decisions import DecisionBatch
from robust_amc.evaluation.running import METRICS, Totals

from .checks import as_switch, as_whole
from .messages import control, decision_pdu, ports

SUMMARY_PERIOD = 1.0  # seconds


class decision_probe(gr.sync_block):
    """Counts decisions and computes the metrics of robust_amc.evaluation from them.

    Messages in: `decisions` or `batches` of a classifier (connect one of them: both carry
    every frame); `control` takes `reset` and `publish`, with any value. Messages out:
    `summary`, the dictionary of :meth:`summary`, about once a second, when asked for and at
    the end; and with it `accuracy`, `accepted_accuracy`, `rejection_rate`, `robust_accuracy`,
    each a pair (name, whole percent) for a Qt gauge, left out while there is no value.

    A frame with a `pnr_db` counts as attacked. Accuracies need the truth; frames without it
    count in `frames`, `rejected` and `rejection_rate` only.

    Args:
        window: number of frames, the last ones, that totals are over (0: all since the last reset)
        keep: keep every decision for :meth:`records`; memory grows with each frame
    """

    def __init__(self, window=0, keep=False):
        window, keep = as_whole("window", window), as_switch("keep", keep)
        gr.sync_block.__init__(self, "decision_probe", in_sig=None, out_sig=None)
        self._lock = threading.Lock()
        self._log = control.LogOnce("decision_probe")
        self._keep, self._kept = keep, []
        self._totals = Totals(window)
        self._published = time.monotonic()
        self._control = control.Control(
            self._log, reset=lambda value: self.reset(), publish=lambda value: self.publish()
        )
        ports.send(self, "summary", *METRICS)
        ports.receive(
            self, decisions=self.handle_decisions, batches=self.handle_batches,
            control=self.handle_control, system=self.handle_system,
        )

    def reset(self):
        """Forget everything counted and kept."""
        self._totals.reset()
        with self._lock:
            self._kept = []

    def handle_decisions(self, message):
        """A message on `decisions`."""
        self._add(message)

    def handle_batches(self, message):
        """A message on `batches`."""
        self._add(message)

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended.

        The scheduler may end this block now, although decisions are still in its queues. So
        they are counted here, and the last summary goes out while it can still be received.
        """
        ports.drain(self, decisions=self._add, batches=self._add)
        self.publish()
        self.system_handler(message)

    @ports.tolerant
    def _add(self, message):
        batch = decision_pdu.decode(message)
        if self._keep:
            self._remember(batch)
        self._totals.add(batch)
        if time.monotonic() - self._published >= SUMMARY_PERIOD:
            self.publish()

    def _remember(self, batch):
        with self._lock:
            if self._kept and self._kept[0].scores.shape[1] != batch.scores.shape[1]:
                raise ValueError("it has another number of classes than those before")
            self._kept.append(batch)

    def publish(self):
        """Send the summary, and its shares as percents."""
        self._published = time.monotonic()
        summary = self.summary()
        self.message_port_pub(pmt.intern("summary"), pmt.to_pmt(summary))
        for port in map(pmt.intern, METRICS):
            share = summary[pmt.symbol_to_string(port)]
            if np.isfinite(share):
                self.message_port_pub(port, pmt.cons(port, pmt.from_long(round(100 * share))))

    def summary(self):
        """Totals as a dictionary, see :meth:`robust_amc.evaluation.running.Totals.summary`."""
        return self._totals.summary()

    def confusion(self):
        """Frames by truth and decision, ``{truth: {modulation: frames}}``; None: rejected."""
        return self._totals.confusion()

    def records(self):
        """Every decision since the last reset as one DecisionBatch; None: none. Needs `keep`."""
        with self._lock:
            kept = list(self._kept)
        return DecisionBatch.joined(kept) if kept else None
