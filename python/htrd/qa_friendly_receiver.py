#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""friendly_receiver: bit errors against theory, checksums, what is counted, wrong messages."""

from math import erfc, sqrt

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import analog, blocks, gr, gr_unittest, htrd, pdu
from gnuradio.htrd.messages import pmt_vectors, signal_pdu
from robust_amc import modem
from robust_amc.errors import UserError


class Link(gr.top_block):
    """Bursts of a source as a stream, in noise of that power, turned and late, to the receiver."""

    def __init__(self, noise=0.0, delay=0, turn=0.0, **settings):
        gr.top_block.__init__(self)
        self.source, self.block = htrd.burst_source(**settings), htrd.friendly_receiver()
        self.sink, self.texts = blocks.message_debug(), blocks.message_debug()
        to_stream = pdu.pdu_to_tagged_stream(gr.types.complex_t, "packet_len")
        channel = blocks.add_cc()
        to_pdu = pdu.tagged_stream_to_pdu(gr.types.complex_t, "packet_len")
        white = analog.noise_source_c(analog.GR_GAUSSIAN, sqrt(noise), 3)
        # Samples come late, and tags where they were: the receiver finds the preamble
        late = blocks.delay(gr.sizeof_gr_complex, delay)
        late.set_tag_propagation_policy(gr.TPP_DONT)
        tags = blocks.multiply_const_cc(0)
        self.connect(to_stream, tags, (channel, 0))
        self.connect(to_stream, late, blocks.rotator_cc(turn), (channel, 1))
        self.connect(white, (channel, 2))
        self.connect(channel, to_pdu)
        self.msg_connect(self.source, "bursts", to_stream, "pdus")
        self.msg_connect(to_pdu, "pdus", self.block, "bursts")
        self.msg_connect(self.block, "bursts", self.sink, "store")
        self.msg_connect(self.block, "clean", self.texts, "store")

    def received(self, count):
        """What comes of so many bursts: dictionaries, and symbols."""
        self.start()
        for _ in range(count):
            support.post(self.source, "send", pmt.PMT_T)
        support.wait_for(lambda: self.sink.num_messages() == count)
        self.stop()
        self.wait()
        return support.messages(self.sink)


class Alone(gr.top_block):
    """Messages to a receiver."""

    def __init__(self, *sent, **settings):
        gr.top_block.__init__(self)
        self.block, self.sink = htrd.friendly_receiver(**settings), blocks.message_debug()
        self.status, self.perturbed = blocks.message_debug(), blocks.message_debug()
        self.msg_connect(self.block, "bursts", self.sink, "store")
        self.msg_connect(self.block, "status", self.status, "store")
        self.msg_connect(self.block, "perturbed", self.perturbed, "store")
        for message in sent:
            support.post(self.block, "bursts", message)

    def received(self, count):
        """What comes: dictionaries, and symbols."""
        self.start()
        support.wait_for(lambda: self.sink.num_messages() == count)
        self.stop()
        self.wait()
        return support.messages(self.sink)


def burst(name="QPSK", wrong=0, samples=None, **facts):
    """A burst that says other bits than were sent, so many of them."""
    sent = modem.transmitted(name, 1, 60, np.random.default_rng(1))
    bits = sent.bits[0].astype(np.uint8)
    bits[:wrong] ^= 1
    made = signal_pdu.encode_burst(sent, bits=bits, **facts)
    return made if samples is None else pmt.cons(pmt.car(made), pmt_vectors.complexes(samples))


