# SPDX-License-Identifier: GPL-3.0-or-later
"""A window on the robust accuracy of several receivers, as the PNR moves."""

import pmt
from gnuradio import gr
from PyQt5 import QtCore
from robust_amc.errors import UserError

from .checks import as_db, as_list, as_whole, at_least, shown
from .messages import control, decision_pdu, ports
from .panel.curve import CurveHistory
from .panel.curve_view import CurvePicture, CurveView
from .panel.history import LONGEST
from .panel.sweep import Sweep

PERIOD = 200  # milliseconds between two pictures


class qt_security_curve(gr.sync_block):
    """Draws robust accuracy against PNR while decisions come, and beside it over time.

    Robust accuracy as in robust_amc.evaluation: an attacked frame counts when its class is
    right or it is rejected, any other when its class is right. Frames need a known truth.

    A frame counts at the PNR that is set here. The one that it carries is measured, and lower
    where a weaker perturbation was enough, so points made of it would be of frames chosen by
    how they ended.

    It can lead: with levels in `sweep` it sends the next one when every receiver has had
    `visit` frames at the present one, up and down again and again. Connect `pnr_db` to what
    sets the PNR of the attack, and of this block.

    Messages in: `batches` of a classifier, or, for several receivers, `batches0`, `batches1`
    …; `control` takes `pnr_db` (dB) and `reset` (any value). Messages out: `pnr_db`, a pair
    (``pnr_db``, dB).

    Args:
        receivers: their names, in the order of the inputs
        pnr_db: the PNR of the attack in dB
        sweep: PNRs in dB to go to, in turn; empty: none
        visit: frames of each receiver for a stop of the sweep
        window: number of frames, the last ones, that each point is over (0: all)
        skip: frames of each receiver left out after a change of the PNR: at least what is in
            the buffers between the attack and the receiver
        seconds: how far back the time goes

    Attributes:
        widget: the QWidget to put into a window; needs a QApplication

    Raises UserError for no receivers, levels that are not finite, and numbers out of range.
    """

    def __init__(self, receivers=("receiver",), pnr_db=-10.0, sweep=(), visit=100, window=1000,
                 skip=64, seconds=120):
        named = isinstance(receivers, (list, tuple)) and all(
            isinstance(name, str) for name in receivers
        )
        if not named or not receivers:
            raise UserError(f"receivers must be a list of names, not {shown(receivers)}")
        window, skip = at_least(0, window=window, skip=skip)
        visit, seconds = as_whole("visit", visit, 1), as_whole("seconds", seconds, 2, LONGEST)
        gr.sync_block.__init__(self, "qt_security_curve", in_sig=None, out_sig=None)
        self._log = control.LogOnce("qt_security_curve")
        self._names, self._visit = tuple(receivers), visit
        self._history = CurveHistory(len(receivers), window, seconds, skip)
        self.widget = CurveView()
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(PERIOD)
        self.set_pnr_db(pnr_db)
        self.set_sweep(sweep)
        self._control = control.Control(
            self._log, pnr_db=self.set_pnr_db, reset=lambda value: self.reset()
        )
        ports.send(self, "pnr_db")
        for number in range(len(receivers)):
            self._listen(f"batches{number}" if len(receivers) > 1 else "batches", number)
        ports.receive(self, control=self.handle_control)

    def _listen(self, port, number):
        """Take decisions of a receiver from a port."""

        def handle(message):
            self.handle_batches(number, message)

        handle.__name__ = f"_handle_{port}"  # by which GNU Radio finds it
        setattr(self, handle.__name__, handle)
        ports.receive(self, **{port: handle})

    def pnr_db(self):
        """The PNR in dB at which attacked frames count."""
        return self._pnr_db

    def set_pnr_db(self, value):
        """Say the PNR of the attack in dB; UserError when it is not within ±200."""
        self._pnr_db = as_db("pnr_db", value)
        self._history.set_level(self._pnr_db)

    def set_sweep(self, levels):
        """Go to these PNRs in dB in turn, up and down; empty: stay. UserError as for set_pnr_db."""
        self._sweep = Sweep([as_db("sweep", level) for level in as_list("sweep", levels)])

    def reset(self):
        """Forget all decisions."""
        self._history.reset()

    @ports.tolerant
    def handle_batches(self, number, message):
        """A message of the receiver `number`."""
        self._history.add(number, decision_pdu.decode(message))
        self._lead()

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def _lead(self):
        """Ask for the next PNR of the sweep, when it is time."""
        level = self._sweep.next(self._pnr_db, self._history.since() >= self._visit)
        if level is not None:
            port = pmt.intern("pnr_db")
            self.message_port_pub(port, pmt.cons(port, pmt.from_double(level)))

    def refresh(self):
        """Draw what there is; the timer calls it in Qt's thread."""
        if self.widget.isVisible():
            self.widget.show_picture(self.picture())

    def picture(self):
        """The CurvePicture of this moment."""
        levels, counts = self._history.times()
        return CurvePicture(
            names=self._names,
            points=self._history.points(),
            levels=levels,
            counts=counts,
            pnr_db=self._pnr_db,
            span=self._sweep.levels,
        )
