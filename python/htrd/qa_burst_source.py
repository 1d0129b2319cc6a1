#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""burst_source: what is in a burst, its turns, its seed, its window, messages, wrong settings."""

import zlib

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.filter import firdes
from robust_amc.errors import UserError

NAMES = ["BPSK", "QPSK", "8PSK", "PAM4", "QAM16", "QAM64", "CPFSK", "GFSK"]


class Chain(gr.top_block):
    """A source, and what it sends."""

    def __init__(self, **settings):
        gr.top_block.__init__(self)
        self.block, self.sink = htrd.burst_source(**settings), blocks.message_debug()
        self.msg_connect(self.block, "bursts", self.sink, "store")

    def sent(self, count, wanted=None):
        """What comes of so many messages on `send`: dictionaries, and samples."""
        before = sum(self.block.status()[name] for name in ("sent", "held"))
        self.start()
        for _ in range(count):
            support.post(self.block, "send", pmt.PMT_NIL)
        wanted = count if wanted is None else wanted
        support.wait_for(lambda: sum(
            self.block.status()[name] for name in ("sent", "held")) == before + count)
        support.wait_for(lambda: self.sink.num_messages() == wanted)
        self.stop()
        self.wait()
        got = [pmt.to_python(self.sink.get_message(n)) for n in range(wanted)]
        return [(facts | {"bits": list(facts["bits"])}, samples) for facts, samples in got]


class QaBurstSource(gr_unittest.TestCase):
    def test_what_is_in_a_burst(self):
        """Its bits, by a matched filter of GNU Radio's; its checksum, by zlib; its level."""
        ((facts, samples),) = Chain(modulation="BPSK", symbols=80, snr_db=12.5).sent(1)
        self.assertEqual((facts["burst_id"], facts["modulation"], facts["snr_db"]),
                         (0, "BPSK", 12.5))
        bits = np.array(facts["bits"])
        self.assertEqual(len(bits), 80)
        packed = np.packbits(bits[:-32].astype(np.uint8)).tobytes()
        self.assertEqual(int("".join(map(str, bits[-32:])), 2), zlib.crc32(packed))
        self.assertEqual(len(samples), (16 + 24 + 80 + 16) * 8)  # a multiple of 64
        active = samples[16 * 8 :][: (24 + 80) * 8]
        self.assertAlmostEqual(np.mean(np.abs(active) ** 2), 1, delta=0.1)
        self.assertLess(np.abs(samples[: 8 * 8]).max(), 1e-6)
        taps = firdes.root_raised_cosine(1, 8, 1, 0.35, 16 * 8 + 1)
        values = np.convolve(samples, taps, "same")[16 * 8 :: 8]
        np.testing.assert_array_equal((values[24 : 24 + 80].real < 0).astype(int), bits)

    def test_classes_take_turns(self):
        got = Chain(symbols=60).sent(10)
        self.assertEqual([facts["modulation"] for facts, _ in got], NAMES + NAMES[:2])
        self.assertEqual([facts["burst_id"] for facts, _ in got], list(range(10)))
        self.assertEqual([len(facts["bits"]) // 60 for facts, _ in got[:8]],
                         [1, 2, 3, 2, 4, 6, 1, 1])
        self.assertNotEqual(got[0][0]["bits"], got[8][0]["bits"])

    def test_a_seed(self):
        one, same, other = (Chain(symbols=60, seed=seed).sent(3) for seed in (5, 5, 6))
        for number in range(3):
            np.testing.assert_array_equal(one[number][1], same[number][1])
            self.assertEqual(one[number][0], same[number][0])
            self.assertNotEqual(one[number][0]["bits"], other[number][0]["bits"])
        only = Chain(modulation="8PSK", symbols=60, seed=5).sent(3)
        self.assertEqual(only[2][0], one[2][0])  # whatever was sent before

    def test_a_window(self):
        chain = Chain(window=2, modulation="CPFSK")
        self.assertEqual(len(chain.sent(5, 2)), 2)
        self.assertEqual(chain.block.status(), {"sent": 2, "acknowledged": 0, "held": 3})
        for _ in range(4):  # two of them acknowledge nothing
            chain.block.handle_acknowledged(pmt.PMT_T)
        self.assertEqual([facts["burst_id"] for facts, _ in chain.sent(3, 4)], [0, 1, 2, 3])
        self.assertEqual(chain.block.status(), {"sent": 4, "acknowledged": 2, "held": 4})

    def test_control(self):
        chain = Chain()
        for name, value in (("modulation", pmt.intern("GFSK")), ("snr_db", pmt.from_double(3.0)),
                            ("modulation", pmt.intern("WEATHER")), ("speed", pmt.PMT_T)):
            chain.block.handle_control(pmt.cons(pmt.intern(name), value))
        self.assertEqual((chain.block.modulation(), chain.block.snr_db()), ("GFSK", 3.0))
        ((facts, _),) = chain.sent(1)
        self.assertEqual((facts["modulation"], facts["snr_db"]), ("GFSK", 3.0))

    def test_what_cannot_be(self):
        for wrong in ({"modulation": "AM-DSB"}, {"symbols": 32}, {"symbols": 1001},
                      {"modulation": "QAM64", "symbols": 5}, {"snr_db": np.inf}, {"window": -1},
                      {"seed": -1}):
            with self.assertRaises(UserError):
                htrd.burst_source(**wrong)
        htrd.burst_source(modulation="QAM64", symbols=6)


if __name__ == "__main__":
    gr_unittest.run(QaBurstSource)
