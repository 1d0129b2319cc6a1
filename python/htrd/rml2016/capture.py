# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a flowgraph: its samples as arrays."""

import numpy as np
from gnuradio import gr


class Capture(gr.sync_block):
    """Sink that keeps the samples as arrays (vector_sink would make a Python list)."""

    def __init__(self):
        gr.sync_block.__init__(self, "capture", [np.complex64], None)
        self._chunks = []

    def work(self, input_items, output_items):
        """Keep what comes."""
        self._chunks.append(input_items[0].copy())
        return len(input_items[0])

    def samples(self, first, stop):
        """Those from `first` to before `stop`; RuntimeError when they have not come."""
        samples = np.concatenate(self._chunks)[first:stop]
        if len(samples) < stop - first:
            raise RuntimeError(f"the flowgraph ended {stop - first - len(samples)} samples early")
        return samples


def captured(chain, first, stop):
    """Run a chain of blocks, source first; its samples from `first` to before `stop`."""
    sink, top_block = Capture(), gr.top_block()
    top_block.connect(*chain, sink)
    top_block.run()
    return sink.samples(first, stop)
