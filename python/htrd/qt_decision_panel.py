# SPDX-License-Identifier: GPL-3.0-or-later
"""A window on the decisions of a classifier."""

import numpy as np
from gnuradio import gr
from PyQt5 import QtCore, QtGui
from robust_amc.errors import UserError
from robust_amc.evaluation.running import Totals

from .checks import as_text, as_whole, shown
from .messages import control, decision_pdu, ports, values
from .panel.history import LONGEST, History
from .panel.view import DecisionView, Picture

PERIOD = 100  # milliseconds between two pictures
LATEST = 64  # decisions, more than fit into a window
STATUS = ("rate", "latency_ms", "dropped", "discarded")  # of a classifier, what is shown


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

    Raises UserError for numbers out of range, and a color that is none.
    """

    def __init__(self, title="", window=1000, seconds=60, color=""):
        window, seconds = as_whole("window", window), as_whole("seconds", seconds, 2, LONGEST)
        title, color = as_text("title", title), as_text("color", color)
        if color and not QtGui.QColor(color).isValid():
            raise UserError(f"color must be such as #d55e00 or a name, not {shown(color)}")
        gr.sync_block.__init__(self, "qt_decision_panel", in_sig=None, out_sig=None)
        self._log = control.LogOnce("qt_decision_panel")
        self._totals, self._history = Totals(window), History(LATEST, seconds)
        self._status = {}
        self._control = control.Control(self._log, reset=lambda value: self.reset())
        self.widget = DecisionView(title, color)
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(PERIOD)
        ports.receive(
            self, batches=self.handle_batches, status=self.handle_status,
            control=self.handle_control,
        )

    def reset(self):
        """Forget all decisions."""
        self._totals.reset()
        self._history.reset()

    @ports.tolerant
    def handle_batches(self, message):
        """A message on `batches`."""
        batch = decision_pdu.decode(message)
        self._totals.add(batch)
        self._history.add(batch)

    @ports.tolerant
    def handle_status(self, message):
        """A message on `status`."""
        self._status = values.numbers(message, STATUS)

    @ports.tolerant
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
        yield "dropped", f"{status['dropped']:,.0f}"
    if status.get("discarded"):
        yield "discarded", f"{status['discarded']:,.0f}"