class QaFriendlyReceiver(gr_unittest.TestCase):
    def test_a_link_without_noise(self):
        """No bit is wrong in any class, late and turned; the symbols are at their points."""
        link = Link(delay=11, turn=2e-3, symbols=60)
        for facts, values in link.received(16):
            name = facts["modulation"]
            self.assertEqual((facts["bit_errors"], facts["symbol_errors"]), (0, 0), name)
            self.assertTrue(facts["checksum_passed"], name)
            self.assertEqual(len(values), 60)
            if name == "QPSK":
                np.testing.assert_allclose(np.abs(values), 1, atol=0.1)
                quarters = np.angle(values) / (np.pi / 2)
                np.testing.assert_allclose(quarters, quarters.round(), atol=0.1)
                self.assertLess(facts["error_vector_db"], -25)
        bits = 2 * 60 * (1 + 2 + 3 + 2 + 4 + 6 + 1 + 1)
        self.assertEqual(link.block.status()["clean"], {
            "bursts": 16, "bits": bits, "bit_errors": 0, "checksums_passed": 16,
            "bit_error_rate": 0.0})  # fmt: skip
        self.assertEqual(link.block.status()["perturbed"]["bursts"], 0)
        support.wait_for(lambda: link.texts.num_messages() == 16)
        self.assertEqual(support.messages(link.texts)[-1], (
            "clean", "BER 0 (0 of 2,400 bits), CRC right 16 of 16"))

    def test_bit_errors_in_noise(self):
        """Within 1.5 dB of theory, Proakis, at 5 dB of a bit over the noise density."""
        got = [facts for facts, _ in Link(8 / 10**0.5, modulation="BPSK").received(150)]
        errors = np.array([facts["bit_errors"] for facts in got])
        # but for a few bursts in which the loop slips, which is no matter of the noise at a symbol
        rate = np.mean(np.sort(errors)[:-8]) / 120
        low, high = (erfc(sqrt(10 ** (db / 10))) / 2 for db in (5.0, 3.5))
        self.assertGreater(rate, 0.6 * low)
        self.assertLess(rate, high)
        for facts in got:  # a checksum fails exactly where a bit is wrong
            self.assertEqual(facts["checksum_passed"], facts["bit_errors"] == 0)
        self.assertTrue(0 < sum(errors == 0) < 150)

    def test_what_is_counted(self):
        chain = Alone(burst(), burst(wrong=3), burst(wrong=5, pnr_db=2.0), burst(pnr_db=-1.0))
        got = [facts for facts, _ in chain.received(4)]
        self.assertEqual([facts["bit_errors"] for facts in got], [0, 3, 5, 0])
        # what the dictionary says is not what was sent: the checksum is that of what was
        self.assertEqual([facts["checksum_passed"] for facts in got], [True] * 4)
        found = chain.block.status()
        self.assertEqual(found["invalid"], 0)
        for kind, errors in (("clean", 3), ("perturbed", 5)):
            self.assertEqual(found[kind], {
                "bursts": 2, "bits": 240, "bit_errors": errors, "checksums_passed": 2,
                "bit_error_rate": errors / 240})  # fmt: skip
        self.assertEqual(support.messages(chain.perturbed)[0][1],
                         "BER 0.042 (5 of 120 bits), CRC right 1 of 1")
        first = support.messages(chain.status)[0]
        self.assertEqual(first["clean"]["bursts"], 1)
        self.assertTrue(np.isnan(first["perturbed"]["bit_error_rate"]))

    def test_the_last_bursts_and_a_reset(self):
        chain = Alone(*[burst(wrong=n) for n in range(5)], window=2)
        chain.received(5)
        found = chain.block.status()["clean"]
        self.assertEqual((found["bursts"], found["bit_errors"]), (2, 3 + 4))
        chain.block.handle_control(pmt.cons(pmt.intern("reset"), pmt.PMT_T))
        self.assertEqual(chain.block.status()["clean"]["bursts"], 0)

    def test_wrong_messages(self):
        good = burst()
        facts, samples = pmt.car(good), np.array(pmt.to_python(pmt.cdr(good)))
        odd = samples.copy()
        odd[7] = np.nan

        def with_bits(value):
            return pmt.cons(pmt.dict_add(facts, pmt.intern("bits"), value), pmt.cdr(good))

        analog = pmt.dict_add(facts, pmt.intern("modulation"), pmt.intern("AM-DSB"))

        bad = [
            pmt.PMT_NIL, pmt.cons(facts, pmt.init_f32vector(1, [0])),
            pmt.cons(pmt.make_dict(), pmt.cdr(good)), burst(samples=samples[:-64]),
            burst(samples=odd), burst(samples=0 * samples), with_bits(pmt.intern("x")),
            with_bits(pmt.init_u8vector(120, [2] * 120)), with_bits(pmt.init_u8vector(1, [1])),
            with_bits(pmt.init_u8vector(9000, [1] * 9000)), pmt.cons(analog, pmt.cdr(good)),
        ]  # fmt: skip
        chain = Alone(*bad, good)
        self.assertEqual(len(chain.received(1)), 1)
        self.assertEqual(chain.block.status()["invalid"], len(bad))

    def test_what_cannot_be(self):
        for wrong in (0, 10**7, "x"):
            with self.assertRaises(UserError):
                htrd.friendly_receiver(window=wrong)


if __name__ == "__main__":
    gr_unittest.run(QaFriendlyReceiver)
