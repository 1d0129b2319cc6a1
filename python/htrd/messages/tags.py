# SPDX-License-Identifier: GPL-3.0-or-later
"""Stream tags of frames: their keys, and how they are read and written."""

import numpy as np
import pmt
from robust_amc.decisions import NUMBERS

from ..htrd_python import _number_tags

MODULATION = pmt.intern("modulation")  # symbol: the true class
SNR_DB = pmt.intern("snr_db")  # double: the SNR label
FRAME_INDEX = pmt.intern("frame_index")  # long: position in the data set
PNR_DB = pmt.intern("pnr_db")  # double: the measured PNR of a perturbation
ATTACK_SUCCESS = pmt.intern("attack_success")  # bool: the goal of the attack was reached
RX_TIME = pmt.intern("rx_time")  # as the radio wrote it

# What a column of :func:`columns` holds. Numbers are NaN where a frame has no such tag; of
# objects, names in `truth` and PMTs in `rx_time`, there is None.
KINDS = {"frame_index": np.int64, "truth": object, "rx_time": object} | dict.fromkeys(
    NUMBERS, np.float64
)
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


def names(block, count, key):
    """Like :func:`values` for symbols: strings, None where the tag is missing or no symbol."""
    return [
        pmt.symbol_to_string(value) if value is not None and pmt.is_symbol(value) else None
        for value in values(block, count, key)
    ]


def indices(block, count):
    """Index of each frame, int64 ``[count]``: its `frame_index` tag, else its stream offset."""
    offset = block.nitems_read(0)
    found = np.arange(offset, offset + count)
    for tag in block.get_tags_in_window(0, 0, count, FRAME_INDEX):
        if pmt.is_integer(tag.value):
            found[tag.offset - offset] = pmt.to_long(tag.value)
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


def columns(block, count):
    """Columns of the next `count` frames of input 0 of a block, a dictionary as in KINDS."""
    return {
        "frame_index": indices(block, count),
        "truth": names(block, count, MODULATION),
        "rx_time": values(block, count, RX_TIME),
        **dict(zip(NUMBERS, numbers(block, count, *_NUMBERS), strict=True)),
    }
