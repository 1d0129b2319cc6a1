# SPDX-License-Identifier: GPL-3.0-or-later
"""Source of labeled frames."""

from dataclasses import replace

import numpy as np
import pmt
from gnuradio import gr
from robust_amc import data, frames
from robust_amc.errors import UserError

from . import tags
from .model import at_least, set_buffer

ORDERS = ("file", "shuffled")
BUFFER = 1024  # frames; the default would hand some 32 frames at a time to the next block


class dataset_source(gr.sync_block):
    """Frames of a data set, one item each, with what is known of them as tags.

    Output 0: vectors of `frame_length` complex64. Tags on every item: `modulation`
    (symbol), `snr_db` (double, the SNR label), `frame_index` (long, the position in the
    data set file).

    Args:
        dataset: path, or ``sample`` for the data set that ships
        classes: names of the modulations to take (empty: all)
        snr_db: SNR labels to take, in dB (empty: all)
        part: ``train``, ``validation``, ``calibration``, ``test`` or ``all``
        order: ``file``, or ``shuffled`` anew in each pass
        repeat: start again at the end, or else end the flowgraph
        limit: take that many of the selected frames, drawn at random (0: all)
        seed: of the drawing and the shuffling
        split_seed: of the split into parts
        frame_length: samples in a frame

    Raises UserError for a missing or damaged file, an unknown class, SNR label or part,
    an empty selection or another frame length.
    """

    def __init__(self, dataset="sample", classes=(), snr_db=(), part="all", order="file",
                 repeat=False, limit=0, seed=0, split_seed=0,
                 frame_length=frames.FRAME_LENGTH):
        at_least(0, limit=limit, seed=seed, split_seed=split_seed)
        if order not in ORDERS:
            raise UserError(f"unknown order {order!r}; there are {', '.join(ORDERS)}")
        chosen = _select(dataset, classes, snr_db, part, limit, seed, split_seed)
        if chosen.frame_length != frame_length:
            raise UserError(
                f"the frames of {dataset} have {chosen.frame_length} samples, not {frame_length}"
            )
        gr.sync_block.__init__(
            self, "dataset_source", in_sig=None, out_sig=[(np.complex64, frame_length)]
        )
        set_buffer(self, BUFFER)
        self._frames = chosen
        self._names = [pmt.intern(name) for name in chosen.classes]
        self._repeat = repeat
        self._shuffle = np.random.default_rng(seed).permutation if order == "shuffled" else None
        self._next_pass()

    def __len__(self):
        return len(self._frames)

    def _next_pass(self):
        count = len(self._frames)
        self._left = np.arange(count) if self._shuffle is None else self._shuffle(count)

    def work(self, input_items, output_items):
        """Send the next frames."""
        if not len(self._left):
            if not self._repeat:
                return -1  # done
            self._next_pass()
        rows, self._left = np.split(self._left, [min(len(output_items[0]), len(self._left))])
        output_items[0][: len(rows)] = frames.to_complex(self._frames.iq[rows])
        for offset, row in enumerate(rows.tolist(), self.nitems_written(0)):
            self._tag(offset, row)
        return len(rows)

    def _tag(self, offset, row):
        chosen = self._frames
        label, snr_db = self._names[chosen.label[row]], float(chosen.snr_db[row])
        self.add_item_tag(0, offset, tags.MODULATION, label)
        self.add_item_tag(0, offset, tags.SNR_DB, pmt.from_double(snr_db))
        self.add_item_tag(0, offset, tags.FRAME_INDEX, pmt.from_long(int(chosen.run_id[row])))


def _select(dataset, classes, snr_db, part, limit, seed, split_seed):
    """The wanted frames, with their positions in the file as `run_id`."""
    whole = data.read(dataset)
    if part not in [name.value for name in data.Part]:
        known = ", ".join(name.value for name in data.Part)
        raise UserError(f"unknown part {part!r}; there are {known}")
    # The split goes by generator run; after it the runs no longer matter here, and their
    # column carries the positions through the selection.
    rows = np.arange(len(whole))
    if part != data.Part.ALL.value:
        rows = data.split(whole, split_seed)[part]
    chosen = replace(whole.subset(rows), run_id=rows)
    chosen = chosen.select(list(classes) or None, list(snr_db) or None)
    return chosen.limit(limit or None, seed)
