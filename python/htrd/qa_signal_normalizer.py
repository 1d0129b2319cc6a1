#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""signal_normalizer: rates and carriers, what is handed on, streams, pauses, wrong messages."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import signal_pdu
from robust_amc import frontend
from robust_amc.benchmarks import modulated_signals
from robust_amc.errors import UserError

RATE = 1e6
SYMBOL_RATE = 80e3
OFFSET = 3e3  # of the carrier, Hz


def samples(count=40_000, name="QPSK", seed=1):
    """A signal in noise, complex64 ``[count]``."""
    rng = np.random.default_rng(seed)
    made = modulated_signals.signal(name, count, RATE / SYMBOL_RATE, 0.35, rng)
    noise = rng.normal(size=(2, count)) * 0.05
    shift = np.exp(2j * np.pi * OFFSET / RATE * np.arange(count))
    return (made * shift + noise[0] + 1j * noise[1]).astype(np.complex64)


def signal(values, **facts):
    """A message as a detector sends it; None takes an entry out."""
    known = {
        "burst_id": 7, "sample_rate": RATE, "center_frequency": 433e6, "relative_frequency": 20e3,
        "bandwidth": 110e3, "snr_db": 20.0, "is_last": True,
    }  # fmt: skip
    return signal_pdu.encode(pmt.make_dict(), values, **known | facts)


class Chain(gr.top_block):
    """Messages from `sent` through a normalizer, until they have come out."""

    def __init__(self, **settings):
        gr.top_block.__init__(self)
        self.block = htrd.signal_normalizer(**settings)
        self.sink = blocks.message_debug()
        self.status = blocks.message_debug()
        self.msg_connect(self.block, "signals", self.sink, "store")
        self.msg_connect(self.block, "status", self.status, "store")

    def normalized(self, *sent):
        """What comes out of messages: dictionaries, and samples."""
        for message in sent:
            support.post(self.block, "signals", message)
        self.start()
        support.wait_for(lambda: self.block.status()["signals"] == len(sent))
        status = self.block.status()
        left = len(sent) - status["invalid"]
        support.wait_for(lambda: self.sink.num_messages() == left)
        self.stop()
        self.wait()
        got = [self.sink.get_message(n) for n in range(self.sink.num_messages())]
        return [(pmt.to_python(pmt.car(each)), signal_pdu.decode(each).samples) for each in got]


