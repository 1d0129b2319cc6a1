# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the stream blocks share: a stream in random pieces, with tags."""

import numpy as np
import pmt
from gnuradio import blocks, gr


class pieces(gr.sync_block):
    """Passes a stream on in pieces of random length; all tags are kept."""

    def __init__(self, rng, longest=700):
        gr.sync_block.__init__(self, "pieces", in_sig=[np.complex64], out_sig=[np.complex64])
        self.rng = rng
        self.longest = longest

    def work(self, input_items, output_items):
        """Pass some of the samples at hand."""
        count = min(len(input_items[0]), int(self.rng.integers(1, self.longest + 1)))
        output_items[0][:count] = input_items[0][:count]
        return count


def source(samples, tags=()):
    """Source of complex samples; tags are (offset, name, pmt)."""
    made = [gr.tag_utils.python_to_tag((offset, pmt.intern(name), value, pmt.PMT_F))
            for offset, name, value in tags]
    return blocks.vector_source_c(np.asarray(samples, np.complex64).tolist(), False, 1, made)


def tags_of(sink):
    """Tags in a sink as {offset: [(name, value)]}, in their order."""
    found = {}
    for tag in sink.tags():
        item = (pmt.symbol_to_string(tag.key), pmt.to_python(tag.value))
        found.setdefault(tag.offset, []).append(item)
    return found


def noise(rng, count, power=1.0):
    """Complex white noise of a mean power."""
    return (rng.normal(size=count) + 1j * rng.normal(size=count)) * np.sqrt(power / 2)
