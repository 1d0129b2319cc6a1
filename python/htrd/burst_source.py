# SPDX-License-Identifier: GPL-3.0-or-later
"""Bursts of known bits, for a friendly receiver to decode and an eavesdropper to classify."""

import numpy as np
import pmt
from gnuradio import gr
from robust_amc import modem

from .checks import LARGEST_SEED, as_choice, as_db, as_whole
from .messages import control, ports, signal_pdu

ALL = "all"  # the classes take turns
WIDEST = 10**6  # bursts under way


class burst_source(gr.sync_block):
    """Sends bursts of random bits, one for each message on its port `send`.

    Messages in: `send`, any, such as those of a Message Strobe; `acknowledged`, any, one for each
    burst that has come out at the end, such as a friendly_receiver's `bursts`; `control` takes
    `modulation` and `snr_db`, as (name, value) or a dictionary. Messages out: `bursts`, PDUs of a
    dictionary and complex samples at 8 a symbol, silence, then 24 symbols of preamble, payload and
    CRC-32, then silence; their mean power is 1 while the symbols last. The dictionary has
    `burst_id` (uint64, from 0 on), `modulation` (symbol), `bits` (u8vector: payload and CRC-32)
    and `snr_db` (double). `status`, a dictionary, with each message on `send`: see :meth:`status`.

    Args:
        modulation: a class of robust_amc.modem, or ``all``: they take turns
        symbols: of a burst, behind the preamble
        snr_db: that the bursts will have, for what comes behind; no noise is added here
        window: bursts under way at most, that are not acknowledged: what is asked for beyond is not
            sent, so that a slow block behind never has more waiting (0: any number)
        seed: of the bits; a burst's follow from it, its `burst_id` and its class

    Raises UserError for another class, and numbers out of range.
    """

    def __init__(self, modulation=ALL, symbols=120, snr_db=20.0, window=0, seed=0):
        self._symbols = as_whole("symbols", symbols, 1, signal_pdu.MOST_SYMBOLS)
        self._window = as_whole("window", window, 0, WIDEST)
        self._seed = as_whole("seed", seed, 0, LARGEST_SEED)
        self.set_modulation(modulation)
        self.set_snr_db(snr_db)
        gr.sync_block.__init__(self, "burst_source", in_sig=None, out_sig=None)
        self._log = control.LogOnce("burst_source")
        self._counts = dict.fromkeys(("sent", "acknowledged", "held"), 0)
        self._control = control.Control(
            self._log, modulation=self.set_modulation, snr_db=self.set_snr_db
        )
        ports.send(self, "bursts", "status")
        ports.receive(
            self, send=self.handle_send, acknowledged=self.handle_acknowledged,
            control=self.handle_control,
        )

    def modulation(self):
        """The class that is sent, or ``all``."""
        return self._modulation

    def set_modulation(self, value):
        """Set the class, or ``all``, from the next burst on.

        UserError for another one, or one whose bursts are too short for a payload.
        """
        value = as_choice("modulation", value, (ALL, *modem.NAMES))
        for name in modem.NAMES if value == ALL else (value,):
            modem.transmitted(name, 1, self._symbols, np.random.default_rng(0))
        self._modulation = value

    def snr_db(self):
        """The SNR in dB that the bursts say they will have."""
        return self._snr_db

    def set_snr_db(self, value):
        """Set that SNR, from the next burst on; UserError when it is not finite."""
        self._snr_db = as_db("snr_db", value)

    def status(self):
        """Bursts so far: `sent` and `acknowledged`; and `held`, asked for beyond the window."""
        return dict(self._counts)

    @ports.tolerant
    def handle_send(self, message):
        """A message on `send`."""
        under_way = self._counts["sent"] - self._counts["acknowledged"]
        if self._window and under_way >= self._window:
            self._counts["held"] += 1
        else:
            self.message_port_pub(pmt.intern("bursts"), self._burst(self._counts["sent"]))
            self._counts["sent"] += 1
        self.message_port_pub(pmt.intern("status"), pmt.to_pmt(self.status()))

    @ports.tolerant
    def handle_acknowledged(self, message):
        """A message on `acknowledged`."""
        if self._counts["acknowledged"] < self._counts["sent"]:
            self._counts["acknowledged"] += 1

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def _burst(self, number):
        """The message of a burst."""
        name = self._modulation
        if name == ALL:
            name = modem.NAMES[number % len(modem.NAMES)]
        rng = np.random.default_rng([self._seed, number, modem.NAMES.index(name)])
        sent = modem.transmitted(name, 1, self._symbols, rng)
        return signal_pdu.encode_burst(sent, burst_id=number, snr_db=self._snr_db)
