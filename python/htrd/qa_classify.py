#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`htrd classify` on raw samples decides as the flowgraph of the blocks does, frame for frame."""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from robust_amc import data, frames
from robust_amc.cli import main

HYSTERESIS_DB = 4.0


def radio_samples():
    """Signals of all classes, of another level every 300 samples."""
    sent = data.read(support.dataset())
    samples = frames.to_complex(sent.iq).ravel() * 20
    gain_db = np.random.default_rng(3).uniform(-10, 2, len(samples) // 300 + 1)
    return (samples * 10 ** (gain_db.repeat(300)[: len(samples)] / 20)).astype(np.complex64)


class QaClassify(gr_unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "radio.cf32")
        self.samples = radio_samples()
        self.samples.tofile(self.path)
        self.squelch_db = float(10 * np.log10(np.mean(np.abs(self.samples) ** 2)))

    def by_command(self, hop):
        """(sample_offset, class or None) of each frame that the command line decides."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), self.assertRaises(SystemExit) as ended:
            main(["classify", str(self.path), "--model", support.model("rejecting"),
                  "--device", "cpu", "--hop", str(hop), "--squelch-db", str(self.squelch_db),
                  "--hysteresis-db", str(HYSTERESIS_DB)])
        self.assertEqual(ended.exception.code, 0)
        records = [json.loads(line) for line in said.getvalue().splitlines()]
        return [(each["sample_offset"], each.get("modulation")) for each in records]

    def by_flowgraph(self, hop):
        """The same of the blocks; and how many frames the squelch left out."""
        flowgraph = gr.top_block()
        source = blocks.file_source(gr.sizeof_gr_complex, str(self.path), False)
        sampler = htrd.frame_sampler(hop=hop, squelch_db=self.squelch_db,
                                     hysteresis_db=HYSTERESIS_DB)
        classifier = support.classifier(support.model("rejecting"),
                                     scaling="as_model")
        labels = blocks.vector_sink_s()
        flowgraph.connect(source, sampler, classifier, labels)
        support.run(flowgraph)
        offsets = [tags["sample_offset"] for tags in support.tags_of(labels)]
        names = (*support.CLASSES, None)  # the label of a rejected frame is -1
        decided = [names[label] for label in labels.data()]
        return list(zip(offsets, decided, strict=True)), sampler.squelched()

    def test_same_decisions(self):
        for hop in (50, 170):
            with self.subTest(hop=hop):
                expected, squelched = self.by_flowgraph(hop)
                got = self.by_command(hop)
                self.assertEqual([offset for offset, _ in got], [offset for offset, _ in expected])
                # In batches of another size a frame on an edge may be decided otherwise
                alike = np.mean([one == other for one, other in zip(got, expected)])
                self.assertGreater(alike, 0.98)
                starts = len(range(0, len(self.samples) - 127, hop))
                self.assertEqual(len(expected) + squelched, starts)
                self.assertTrue(starts / 4 < squelched < starts * 3 / 4)
                self.assertEqual({name for _, name in expected}, {*support.CLASSES, None})
                self.check_hysteresis([offset for offset, _ in expected])

    def check_hysteresis(self, starts):
        """Some of the frames between the two levels were decided, so the hysteresis counts."""
        powers = [np.mean(np.abs(self.samples[start : start + 128]) ** 2) for start in starts]
        self.assertLess(10 * np.log10(min(powers)), self.squelch_db - 1)


if __name__ == "__main__":
    gr_unittest.run(QaClassify)
