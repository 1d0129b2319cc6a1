# SPDX-License-Identifier: GPL-3.0-or-later
"""Stream tags of frames: their keys, and how they are read and written."""

import numpy as np
import pmt
from robust_amc.decisions import NUMBERS
from robust_amc.frames import Scaling

from ..htrd_python import _number_tags, _whole_tags
from .values import name_of

MODULATION = pmt.intern("modulation")  # symbol: the true class
SNR_DB = pmt.intern("snr_db")  # double: the SNR label
FRAME_INDEX = pmt.intern("frame_index")  # long: position in the data set
SAMPLE_OFFSET = pmt.intern("sample_offset")  # uint64: of the first sample in its stream
PNR_DB = pmt.intern("pnr_db")  # double: the measured PNR of a perturbation
ATTACK_SUCCESS = pmt.intern("attack_success")  # bool: the goal of the attack was reached
SCALING = pmt.intern("scaling")  # symbol: what an attack took to be in force behind it
RX_TIME = pmt.intern("rx_time")  # as the radio wrote it

# What a column of :func:`columns` holds. Numbers are NaN where a frame has no such tag; of
# objects, names in `truth` and PMTs in `rx_time`, there is None; in `sample_offset` -1.
KINDS = {
    "frame_index": np.int64, "sample_offset": np.int64, "truth": object, "rx_time": object,
} | dict.fromkeys(NUMBERS, np.float64)  # fmt: skip
_NUMBERS = [pmt.intern(name) for name in NUMBERS]


def values(block, count, key):
    """Values of the tag `key` on the next `count` frames of input 0; None where there is none.

    Where a frame carries the key twice, the later tag wins.
    """
    found = [None] * count
    start = block.nitems_read(0)
    for tag in block.get_tags_in_window(0, 0, count, key):
        found[tag.offset - start] = tag.value
    return found


def names(block, count, key, log):
    """Like :func:`values` for names: strings, None where there is none.

    A value that can be no name is logged once.
    """
    found = values(block, count, key)
    made = [None if value is None else name_of(value) for value in found]
    if any(name is None and value is not None for name, value in zip(made, found, strict=True)):
        _warn(log, key, "printable text of at most 100 characters")
    return made


def positions(block, count, key, log):
    """Like :func:`values` for whole numbers from 0 on: int64 ``[count]``, -1 where there is none.

    A value that is none, or not below 2^63, is logged once.
    """
    found, wrong = _whole_tags(block.gateway, count, key)
    if wrong:
        _warn(log, key, "whole numbers from 0 on")
    return found


def indices(block, count, log):
    """Index of each frame, int64 ``[count]``: its `frame_index` tag, else its stream offset."""
    offset = block.nitems_read(0)
    found = positions(block, count, FRAME_INDEX, log)
    return np.where(found < 0, np.arange(offset, offset + count), found)


def as_is(block, count):
    """Which of the next `count` frames an attack took as they are, bool ``[count]``.

    They were scaled before they were perturbed, so what decides them must not scale them.
    """
    found = np.zeros(count, bool)
    start = block.nitems_read(0)
    for tag in block.get_tags_in_window(0, 0, count, SCALING):
        found[tag.offset - start] = name_of(tag.value) == Scaling.NONE
    return found


def forward(block, count, ports, keep):
    """Copy the tags of the next `count` frames of input 0 to the outputs `ports`.

    `keep(row, key)` says which ones. For blocks with one frame out for one frame in, and
    the propagation policy TPP_DONT.
    """
    start, written = block.nitems_read(0), block.nitems_written(0)
    for tag in block.get_tags_in_window(0, 0, count):
        row = tag.offset - start
        if keep(row, tag.key):
            for port in ports:
                block.add_item_tag(port, written + row, tag.key, tag.value, tag.srcid)


def numbers(block, count, *keys):
    """Numbers in tags of the next `count` frames of input 0, float64 ``[keys, count]``.

    NaN where a tag is missing or no number; where a frame has a key twice, the later tag wins.
    """
    return _number_tags(block.gateway, count, keys)


def columns(block, count, log):
    """Columns of the next `count` frames of input 0 of a block, a dictionary as in KINDS.

    What a tag cannot mean is logged once, and taken for a missing one.
    """
    return {
        "frame_index": indices(block, count, log),
        "sample_offset": positions(block, count, SAMPLE_OFFSET, log),
        "truth": names(block, count, MODULATION, log),
        "rx_time": values(block, count, RX_TIME),
        **dict(zip(NUMBERS, numbers(block, count, *_NUMBERS), strict=True)),
    }


def _warn(log, key, wanted):
    name = pmt.symbol_to_string(key)
    log.warn(f"tag {name}", f"tags {name} are ignored that are not {wanted}")
