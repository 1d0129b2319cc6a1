# SPDX-License-Identifier: GPL-3.0-or-later
"""One decision for a signal, from those of its frames."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pmt
from gnuradio import gr
from robust_amc.signal_decision import FusionSettings, SignalDecision, label_name

from .checks import as_number, as_switch, as_whole
from .messages import control, pmt_vectors, ports, signal_pdu

MOST_SIGNALS = 1000  # that go on at a time; of more, those not heard of for longest are forgotten


@dataclass
class _Going:
    """A signal that goes on."""

    decision: SignalDecision
    classes: tuple
    start: dict  # what the first part says of it
    is_analog: bool = False  # whether its frames are of parts without a symbol rate
    symbol_rate: float | None = None  # of the last part that has one


class decision_fuser(gr.sync_block):
    """Decides what a signal is, from all of its frames.

    The log posteriors of the frames that are not rejected add up; the class with the largest sum
    is the signal's, if the frames are at least `fewest_frames` and the `share` of them is decided
    so (robust_amc.signal_decision). Frames that come when that is sure are left out.

    Messages in, port `signals`: a PDU a signal or a part of it, as a classifier sends it there.
    PDUs with the same `burst_id` are one signal until one has `is_last`. Messages out: `signals`,
    one for each of those, a PDU of the dictionary that came with it and an f32vector, the mean log
    posterior of each class. The dictionary also has `modulation` (absent: not known), `confidence`
    (share of the frames decided so), `frames` (that were used), `sure` (whether further ones are
    left out) and `classes`; `start_offset` and `start_time` are the first part's, `duration` is
    from there; `symbol_rate` is the last part's that has one.

    Args:
        fewest_frames: with fewer a signal has no modulation
        share: of its frames that has to be decided as its modulation
        stop_early: leave frames out once a signal is sure

    Raises UserError for numbers out of range.
    """

    def __init__(self, fewest_frames=3, share=0.5, stop_early=True):
        self._settings = FusionSettings(
            as_whole("fewest_frames", fewest_frames, 1), as_number("share", share, 0, 1),
            as_switch("stop_early", stop_early),
        )
        gr.sync_block.__init__(self, "decision_fuser", in_sig=None, out_sig=None)
        self._log = control.LogOnce("decision_fuser")
        self._going = OrderedDict()
        ports.send(self, "signals")
        ports.receive(self, signals=self.handle_signals, system=self.handle_system)

    @ports.tolerant
    def handle_signals(self, message):
        """A message on `signals`."""
        pdu = signal_pdu.decode_decided(message)
        going = self._of(pdu)
        self._use(going, pdu)
        decision = going.decision
        going.symbol_rate = signal_pdu.number(pdu.facts, "symbol_rate") or going.symbol_rate
        name = label_name(decision, pdu.classes, not going.is_analog)
        facts = signal_pdu.with_facts(
            pdu.facts, **_since(going.start, pdu), symbol_rate=going.symbol_rate,
            modulation=name, frames=decision.frames,
            confidence=decision.confidence if name else 0.0, sure=decision.is_sure,
        )
        facts = pmt.dict_add(facts, pmt.intern("classes"), pmt_vectors.symbols(pdu.classes))
        mean = decision.mean.astype(np.float32)
        self.message_port_pub(pmt.intern("signals"), pmt.cons(facts, pmt_vectors.floats(mean)))

    def _use(self, going, pdu):
        """Add the frames of a part to what is known of its signal.

        Parts in which symbols were found count, or else those without.
        """
        is_analog = signal_pdu.is_analog(pdu.facts)
        if not going.decision.frames:
            going.is_analog = is_analog
        elif going.is_analog and not is_analog and len(pdu.decisions.label):
            going.decision = SignalDecision(len(pdu.classes), self._settings)
            going.is_analog = False
        is_enough = self._settings.stop_early and going.decision.is_sure
        if is_analog == going.is_analog and not is_enough:
            going.decision.add(pdu.decisions)

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended."""
        ports.drain(self, signals=self.handle_signals)
        self.system_handler(message)

    def _of(self, pdu):
        """The signal that a DecidedPdu is a part of; kept unless it is the last one."""
        burst = signal_pdu.burst_of(pdu.facts)
        going = self._going.pop(burst, None)
        if going is None or going.classes != pdu.classes or burst is None:
            decision = SignalDecision(len(pdu.classes), self._settings)
            going = _Going(decision, pdu.classes, _times(pdu))
        if burst is not None and not signal_pdu.is_last(pdu.facts):
            self._going[burst] = going
            if len(self._going) > MOST_SIGNALS:
                self._going.popitem(last=False)
                self._log.warn("many", "so many signals go on that some are forgotten")
        return going


def _times(pdu):
    names = ("start_offset", "start_time")
    return {name: signal_pdu.number(pdu.facts, name) for name in names}


def _since(start, pdu):
    """When a signal began, by its first part, and how long it has lasted."""
    facts = {}
    if start["start_offset"] is not None:
        facts["start_offset"] = int(start["start_offset"])
    if start["start_time"] is not None:
        facts["start_time"] = start["start_time"]
        own = {name: signal_pdu.number(pdu.facts, name) for name in ("start_time", "duration")}
        if None not in own.values():
            facts["duration"] = own["start_time"] + own["duration"] - start["start_time"]
    return facts
