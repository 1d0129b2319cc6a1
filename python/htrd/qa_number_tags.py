#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in tags, read at once: against what was written, in any number of calls."""

from unittest import mock

import numpy as np
import pmt
from gnuradio import blocks, gr, gr_unittest
from gnuradio.htrd.htrd_python import _number, _whole
from gnuradio.htrd.messages import tags

KEYS = [pmt.intern("level"), pmt.intern("place")]


class Reader(gr.sync_block):
    """Keeps what is read of tags in each call of work(), a few items at a time."""

    def __init__(self):
        gr.sync_block.__init__(self, "reader", [np.int8], None)
        self.read = []

    def work(self, input_items, _):
        count = min(3, len(input_items[0]))
        self.read.append(self.read_tags(count))
        return count

    def read_tags(self, count):
        return tags.numbers(self, count, *KEYS)


def tag(offset, key, value):
    made = gr.tag_t()
    made.offset, made.key, made.value = offset, pmt.intern(key), value
    return made


class QaNumberTags(gr_unittest.TestCase):
    def test_columns(self):
        tags = [
            tag(0, "level", pmt.from_double(-1.5)),
            tag(1, "other", pmt.from_double(9.0)),
            tag(4, "place", pmt.from_uint64(2**40 + 1)),
            tag(5, "place", pmt.from_long(-7)),
            tag(5, "level", pmt.from_double(1.0)),
            tag(5, "level", pmt.from_double(2.0)),
            tag(6, "level", pmt.intern("loud")),
            tag(7, "level", pmt.from_complex(1.0, 0.0)),
        ]
        flowgraph, reader = gr.top_block(), Reader()
        flowgraph.connect(blocks.vector_source_b([0] * 8, False, 1, tags), reader)
        flowgraph.run()
        nan = np.nan
        np.testing.assert_array_equal(
            np.concatenate(reader.read, axis=1),
            [
                [-1.5, nan, nan, nan, nan, 2.0, nan, nan],
                [nan, nan, nan, nan, 2.0**40 + 1, -7.0, nan, nan],
            ],
        )
        self.assertGreater(len(reader.read), 2)

    def test_positions(self):
        values = [pmt.from_uint64(2**63 - 1), pmt.from_uint64(2**63), pmt.from_long(-1),
                  pmt.from_double(2.0**53), pmt.from_double(0.5), pmt.from_double(2.0**63),
                  pmt.from_double(np.inf), pmt.from_double(np.nan), pmt.from_long(0)]
        expected = [2**63 - 1, -1, -1, 2**53, -1, -1, -1, -1, 0]
        self.assertEqual([_whole(value) for value in values], expected)
        made = [tag(item, "place", value) for item, value in enumerate(values)]
        made += [tag(9, "level", pmt.from_long(3)), tag(8, "place", pmt.from_long(7))]
        flowgraph, reader, log = gr.top_block(), Reader(), mock.Mock()
        reader.read_tags = lambda count: tags.positions(reader, count, KEYS[1], log)
        flowgraph.connect(blocks.vector_source_b([0] * 11, False, 1, made), reader)
        flowgraph.run()
        found = np.concatenate(reader.read)
        self.assertEqual(found.dtype, np.int64)
        self.assertEqual(found.tolist(), [*expected[:8], 7, -1, -1])
        self.assertEqual({call.args[0] for call in log.warn.call_args_list}, {"tag place"})

    def test_nothing(self):
        flowgraph, reader = gr.top_block(), Reader()
        flowgraph.connect(blocks.vector_source_b([0] * 4), reader)
        flowgraph.run()
        self.assertTrue(np.isnan(np.concatenate(reader.read, axis=1)).all())

    def test_one_number(self):
        self.assertEqual(_number(pmt.from_long(3)), 3.0)
        self.assertEqual(_number(pmt.from_uint64(2**53 - 1)), 2.0**53 - 1)
        self.assertTrue(np.isnan(_number(pmt.PMT_NIL)))
        with self.assertRaises(TypeError):
            _number(None)

    def test_not_at_work(self):
        with self.assertRaises(RuntimeError):
            tags.numbers(Reader(), 1, *KEYS)


if __name__ == "__main__":
    gr_unittest.run(QaNumberTags)
