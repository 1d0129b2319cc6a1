# SPDX-License-Identifier: GPL-3.0-or-later
"""Source of labeled frames."""

from dataclasses import replace

import numpy as np
import pmt
from gnuradio import gr
from robust_amc import data, frames
from robust_amc.data.formats.base import RawFacts
from robust_amc.data.replay import Order, Replayer, ReplayOrder
from robust_amc.errors import UserError

from .buffers import set_buffer
from .checks import (
    LARGEST_SEED,
    LONGEST_FRAME,
    as_choice,
    as_list,
    as_number,
    as_path,
    as_switch,
    as_text,
    as_whole,
    at_least,
)
from .messages import control
from .messages import tags as keys

OUTPUTS = ("frames", "stream")
PARTS, ORDERS = tuple(data.Part), tuple(Order)
BUFFER = 1024  # frames; the default would hand some 32 frames at a time to the next block


class dataset_source(gr.sync_block):
    """Frames of a data set, with what is known of them as tags.

    Output 0: complex64, vectors of `frame_length`, or a stream of the same samples. Tags on
    each frame (in a stream: on its first sample): `modulation` (symbol), `snr_db` (double, the
    SNR label), `frame_index` (long, the position in the data set file, counted after longer
    frames were cut). Large files are read while the flowgraph runs; when that fails, it is
    logged and the flow ends. ``len()`` of the block is the number of frames in a pass.

    Args:
        dataset: path, or ``sample`` for the data set that ships
        classes: names of the modulations to take (empty: all)
        snr_db: SNR labels to take, in dB (empty: all)
        part: ``train``, ``validation``, ``calibration``, ``test`` or ``all``
        order: ``file``; ``shuffled`` anew in each pass; or ``balanced``: the classes take turns,
            each with as many frames as the rarest has, drawn anew in each pass
        repeat: start again at the end, or else end the flowgraph
        start: position in the order at which the first pass begins, in frames
        limit: maximum number of frames to take of the selected ones, drawn at random (0: all)
        seed: of the drawing and the order
        split_seed: of the split into parts
        frame_length: samples in a frame; longer frames of the file are cut
        output: ``frames`` (vectors) or ``stream`` (single samples)
        tags: whether frames are tagged; without, the source is several times faster
        modulation: of a file that does not say it: raw samples, a WAV file, an array
        label_snr_db: SNR label of such a file, in dB
        datatype: type of raw samples whose name does not say it, as SigMF names it

    Raises UserError for a missing or damaged file, values out of range, an unknown class, SNR
    label, part, order or output, an empty selection, frames that are too short, or a start
    outside the order.
    """

    def __init__(self, dataset="sample", classes=(), snr_db=(), part="all", order="file",
                 repeat=False, start=0, limit=0, seed=0, split_seed=0,
                 frame_length=frames.FRAME_LENGTH, output="frames", tags=True,
                 modulation="", label_snr_db=0.0, datatype=""):
        start, limit = at_least(0, start=start, limit=limit)
        seed, split_seed = at_least(0, LARGEST_SEED, seed=seed, split_seed=split_seed)
        frame_length = as_whole("frame_length", frame_length, 1, LONGEST_FRAME)
        output = as_choice("output", output, OUTPUTS)
        part, order = as_choice("part", part, PARTS), as_choice("order", order, ORDERS)
        repeat, tags = as_switch("repeat", repeat), as_switch("tags", tags)
        classes = [as_text("classes", name) for name in as_list("classes", classes)]
        snr_db = [as_number("snr_db", level) for level in as_list("snr_db", snr_db)]
        facts = _facts(as_text("modulation", modulation), as_number("label_snr_db", label_snr_db),
                       as_text("datatype", datatype))
        whole = data.read(as_path("dataset", dataset), frame_length, facts)
        chosen = _select(whole, classes, snr_db, part, limit, seed, split_seed)
        self._playlist = ReplayOrder(chosen.label, order, repeat, start, seed)
        self._player = Replayer(chosen, self._playlist)
        item = np.dtype((np.complex64, frame_length) if output == "frames" else np.complex64)
        gr.sync_block.__init__(self, "dataset_source", in_sig=None, out_sig=[item])
        self._log = control.LogOnce("dataset_source")
        self._frame_length = frame_length
        self._item_length = item.itemsize // np.dtype(np.complex64).itemsize
        set_buffer(self, BUFFER * frame_length // self._item_length)
        self._rest = np.empty(0, np.complex64)  # taken from the player, but not yet sent
        self._label, self._snr_db, self._index = chosen.label, chosen.snr_db, chosen.run_id
        self._names = [pmt.intern(name) for name in chosen.classes]
        levels = np.unique(chosen.snr_db).tolist()
        self._levels = dict(zip(levels, map(pmt.from_double, levels), strict=True))
        self._tagged = tags

    def __len__(self):
        return len(self._playlist)

    def seek(self, position):
        """Go on at `position` in the order of the current pass, from the next frame boundary on.

        Frames already in the buffer behind the source still come before. May be called from any
        thread. Raises UserError when there is no such position.
        """
        self._playlist.seek(as_whole("start", position, 0, len(self) - 1))

    def set_start(self, start):
        """Seek from a panel: like :meth:`seek`, but a wrong position is logged and ignored."""
        try:
            self.seek(start)
        except UserError as error:
            self._log.warn("start", f"seek ignored: {error}")

    def work(self, input_items, output_items):
        """Send the next frames; in a stream also a part of one."""
        out = output_items[0].reshape(-1)
        if not len(self._rest):
            try:
                self._take(max(1, len(out) // self._frame_length))
            except (UserError, OSError) as error:
                self._log.warn("file", f"the flow ends, a frame cannot be read: {error}")
                return -1
        count = min(len(out), len(self._rest))
        out[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count // self._item_length or -1  # -1: done

    def _take(self, count):
        rows, samples = self._player.take(count)
        self._rest = samples.reshape(-1)
        if self._tagged:
            self._tag(rows)

    def _tag(self, rows):
        # Three calls a frame are what a tagged frame costs: no attribute look-ups here
        add, names, levels = self.gateway.add_item_tag, self._names, self._levels
        step, first = self._frame_length // self._item_length, self.nitems_written(0)
        columns = (column[rows].tolist() for column in (self._label, self._snr_db, self._index))
        for number, (label, snr_db, index) in enumerate(zip(*columns, strict=True)):
            offset = first + number * step
            add(0, offset, keys.MODULATION, names[label])
            add(0, offset, keys.SNR_DB, levels[snr_db])
            add(0, offset, keys.FRAME_INDEX, pmt.from_long(index))


def _facts(modulation, label_snr_db, datatype):
    """What a file does not say itself; the sample rate means nothing here."""
    if not modulation:
        return RawFacts(datatype=datatype or None)
    return RawFacts(1.0, modulation, label_snr_db, datatype or None)


def _select(whole, classes, snr_db, part, limit, seed, split_seed):
    """The wanted frames, with their positions in the file as `run_id`."""
    # Beyond the split, by generator run, the runs do not matter here: their column carries the
    # positions through the selection. What is not asked for is skipped, as it copies.
    chosen = replace(whole, run_id=np.arange(len(whole), dtype=np.int32))
    if part != data.Part.ALL.value:
        chosen = chosen.subset(data.split(whole, split_seed)[part])
    if classes or snr_db:
        chosen = chosen.select(classes or None, snr_db or None)
    return chosen.limit(limit or None, seed)
