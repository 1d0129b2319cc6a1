#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the library's modem sends, as GNU Radio's own receivers have it; and the other way round."""

import numpy as np
import support_for_qa as support
from gnuradio import analog, blocks, channels, digital, filter, gr, gr_unittest
from gnuradio.filter import firdes
from robust_amc import modem
from robust_amc.modem import frequency_shift, linear

SAMPLES_PER_SYMBOL = 8
SYMBOLS = 3000
SETTLED = 1500  # symbols after which the loops have settled


def run(samples, *chain):
    """Samples through blocks, an array."""
    flowgraph = gr.top_block("qa", catch_exceptions=True)
    sink = blocks.vector_sink_c() if chain[-1].output_signature().sizeof_stream_item(0) == 8 else (
        blocks.vector_sink_f())
    flowgraph.connect(blocks.vector_source_c(samples.tolist()), *chain, sink)
    support.run(flowgraph)
    return np.array(sink.data())


def likeness(found, sent):
    """Largest share of `sent` ``[n]`` that `found` agrees with, at any shift."""
    return max(np.mean(found[shift : shift + len(sent)] == sent)
               for shift in range(len(found) - len(sent) + 1))


class QaModem(gr_unittest.TestCase):
    def test_linear_modulations_with_in_tree_blocks(self):
        """Matched filter, symbol_sync and Costas loop find the symbols, but for a turn."""
        for name, order in (("BPSK", 2), ("QPSK", 4)):
            sent = modem.transmitted(name, 1, SYMBOLS, np.random.default_rng(1))
            taps = firdes.root_raised_cosine(1, SAMPLES_PER_SYMBOL, 1, 0.35, 16 * 8 + 1)
            values = run(
                sent.samples[0] / np.sqrt(8),
                channels.channel_model(0.01, 2e-4, 1.00001, [1.0]),
                filter.fir_filter_ccf(1, taps),
                digital.symbol_sync_cc(digital.TED_GARDNER, SAMPLES_PER_SYMBOL, 0.03, 1.0, 1.0,
                                       1.0, 1, digital.constellation_bpsk().base()),
                digital.costas_loop_cc(0.03, order),
            )  # fmt: skip
            points = modem.Constellation.of(name)
            wanted = points.points[sent.number[0][SETTLED : SETTLED + 1000]]
            best = 0
            for turn in range(order):
                # Costas loops of order 4 settle with the points on the diagonals
                corner = np.pi / 4 * (order == 4)
                turned = values * np.exp(1j * (corner + 2 * np.pi * turn / order))
                found = points.points[points.nearest(turned / np.sqrt(np.mean(np.abs(values)**2)))]
                best = max(best, likeness(found[1000:], wanted))
            self.assertGreater(best, 0.999, name)

    def test_cpfsk_as_gnu_radio_modulates_it(self):
        """The in-tree modulator's samples are the library's; its receiver reads them."""
        sent = modem.transmitted("CPFSK", 1, 100, np.random.default_rng(3))
        whole = np.concatenate([frequency_shift.preamble(), sent.bits[0]])
        flowgraph = gr.top_block("qa", catch_exceptions=True)
        sink = blocks.vector_sink_c()
        flowgraph.connect(blocks.vector_source_b(whole.tolist()),
                          analog.cpfsk_bc(0.5, 1.0, SAMPLES_PER_SYMBOL), sink)
        support.run(flowgraph)
        theirs, ours = np.array(sink.data()), sent.samples[0, sent.active]
        step = np.angle(theirs[1:] * theirs[:-1].conj())
        np.testing.assert_allclose(np.angle(ours[1:] * ours[:-1].conj()), step, atol=1e-3)
        silence = np.zeros(sent.active.start)
        got = modem.receive(np.concatenate([silence, theirs, silence])[None], sent)
        self.assertTrue(got.passed.all())

    def test_a_linear_burst_that_gnu_radio_made(self):
        """The in-tree pulse shaper's bursts are read by the library's receiver."""
        sent = modem.transmitted("QAM16", 1, 200, np.random.default_rng(4))
        symbols = np.concatenate([
            linear.preamble("QAM16"), modem.Constellation.of("QAM16").points[sent.number[0]]
        ])
        taps = firdes.root_raised_cosine(SAMPLES_PER_SYMBOL, SAMPLES_PER_SYMBOL, 1, 0.35, 129)
        shaped = run(np.concatenate([np.zeros(8), symbols, np.zeros(24)]),
                     filter.interp_fir_filter_ccf(SAMPLES_PER_SYMBOL, taps))  # fmt: skip
        made = np.concatenate([np.zeros(1), shaped, np.zeros(64)])
        length = sent.samples.shape[1]
        got = modem.receive(made[None, :length], sent)
        self.assertEqual(got.bit_errors.max(), 0)
        self.assertTrue(got.passed.all())


if __name__ == "__main__":
    gr_unittest.run(QaModem)
