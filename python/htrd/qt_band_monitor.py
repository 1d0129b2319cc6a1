# SPDX-License-Identifier: GPL-3.0-or-later
"""A window on a band and the signals in it."""

from gnuradio import gr
from PyQt5 import QtCore

from .checks import as_text, as_whole
from .messages import control, ports, signal_pdu
from .panel.band import MOST_BINS, BandHistory, SeenSignal
from .panel.band_view import BandView

PERIOD = 100  # milliseconds between two pictures
MOST_ROWS = 2000


class qt_band_monitor(gr.sync_block):
    """Shows a waterfall of a band, boxes around its signals with what they are, and their list.

    Messages in: `spectra` of a signal_detector; `signals` of a decision_fuser (or of a
    signal_detector or signal_normalizer, which know no modulation); `control` takes `reset`,
    with any value.

    Args:
        title: headline
        rows: spectra in the waterfall

    Attributes:
        widget: the QWidget to put into a window; needs a QApplication

    Raises UserError for numbers out of range.
    """

    def __init__(self, title="", rows=300):
        title, rows = as_text("title", title), as_whole("rows", rows, 10, MOST_ROWS)
        gr.sync_block.__init__(self, "qt_band_monitor", in_sig=None, out_sig=None)
        self._log = control.LogOnce("qt_band_monitor")
        self._history = BandHistory(rows)
        self._control = control.Control(self._log, reset=lambda value: self.reset())
        self.widget = BandView(title)
        self._timer = QtCore.QTimer(self.widget)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(PERIOD)
        ports.receive(
            self, spectra=self.handle_spectra, signals=self.handle_signals,
            control=self.handle_control,
        )

    def reset(self):
        """Forget everything."""
        self._history.reset()

    @ports.tolerant
    def handle_spectra(self, message):
        """A message on `spectra`."""
        spectrum = signal_pdu.decode_spectrum(message)
        if not 1 < len(spectrum.level) <= MOST_BINS:
            raise ValueError(f"a spectrum of {len(spectrum.level)} bins")
        self._history.add_spectrum(
            spectrum.start_offset, spectrum.level, spectrum.center_hz, spectrum.sample_rate_hz
        )

    @ports.tolerant
    def handle_signals(self, message):
        """A message on `signals`."""
        facts = signal_pdu.facts_of(message)
        names = ("start_offset", "end_offset", "center_frequency", "bandwidth")
        known = {name: signal_pdu.number(facts, name) for name in names}
        if None in known.values():
            raise ValueError(f"a signal needs {', '.join(names)}")
        self._history.add_signal(signal_pdu.burst_of(facts), SeenSignal(
            start=int(known["start_offset"]), stop=int(known["end_offset"]),
            center_hz=known["center_frequency"], bandwidth_hz=known["bandwidth"],
            symbol_rate=signal_pdu.number(facts, "symbol_rate"),
            snr_db=signal_pdu.number(facts, "snr_db"),
            modulation=signal_pdu.modulation_of(facts),
            confidence=signal_pdu.number(facts, "confidence") or 0.0,
            frames=int(signal_pdu.number(facts, "frames") or 0),
            is_last=signal_pdu.is_last(facts),
        ))  # fmt: skip

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def refresh(self):
        """Draw what there is; the timer calls it in Qt's thread."""
        if self.widget.isVisible():
            self.widget.show_picture(self.picture())

    def picture(self):
        """The BandPicture of this moment."""
        return self._history.picture()
