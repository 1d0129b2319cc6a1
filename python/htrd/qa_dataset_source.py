#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""dataset_source: frames, tags, selection, order, bad construction."""

import numpy as np
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from robust_amc import data, frames
from robust_amc.errors import UserError


class QaDatasetSource(gr_unittest.TestCase):
    def play(self, head=None, **settings):
        """Frames and tags of a run."""
        flowgraph = gr.top_block()
        source = htrd.dataset_source(support.dataset(), **settings)
        sink = blocks.vector_sink_c(128)
        chain = [source, sink] if head is None else [source, blocks.head(1024, head), sink]
        flowgraph.connect(*chain)
        support.run(flowgraph)
        return np.array(sink.data(), np.complex64).reshape(-1, 128), support.tags_of(sink)

    def test_every_frame_in_file_order_with_its_tags(self):
        expected = data.read(support.dataset())
        got, tags = self.play()
        np.testing.assert_array_equal(got, frames.to_complex(expected.iq))
        self.assertEqual([tag["modulation"] for tag in tags], list(expected.truth))
        self.assertEqual([tag["snr_db"] for tag in tags], expected.snr_db.tolist())
        self.assertEqual([tag["frame_index"] for tag in tags], list(range(len(expected))))

    def test_selection_keeps_the_position_in_the_file(self):
        expected = data.read(support.dataset())
        got, tags = self.play(classes=["QPSK"], snr_db=[10])
        rows = np.flatnonzero((expected.truth == "QPSK") & (expected.snr_db == 10))
        np.testing.assert_array_equal(got, frames.to_complex(expected.iq[rows]))
        self.assertEqual([tag["frame_index"] for tag in tags], rows.tolist())
        self.assertEqual({tag["modulation"] for tag in tags}, {"QPSK"})

    def test_a_part_is_the_library_part(self):
        expected = data.split(data.read(support.dataset()), 3)["test"]
        _, tags = self.play(part="test", split_seed=3)
        self.assertEqual([tag["frame_index"] for tag in tags], expected.tolist())

    def test_repeat_tags_each_pass_alike(self):
        count = len(data.read(support.dataset()))
        got, tags = self.play(head=2 * count + 7, repeat=True)
        np.testing.assert_array_equal(got[:count], got[count : 2 * count])
        np.testing.assert_array_equal(got[: 7], got[2 * count :])
        self.assertEqual([tag["frame_index"] for tag in tags],
                         [n % count for n in range(2 * count + 7)])

    def test_shuffled_is_seeded_and_complete(self):
        orders = [
            [tag["frame_index"] for tag in self.play(order="shuffled", seed=seed)[1]]
            for seed in (1, 1, 2)
        ]
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        self.assertEqual(sorted(orders[0]), list(range(len(orders[0]))))

    def test_limit(self):
        self.assertEqual(len(self.play(limit=13)[0]), 13)

    def test_bad_construction(self):
        for settings, word in (
            ({"dataset": "nowhere.npz"}, "nowhere.npz"),
            ({"classes": ["QPSK", "8FSK"]}, "8FSK"),
            ({"snr_db": [3]}, "3 dB"),
            ({"snr_db": [float("nan")]}, "nan"),
            ({"part": "exam"}, "exam"),
            ({"order": "random"}, "random"),
            ({"limit": -1}, "limit"),
            ({"frame_length": 64}, "64"),
        ):
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                htrd.dataset_source(**{"dataset": support.dataset()} | settings)
            self.assertIn(word, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))


if __name__ == "__main__":
    gr_unittest.run(QaDatasetSource)
