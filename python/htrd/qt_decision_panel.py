# SPDX-License-Identifier: GPL-3.0-or-later
"""A window on the decisions of a classifier."""

import numpy as np
import pmt
from gnuradio import gr
from PyQt5 import QtCore
from robust_amc.evaluation.running import Totals

from .checks import at_least
from .messages import control, decision_pdu
from .panel.history import History
from .panel.view import DecisionView, Picture

PERIOD = 100  # milliseconds between two pictures
LATEST = 64  # decisions, more than fit into a window


class qt_decision_panel(gr.sync_block):
    """Shows decisions as they come, ten times a second at any rate of decisions.

    The latest ones with their scores against the threshold, running accuracy and rejection
    (accuracies and the confusion matrix where the true class is known), how often each class
    was decided over the last seconds, and what the classifier says of itself: rate, drops,
    latency.

    Messages in: `batches` and `status` of a classifier; `control` takes `reset`, with any
    value.

    Args:
        title: headline
        window: number of frames, the last ones, that running figures are over (0: all)
        seconds: how far back the classes over time go
        color: of the square before the headline, as ``#d55e00`` or a name; none: no square

    Attributes:
        widget: the QWidget to put into a window; needs a QApplication
    """

    def __init__(self, title="", window=1000, seconds=60, color=""):
        at_least(0, window=window)
        at_least(2, seconds=seconds)
        gr.sync_block.__init__(self, "qt_decision_panel", in_sig=None, out_sig=None)
        self._log = control.LogOnce("qt_decision_panel")
        self._totals, self._history = Totals(window), History(LATEST, seconds)
        self._status = {}
        self._control = control.Control(self._log, reset=lambda value: self.reset())
        self.widget = DecisionView(title, color)
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(PERIOD)
        for port, handler in (
            ("batches", self.handle_batches),
            ("status", self.handle_status),
            ("control", self.handle_control),
        ):
            self.message_port_register_in(pmt.intern(port))
            self.set_msg_handler(pmt.intern(port), handler)

    def reset(self):
        """Forget all decisions."""
        self._totals.reset()
        self._history.reset()

    def handle_batches(self, message):
        """A message on `batches`."""
        try:
            batch = decision_pdu.decode(message)
        except ValueError as error:
            self._log.warn("batch", f"message ignored: {error}")
            return
        self._totals.add(batch)
        self._history.add(batch)

    def handle_status(self, message):
        """A message on `status`."""
        if pmt.is_dict(message):
            self._status = pmt.to_python(message)
        else:
            self._log.warn("status", "status ignored: not a dictionary")

    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def refresh(self):
        """Draw what there is; the timer calls it in Qt's thread."""
        if self.widget.isVisible():
            self.widget.show_picture(self.picture())

    def picture(self):
        """The Picture of this moment."""
        classes = tuple(self._history.classes)
        return Picture(
            figures=list(_figures(self._totals.summary(), self._status)),
            latest=self._history.latest(),
            classes=classes,
            confusion=self._totals.confusion(),
            shares=self._history.shares([*classes, None]),
        )


def _figures(summary, status):
    """(name, text) of each number of the headline; those that are not known are left out."""
    yield "frames", f"{summary['frames']:,}"
    for name in ("accuracy", "accepted_accuracy", "robust_accuracy", "rejection_rate"):
        if np.isfinite(summary[name]) and (name != "robust_accuracy" or summary["attacked"]):
            yield name.replace("_", " "), f"{100 * summary[name]:.1f} %"
    if "rate" in status:
        yield "rate", f"{status['rate']:,.0f} /s"
    if "latency_ms" in status:
        yield "latency", f"{status['latency_ms']:.1f} ms"
    if "dropped" in status:
        yield "dropped", f"{status['dropped']:,}"
    if status.get("discarded"):
        yield "discarded", f"{status['discarded']:,}"
