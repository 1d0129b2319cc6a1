# SPDX-License-Identifier: GPL-3.0-or-later
"""From a detected signal to what a model takes."""

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.gr.gateway import py_io_signature
from robust_amc import frames
from robust_amc.errors import UserError

from .checks import LONGEST_FRAME, as_number, as_switch, as_whole
from .messages import control, ports, signal_pdu
from .tally import EverySecond

FEWEST = 256  # samples from which a symbol rate is estimated
MOST_SAMPLES = 1 << 22  # of a signal
MOST_WAITING = 10_000  # signals


class signal_normalizer(gr.sync_block):
    """Brings signals to a model's samples per symbol, with their carriers at 0 Hz.

    Symbol rate and carrier are estimated, the signal is shifted, filtered and resampled, and cut
    into frames, of which those in pauses are left out (robust_amc.frontend.bring).

    Messages in, port `signals`: PDUs of a dictionary and complex samples, as a signal_detector or
    gr-fhss_utils sends them; `sample_rate` is needed, `bandwidth` and `snr_db` are used, and
    looked for in the samples where they are missing. Messages out: `signals`, the same with the
    frames one after the other as samples. Its dictionary is that of the input but for
    `sample_rate`, `center_frequency` and `relative_frequency`, which follow, and has
    `symbol_rate`, `is_analog`, `symbol_rate_confidence`, `carrier_confidence` and
    `samples_per_symbol` too.
    Where no symbol rate is found there is no `symbol_rate`, and no samples unless `analog` is set;
    none at all with fewer than 256 samples, and of signals that come too fast. `status`, a
    dictionary, with the first signal and then about once a second: see :meth:`status`.

    Input 0, optional: a stream of one signal, at `samp_rate`, taken for a PDU of `block`
    samples at a time; a rest at the end is left out. What comes before waits meanwhile: behind a
    radio use a signal_detector.

    Args:
        samples_per_symbol: of the model
        frame_length: of the model, in samples
        most_frames: of a PDU that are sent, of where the signal is strongest; fewer cost less
        samp_rate: of the stream, in Hz
        block: samples of the stream that are one signal
        queue_signals: how many may wait; of more the oldest are handed on without samples, and
            counted as dropped
        analog: bring signals without a symbol rate to one bandwidth, for models that were trained
            on data of mode `field` and know them so (robust_amc.frontend.by_width)

    Raises UserError for numbers out of range.
    """

    def __init__(self, samples_per_symbol=8, frame_length=frames.FRAME_LENGTH, most_frames=512,
                 samp_rate=1.0, block=32768, queue_signals=20, analog=False):
        # Here: SciPy takes a second to import, and flowgraphs without this block need none of it
        from robust_amc import frontend

        self._frontend = frontend
        self._samples_per_symbol = as_whole("samples_per_symbol", samples_per_symbol, 2, 1000)
        self._frame_length = as_whole("frame_length", frame_length, 1, LONGEST_FRAME)
        self._most_frames = as_whole("most_frames", most_frames, 1)
        self._sample_rate = as_number("samp_rate", samp_rate, 1e-9, 1e12)
        self._block = as_whole("block", block, FEWEST, MOST_SAMPLES)
        self._queue = as_whole("queue_signals", queue_signals, 1, MOST_WAITING)
        self._analog = as_switch("analog", analog)
        gr.sync_block.__init__(
            self, "signal_normalizer", in_sig=py_io_signature(0, 1, [np.complex64]), out_sig=None
        )
        self._log = control.LogOnce("signal_normalizer")
        self._counts = dict.fromkeys(("signals", "with_symbol_rate", "dropped", "invalid"), 0)
        self._parts, self._collected, self._number = [], 0, 0
        self._period = EverySecond()
        ports.send(self, "signals", "status")
        ports.receive(self, signals=self.handle_signals, system=self.handle_system)

    def status(self):
        """Signals so far: `signals`, `with_symbol_rate`, `dropped` and `invalid`."""
        return dict(self._counts)

    @ports.tolerant
    def handle_signals(self, message):
        """A message on `signals`."""
        try:
            self._normalize(message, self.nmsgs(pmt.intern("signals")) >= self._queue)
        finally:
            self._counts["signals"] += 1
            self._report(False)

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended."""
        ports.drain(self, signals=self.handle_signals)
        self._report(True)
        self.system_handler(message)

    def work(self, input_items, output_items):
        """Collect a block of the stream."""
        samples = input_items[0][: self._block - self._collected]
        if not self._collected:
            self._start = self.nitems_read(0)
        self._parts.append(samples.copy())
        self._collected += len(samples)
        if self._collected == self._block:
            self._take_block()
        return len(samples)

    def _take_block(self):
        """Handle what was collected of the stream as a message."""
        facts = signal_pdu.with_facts(
            pmt.make_dict(), burst_id=self._number, sample_rate=self._sample_rate,
            start_offset=self._start, end_offset=self._start + self._collected,
            start_time=self._start / self._sample_rate, is_last=True,
            duration=self._collected / self._sample_rate, center_frequency=0.0,
            relative_frequency=0.0,
        )
        self.handle_signals(signal_pdu.encode(facts, np.concatenate(self._parts)))
        self._parts, self._collected = [], 0
        self._number += 1

    def _normalize(self, message, is_late):
        try:
            if is_late:
                self._counts["dropped"] += 1
                self._log.warn("dropped", "signals come faster than they can be normalized")
                pdu = signal_pdu.without_samples(message)
            else:
                pdu = signal_pdu.decode(message)
            if len(pdu.samples) < FEWEST:
                made, facts = np.zeros(0), {"symbol_rate": None}
            else:
                made, facts = self._brought(pdu)
        except (ValueError, UserError) as error:
            self._counts["invalid"] += 1
            raise ValueError(f"signal ignored: {error}") from None
        self._counts["with_symbol_rate"] += facts["symbol_rate"] is not None
        message = signal_pdu.encode(pdu.facts, made.ravel(), **facts)
        self.message_port_pub(pmt.intern("signals"), message)

    def _brought(self, pdu):
        """Frames ``[n, length]`` of a SignalPdu, and the facts that change."""
        rate = signal_pdu.number(pdu.facts, "sample_rate")
        if rate is None or not 0 < rate < 1e12:
            raise UserError("it has no sample_rate")
        if len(pdu.samples) > MOST_SAMPLES:
            raise UserError(f"it has {len(pdu.samples)} samples, more than {MOST_SAMPLES}")
        samples = np.nan_to_num(pdu.samples, nan=0.0, posinf=0.0, neginf=0.0)
        band = self._band(pdu, samples, rate)
        made = self._frontend.bring(
            samples, band, self._frame_length, self._samples_per_symbol, self._most_frames,
            self._analog,
        )
        symbol_rate, carrier = made.known.symbol_rate, made.known.carrier
        facts = {
            "symbol_rate": None,
            "is_analog": symbol_rate.rate is None and made.rate is not None,
            "symbol_rate_confidence": symbol_rate.confidence,
            "carrier_confidence": carrier.confidence,
        }
        for name in ("center_frequency", "relative_frequency"):
            middle = signal_pdu.number(pdu.facts, name)
            if middle is not None:
                facts[name] = middle + carrier.frequency * rate
        if symbol_rate.rate is not None:
            facts["symbol_rate"] = symbol_rate.rate * rate
            facts["samples_per_symbol"] = float(self._samples_per_symbol)
        if made.rate is not None:
            facts["sample_rate"] = made.rate * rate * self._samples_per_symbol
        return made.frames, facts

    def _band(self, pdu, samples, rate):
        width = signal_pdu.number(pdu.facts, "bandwidth")
        snr_db = signal_pdu.number(pdu.facts, "snr_db")
        if width is None or snr_db is None or not 0 < width <= rate or abs(snr_db) > 200:
            return self._frontend.strongest(samples)
        return self._frontend.Band(-width / rate / 2, width / rate / 2, 10 ** (snr_db / 10))

    def _report(self, is_end):
        """Send `status` if it is time."""
        if self._period.passed() is not None or is_end:
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(self.status()))
