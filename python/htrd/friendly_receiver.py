# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver that a transmitter means: it decodes bursts, and counts what came out wrong."""

from collections import deque

import pmt
from gnuradio import gr
from robust_amc import frames, modem, power

from .checks import as_whole
from .messages import control, ports, signal_pdu
from .tally import EverySecond

KINDS = ("clean", "perturbed")
LONGEST = 10**6  # bursts that counts are over
TINIEST = 1e-30  # of an error vector's power: its level is finite


class friendly_receiver(gr.sync_block):
    """Demodulates the bursts of a burst_source, as they come out of a channel.

    It finds level, phase, carrier and time of a burst by its preamble, within 64 samples, and has
    no equalizer (robust_amc.modem). The bits in the dictionary only tell how many were wrong; the
    checksum is that of the bits received.

    Messages in: `bursts`, PDUs of a dictionary with `modulation` and `bits` and complex samples, as
    many as were sent; `control` takes `reset`, with any value. Messages out: `bursts`, one for each
    of those, with the symbols before the decision in the samples' place, for a QT GUI Constellation
    Sink; the dictionary also has `bit_errors` and `symbol_errors` (uint64), `error_vector_db`
    (double, the error's power over that of the points) and `checksum_passed` (bool). `clean` and
    `perturbed`: with each burst a pair of that name and a text of the counts, for a QT GUI Label
    behind a Message Pair to Var; a burst with `pnr_db` counts as perturbed. `status`, a dictionary,
    with the first burst, then about once a second, and at the end: see :meth:`status`.

    Args:
        window: bursts of each kind, the last ones, that counts are over

    Raises UserError for a window out of range.
    """

    def __init__(self, window=1000):
        self._window = as_whole("window", window, 1, LONGEST)
        gr.sync_block.__init__(self, "friendly_receiver", in_sig=None, out_sig=None)
        self._log = control.LogOnce("friendly_receiver")
        self._control = control.Control(self._log, reset=lambda value: self.reset())
        self._period = EverySecond()
        self.reset()
        ports.send(self, "bursts", "status", *KINDS)
        ports.receive(
            self, bursts=self.handle_bursts, control=self.handle_control, system=self.handle_system
        )

    def reset(self):
        """Forget what was counted."""
        self._heard = {kind: deque(maxlen=self._window) for kind in KINDS}
        self._invalid = 0

    def status(self):
        """Counts of the `clean` and the `perturbed` bursts, a dictionary each; `invalid` messages.

        Of each kind: `bursts`, their `bits`, `bit_errors` and `checksums_passed`, and
        `bit_error_rate`, NaN without bursts.
        """
        return {"invalid": self._invalid} | {
            kind: _counts(list(heard)) for kind, heard in self._heard.items()
        }

    @ports.tolerant
    def handle_bursts(self, message):
        """A message on `bursts`."""
        try:
            pdu, sent = _read(message)
        except ValueError as error:
            self._invalid += 1
            raise ValueError(f"burst ignored: {error}") from None
        got = modem.receive(pdu.samples[None, : sent.samples.shape[1]], sent)
        errors = round(got.bit_errors[0] * sent.bits.size)
        passed = bool(got.passed[0])
        kind = KINDS[signal_pdu.number(pdu.facts, "pnr_db") is not None]
        self._heard[kind].append((sent.bits.size, errors, passed))
        self.message_port_pub(pmt.intern("bursts"), signal_pdu.encode(
            pdu.facts, got.values[0], bit_errors=errors, checksum_passed=passed,
            symbol_errors=round(got.symbol_errors[0] * sent.symbols),
            error_vector_db=float(power.to_db(max(got.error_vector[0], TINIEST))),
        ))  # fmt: skip
        text = _text(_counts(list(self._heard[kind])))
        self.message_port_pub(pmt.intern(kind), pmt.cons(pmt.intern(kind), pmt.intern(text)))
        self._report(False)

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended."""
        ports.drain(self, bursts=self.handle_bursts)
        self._report(True)
        self.system_handler(message)

    def _report(self, is_end):
        """Send `status` if it is time."""
        if self._period.passed() is not None or is_end:
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(self.status()))


def _read(message):
    """A message as a SignalPdu, and what was sent; ValueError for what cannot be received."""
    pdu = signal_pdu.decode(message)
    sent = signal_pdu.sent_of(pdu.facts)
    if sent is None:
        raise ValueError("its dictionary does not say its modulation and bits")
    if not signal_pdu.is_length_of(len(pdu.samples), sent):
        raise ValueError(f"its bits do not make {len(pdu.samples)} samples")
    if not frames.valid(frames.to_iq(pdu.samples[None]))[0]:
        raise ValueError("it is zero or not finite")
    return pdu, sent


def _counts(heard):
    """Totals of (bits, bit errors, whether the checksum passed) of bursts."""
    bits, errors, passed = (sum(each) for each in zip(*heard, strict=True)) if heard else (0, 0, 0)
    return {
        "bursts": len(heard), "bits": bits, "bit_errors": errors, "checksums_passed": int(passed),
        "bit_error_rate": errors / bits if bits else float("nan"),
    }  # fmt: skip


def _text(counts):
    wrong = f"{counts['bit_errors']:,} of {counts['bits']:,} bits"
    right = f"{counts['checksums_passed']:,} of {counts['bursts']:,}"
    return f"BER {counts['bit_error_rate']:.2g} ({wrong}), CRC right {right}"
