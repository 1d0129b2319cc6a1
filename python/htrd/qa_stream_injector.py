#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""stream_injector: what it adds and keeps, what passes as it is, messages, wrong settings."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import signal_pdu
from robust_amc import modem
from robust_amc.errors import UserError

LENGTH = 320


def samples(count=LENGTH, seed=1):
    """QPSK in noise, complex64 ``[count]``."""
    rng = np.random.default_rng(seed)
    symbols = rng.choice([1, 1j, -1, -1j], count // 8 + 1).repeat(8)[:count]
    noise = rng.normal(size=(2, count)) * 0.05
    return (symbols + noise[0] + 1j * noise[1]).astype(np.complex64)


def burst(values, **facts):
    return signal_pdu.encode(pmt.make_dict(), values, **facts)


class Chain(gr.top_block):
    """Messages through an injector, until they have come out."""

    def __init__(self, **settings):
        gr.top_block.__init__(self)
        model = support.model("rejecting")
        self.block = htrd.stream_injector(model, steps=3, snr_db=20.0, **settings)
        self.sink = blocks.message_debug()
        self.msg_connect(self.block, "bursts", self.sink, "store")

    def passed(self, *sent):
        """What comes out of bursts: dictionaries, and samples."""
        for message in sent:
            support.post(self.block, "bursts", message)
        self.start()
        support.wait_for(lambda: self.block.status()["bursts"] == len(sent))
        left = len(sent) - self.block.status()["invalid"]
        support.wait_for(lambda: self.sink.num_messages() == left)
        self.stop()
        self.wait()
        got = [self.sink.get_message(n) for n in range(self.sink.num_messages())]
        return [(pmt.to_python(pmt.car(each)) or {}, signal_pdu.decode(each).samples)
                for each in got]


class QaStreamInjector(gr_unittest.TestCase):
    def check_levels(self, sent, facts, found, pnr_db, snr_db):
        """The budget, by its definition."""
        ratio = np.sum(np.abs(found - sent) ** 2) / np.sum(np.abs(sent) ** 2)
        self.assertAlmostEqual(facts["psr_db"], 10 * np.log10(ratio), 2)
        expected = 10 * np.log10(ratio * (10 ** (snr_db / 10) + 1))
        self.assertAlmostEqual(facts["pnr_db"], expected, 2)
        self.assertLessEqual(facts["pnr_db"], pnr_db + 0.01)
        self.assertGreater(facts["pnr_db"], pnr_db - 3)

    def test_a_burst(self):
        sent = samples()
        chain = Chain(pnr_db=-5.0)
        got = chain.passed(burst(sent, modulation="QPSK", burst_id=7, remark=1.5),
                           burst(sent, snr_db=10.0))
        for (facts, found), snr_db in zip(got, (20.0, 10.0), strict=True):
            self.assertEqual(len(found), LENGTH)
            self.check_levels(sent, facts, found, -5.0, snr_db)
        facts = got[0][0]
        self.assertEqual((facts["burst_id"], facts["remark"], facts["modulation"]),
                         (7, 1.5, "QPSK"))
        self.assertNotIn("modulation", got[1][0])
        self.assertEqual(chain.block.status()["attacked"], 2)

    def test_what_passes_as_it_is(self):
        short, odd = samples(200), samples()
        odd[5] = np.nan
        sent = [burst(short), burst(odd), burst(np.zeros(LENGTH)), burst(samples((1 << 16) + 1)),
                burst(samples(), modulation="WEATHER")]  # fmt: skip
        chain = Chain()
        got = chain.passed(*sent)
        for message, (facts, found) in zip(sent, got, strict=True):
            np.testing.assert_array_equal(found, signal_pdu.decode(message).samples)
            self.assertNotIn("pnr_db", facts)
        status = chain.block.status()
        self.assertEqual((status["passed"], status["attacked"]), (5, 0))

    def test_what_is_spared(self):
        """The friendly receiver sees nothing of it, or all; the silence stays as it is."""
        sent = modem.transmitted("QPSK", 1, 120, np.random.default_rng(3))
        message = signal_pdu.encode_burst(sent, snr_db=20.0)
        clean = signal_pdu.decode(message).samples
        errors = {}
        for spared in (0.0, 1.0):
            ((facts, found),) = Chain(pnr_db=10.0, spared=spared).passed(message)
            outside = np.r_[: sent.active.start, sent.active.stop : len(clean)]
            np.testing.assert_array_equal(found[outside], clean[outside])
            self.check_levels(clean[sent.active], facts, found[sent.active], 10.0, 20.0)
            got = modem.receive(found[None, : sent.samples.shape[1]], sent)
            errors[spared] = got.error_vector[0]
        self.assertLess(errors[1.0], 0.003)  # as without perturbation
        self.assertGreater(errors[0.0], 0.01)

    def test_what_says_no_bits_is_not_spared(self):
        sent = signal_pdu.encode_burst(
            modem.transmitted("QPSK", 1, 120, np.random.default_rng(3)))
        shorter = signal_pdu.encode(pmt.car(sent), signal_pdu.decode(sent).samples[:-64])
        analog = pmt.dict_add(pmt.car(sent), pmt.intern("modulation"), pmt.intern("AM-DSB"))
        analog = pmt.cons(analog, pmt.cdr(sent))  # no modem knows it
        chain = Chain(spared=0.5)
        for facts, _ in chain.passed(burst(samples(), modulation="QPSK"), shorter, analog):
            self.assertNotIn("pnr_db", facts)
        self.assertEqual(chain.block.status()["passed"], 3)
        chain.block.handle_control(pmt.cons(pmt.intern("spared"), pmt.from_double(0.25)))
        self.assertEqual(chain.block.spared(), 0.25)

    def test_wrong_messages(self):
        good = burst(samples(), modulation="BPSK")
        bad = [pmt.intern("x"), pmt.cons(pmt.make_dict(), pmt.init_f32vector(2, [1, 2]))]
        chain = Chain()
        self.assertEqual(len(chain.passed(*bad, good)), 1)
        status = chain.block.status()
        self.assertEqual((status["invalid"], status["attacked"]), (2, 1))

    def test_too_many(self):
        chain = Chain(queue_bursts=2)
        got = chain.passed(*[burst(samples(), modulation="QPSK", burst_id=n) for n in range(5)])
        status = chain.block.status()
        self.assertEqual((len(got), status["dropped"], status["attacked"]), (5, 3, 2))
        self.assertEqual(["pnr_db" in facts for facts, _ in got], [False] * 3 + [True] * 2)

    def test_control(self):
        chain = Chain()
        for name, value in (("pnr_db", pmt.from_double(3.0)), ("enabled", pmt.PMT_F)):
            chain.block.handle_control(pmt.cons(pmt.intern(name), value))
        self.assertEqual((chain.block.pnr_db(), chain.block.enabled()), (3.0, False))
        ((facts, found),) = chain.passed(burst(samples(), modulation="QPSK"))
        np.testing.assert_array_equal(found, samples())
        self.assertNotIn("psr_db", facts)

    def test_what_cannot_be(self):
        for wrong in ({"over": ["weather"]}, {"over": [1]}, {"carrier": 1.0}, {"clock": -1.0},
                      {"pnr_db": np.nan}, {"steps": 0}, {"goal": "x"}, {"frame_length": 100},
                      {"queue_bursts": 0}, {"spared": 1.1}):
            with self.assertRaises(UserError):
                htrd.stream_injector(**{"model": support.model("plain")} | wrong)


if __name__ == "__main__":
    gr_unittest.run(QaStreamInjector)
