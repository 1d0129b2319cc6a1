#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of the signal detector, as short as it gets: its rows, not its figures."""

from gnuradio import blocks, gr, gr_unittest
from gnuradio.htrd.benchmarks import detector


class QaDetectorBench(gr_unittest.TestCase):
    def test_rows(self):
        log = []
        document = detector.bench(seconds=0.0, rounds=2, progress=log.append)
        self.assertEqual(len(log), 2)
        self.assertEqual(document["settings"]["samples"], detector.LEAST)
        self.assertEqual(document["settings"]["bench"], "detector")
        expected = [(name, baseline) for name in detector.BANDS
                    for baseline in (detector.SINK, detector.TRANSFORMS, "wanted")]
        rows = document["rows"]
        self.assertEqual([(row["name"], row["baseline"]) for row in rows], expected)
        for row in rows:
            self.assertEqual(row["unit"], "MS/s")
            self.assertGreater(row["value"], 0)
            self.assertEqual(row["ratio"], row["value"] / row["baseline_value"])

    def test_there_are_signals_in_the_band(self):
        for busy, signals in ((False, 0), (True, 6)):
            (block,) = detector._detector()
            flowgraph = gr.top_block()
            flowgraph.connect(blocks.vector_source_c(detector._band(busy).tolist()), block)
            flowgraph.run()
            self.assertEqual(block.signals(), signals)


if __name__ == "__main__":
    gr_unittest.run(QaDetectorBench)