class QaSignalNormalizer(gr_unittest.TestCase):
    def test_rate_and_carrier(self):
        ((facts, found),) = Chain().normalized(signal(samples(), remark=1.5))
        self.assertAlmostEqual(facts["symbol_rate"] / SYMBOL_RATE, 1, 3)
        self.assertAlmostEqual(facts["sample_rate"], 8 * facts["symbol_rate"])
        for name, sent in (("center_frequency", 433e6), ("relative_frequency", 20e3)):
            self.assertAlmostEqual(facts[name] - sent, OFFSET, delta=0.01 * SYMBOL_RATE)
        self.assertEqual((facts["burst_id"], facts["remark"], facts["is_last"]), (7, 1.5, True))
        self.assertGreater(facts["symbol_rate_confidence"], 0.99)
        self.assertIs(facts["is_analog"], False)
        self.assertEqual(len(found) % 128, 0)
        self.assertAlmostEqual(len(found) / (40_000 * 8 * SYMBOL_RATE / RATE), 1, delta=0.05)
        known = frontend.analyze(found)
        self.assertAlmostEqual(8 * known.symbol_rate.rate, 1, 2)
        self.assertLess(abs(known.carrier.frequency), 0.01 / 8)

    def test_what_a_sender_leaves_out(self):
        nothing = dict.fromkeys(("bandwidth", "snr_db", "center_frequency", "is_last", "burst_id"))
        ((facts, found),) = Chain().normalized(signal(samples(), **nothing))
        self.assertAlmostEqual(facts["symbol_rate"] / SYMBOL_RATE, 1, 3)
        self.assertNotIn("center_frequency", facts)
        self.assertGreater(len(found), 20_000)

    def test_settings(self):
        chain = Chain(samples_per_symbol=4, frame_length=100, most_frames=9)
        ((facts, found),) = chain.normalized(signal(samples()))
        self.assertEqual(len(found), 900)
        self.assertAlmostEqual(facts["sample_rate"], 4 * facts["symbol_rate"])

    def test_no_symbols_in_noise(self):
        noise = np.random.default_rng(3).normal(size=(2, 20_000)).astype(np.float32)
        ((facts, found),) = Chain().normalized(signal(noise[0] + 1j * noise[1], symbol_rate=5.0))
        self.assertNotIn("symbol_rate", facts)
        self.assertEqual(len(found), 0)

    def test_analog_signals_at_one_width(self):
        rng = np.random.default_rng(5)
        made = modulated_signals.signal("FM", 40_000, 12.5, 0.35, rng).astype(np.complex64)
        width = {"bandwidth": None}
        ((facts, found),) = Chain(analog=True).normalized(signal(made, **width))
        self.assertNotIn("symbol_rate", facts)
        self.assertIs(facts["is_analog"], True)
        self.assertGreater(len(found), 0)
        expected = frontend.by_width(made)[1] * RATE * 8
        self.assertAlmostEqual(facts["sample_rate"] / expected, 1, 6)
        ((facts, found),) = Chain().normalized(signal(made, **width))
        self.assertEqual((len(found), facts["sample_rate"]), (0, RATE))

    def test_a_short_rest_of_a_signal_is_handed_on(self):
        ((facts, found),) = Chain().normalized(signal(samples(100), is_last=True))
        self.assertEqual((len(found), facts["burst_id"], facts["is_last"]), (0, 7, True))

    def test_pauses_are_left_out(self):
        values = samples()
        values[:20_000] *= 1e-3
        ((_, found),) = Chain().normalized(signal(values))
        power = np.mean(np.abs(found.reshape(-1, 128)) ** 2, 1)
        self.assertGreater(power.min(), 0.2 * np.median(power))
        self.assertLess(len(found), 0.7 * 40_000 * 8 * SYMBOL_RATE / RATE)

    def test_wrong_messages_are_counted_and_ignored(self):
        good = signal(samples(5000))
        bad = [
            pmt.intern("x"), pmt.cons(pmt.make_dict(), pmt.init_f32vector(2, [1, 2])),
            signal(samples(5000), sample_rate=None),
            signal(samples(5000), sample_rate=-1.0), signal(np.zeros(5000)),
            signal(np.zeros(5000), bandwidth=None),
        ]  # fmt: skip
        chain = Chain()
        got = chain.normalized(*bad, good)
        self.assertEqual(got[-1][0]["burst_id"], 7)
        status = chain.block.status()
        self.assertEqual(status["signals"], len(bad) + 1)
        self.assertGreaterEqual(status["invalid"], 4)
        self.assertEqual(status["invalid"] + len(got), len(bad) + 1)
        values = samples(5000)
        values[10], values[20] = np.nan, np.inf
        ((facts, _),) = Chain().normalized(signal(values))
        self.assertAlmostEqual(facts["symbol_rate"] / SYMBOL_RATE, 1, 2)

    def test_too_many_are_dropped(self):
        chain = Chain(queue_signals=2)
        got = chain.normalized(*[signal(samples(3000), burst_id=n) for n in range(8)])
        status = chain.block.status()
        self.assertEqual((len(got), status["dropped"]), (8, 6))
        for facts, found in got:  # the newest have samples; the others say when they were there
            self.assertEqual(len(found) > 0, facts["burst_id"] >= 6)
            self.assertTrue(facts["is_last"])

    def test_a_stream(self):
        values = samples(70_000)
        chain = Chain(samp_rate=RATE, block=30_000)
        chain.connect(blocks.vector_source_c(values.tolist()), chain.block)
        support.run(chain)
        got = [pmt.to_python(pmt.car(chain.sink.get_message(n)))
               for n in range(chain.sink.num_messages())]
        self.assertEqual([each["start_offset"] for each in got], [0, 30_000])
        self.assertEqual([each["end_offset"] for each in got], [30_000, 60_000])
        for each in got:
            self.assertAlmostEqual(each["symbol_rate"] / SYMBOL_RATE, 1, 3)
            self.assertAlmostEqual(each["center_frequency"], OFFSET, delta=0.01 * SYMBOL_RATE)

    def test_what_cannot_be(self):
        for wrong in ({"samples_per_symbol": 1}, {"frame_length": 0}, {"most_frames": 0},
                      {"samp_rate": 0}, {"block": 100}, {"queue_signals": 0}):
            with self.assertRaises(UserError):
                htrd.signal_normalizer(**wrong)


if __name__ == "__main__":
    gr_unittest.run(QaSignalNormalizer)
