#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""decision_fuser: sums of log posteriors, parts of signals, sure ones, wrong messages."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import signal_pdu
from robust_amc.decisions import Decisions
from robust_amc.errors import UserError

NAMES = ("BPSK", "QPSK", "WBFM")


def decisions(labels, seed=0):
    """Decisions of frames with those labels (-1: rejected), and log posteriors that say so."""
    label = np.array(labels, np.int16)
    logits = np.random.default_rng(seed).normal(size=(len(label), len(NAMES)))
    taken = np.flatnonzero(label >= 0)
    logits[taken, label[taken]] += 4
    posterior = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    return Decisions(label, posterior, np.ones(len(label), bool), posterior)


def part(labels, seed=0, **facts):
    """A message as a classifier sends it; None takes an entry out."""
    known = {"burst_id": 7, "start_offset": 100, "start_time": 2.0, "duration": 0.5,
             "end_offset": 200, "is_last": True, "remark": "kept"}  # fmt: skip
    made = signal_pdu.with_facts(pmt.make_dict(), **known | facts)
    return signal_pdu.encode_decided(made, NAMES, decisions(labels, seed))


def fused(*sent, expected=None, **settings):
    """What comes out of messages: dictionaries, and the mean log posteriors."""
    flowgraph = gr.top_block()
    block, sink = htrd.decision_fuser(**settings), blocks.message_debug()
    flowgraph.msg_connect(block, "signals", sink, "store")
    for message in sent:
        support.post(block, "signals", message)
    flowgraph.start()
    wanted = len(sent) if expected is None else expected
    support.wait_for(lambda: sink.num_messages() == wanted)
    flowgraph.stop()
    flowgraph.wait()
    return [(pmt.to_python(pmt.car(each)), np.array(pmt.f32vector_elements(pmt.cdr(each))))
            for each in map(sink.get_message, range(wanted))]


class QaDecisionFuser(gr_unittest.TestCase):
    def test_sum_of_log_posteriors_of_accepted_frames(self):
        labels = [1, 1, 1, 0, -1, 1]
        ((facts, mean),) = fused(part(labels))
        self.assertEqual((facts["modulation"], facts["frames"]), ("QPSK", 6))
        self.assertAlmostEqual(facts["confidence"], 4 / 6)
        self.assertEqual((facts["remark"], facts["sure"], facts["is_last"]), ("kept", False, True))
        self.assertEqual(facts["classes"], ["QPSK" if n == 1 else NAMES[n] for n in range(3)])
        own = np.maximum(decisions(labels).log_posterior, -4.6)
        own[4] = 0
        np.testing.assert_allclose(mean, own.mean(0), rtol=1e-5)

    def test_parts_are_one_signal_until_the_last(self):
        parts = [
            part([1, 1], 1, is_last=False, symbol_rate=5e4),
            part([0] * 9, 2, burst_id=8, start_offset=150),  # another one in between
            part([1, 1], 3, is_last=False, start_offset=200, start_time=2.5, end_offset=300),
            part([1], 4, start_offset=300, start_time=3.0, end_offset=400),
            part([0, 0, 0], 5, start_offset=900),  # a new one with that number
        ]
        got = [facts for facts, _ in fused(*parts)]
        self.assertEqual([each["frames"] for each in got], [2, 9, 4, 5, 3])
        self.assertEqual([each.get("modulation") for each in got],
                         [None, "BPSK", "QPSK", "QPSK", "BPSK"])
        self.assertEqual([each.get("symbol_rate") for each in got], [5e4, None, 5e4, 5e4, None])
        self.assertEqual([each["start_offset"] for each in got], [100, 150, 100, 100, 900])
        self.assertEqual([each["end_offset"] for each in got], [200, 200, 300, 400, 200])
        self.assertEqual((got[3]["start_time"], got[3]["duration"]), (2.0, 1.5))

    def test_analog_signals(self):
        ((facts, _),) = fused(part([2, 2, 2, 1], is_analog=True))
        self.assertEqual((facts["modulation"], facts["frames"]), ("WBFM", 4))
        going = {"is_last": False, "is_analog": True}
        parts = [
            part([], 1, is_last=False), part([2] * 4, 1, **going),
            part([0] * 3, 2, is_last=False, symbol_rate=5e4),  # symbols are found at last
            part([2] * 9, 3, is_analog=True),  # and then missed
        ]  # fmt: skip
        got = [facts for facts, _ in fused(*parts)]
        self.assertEqual([each.get("modulation") for each in got],
                         [None, "WBFM", "BPSK", "BPSK"])
        self.assertEqual([each["frames"] for each in got], [0, 4, 3, 3])

    def test_signals_without_a_number_are_each_their_own(self):
        got = fused(*[part([1, 1], burst_id=None, is_last=None)] * 2, fewest_frames=2)
        self.assertEqual([facts["frames"] for facts, _ in got], [2, 2])

    def test_what_makes_no_modulation(self):
        for labels, settings in (
            ([], {}), ([1, 1], {}), ([-1] * 5, {}), ([1, 1, -1, -1, -1], {}),
            ([2] * 9, {}),  # analog, in spite of the symbols
            ([1] * 9, {"is_analog": True}),  # and the other way round
            ([1, 1, 1, 0], {"share": 0.8}), ([1] * 5, {"fewest_frames": 6}),
        ):  # fmt: skip
            known = {"is_analog": settings.pop("is_analog", None)}
            ((facts, _),) = fused(part(labels, **known), **settings)
            self.assertNotIn("modulation", facts)
            self.assertEqual((facts["confidence"], facts["frames"]), (0.0, len(labels)))

    def test_frames_after_it_is_sure_are_left_out(self):
        for stop_early, frames in ((True, 40), (False, 80)):
            got = fused(part([1] * 40, 1, is_last=False), part([1] * 40, 2), stop_early=stop_early)
            self.assertEqual([facts["sure"] for facts, _ in got], [True, True])
            self.assertEqual(got[-1][0]["frames"], frames)

    def test_wrong_messages_are_ignored(self):
        facts, posteriors = pmt.car(part([1])), pmt.cdr(part([1]))
        broken = pmt.init_f32vector(3, [0, float("nan"), 0])
        bad = [pmt.PMT_NIL, pmt.cons(pmt.make_dict(), posteriors), pmt.cons(facts, broken),
               pmt.cons(facts, pmt.init_f32vector(2, [0, 0]))]  # fmt: skip
        ((facts, _),) = fused(*bad, part([0, 0, 0]), expected=1)
        self.assertEqual(facts["modulation"], "BPSK")

    def test_what_cannot_be(self):
        for wrong in ({"fewest_frames": 0}, {"share": 1.5}, {"stop_early": "x"}):
            with self.assertRaises(UserError):
                htrd.decision_fuser(**wrong)


if __name__ == "__main__":
    gr_unittest.run(QaDecisionFuser)
