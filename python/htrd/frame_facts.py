# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tags say of frames, column by column."""

import numpy as np
import pmt

from . import tags

# Columns of numbers, NaN where a frame has no such tag, and their tags
NUMBERS = {
    "snr_db": tags.SNR_DB,
    "pnr_db": tags.PNR_DB,
    "sample_offset": pmt.intern("sample_offset"),
    "frame_power_db": pmt.intern("frame_power_db"),
}
# What a column holds; of objects, None where there is nothing: names in `truth`, PMTs in `rx_time`
KINDS = {"frame_index": np.int64, "truth": object, "rx_time": object} | dict.fromkeys(
    NUMBERS, np.float64
)


def read(block, count):
    """Columns of the next `count` frames of input 0 of a block, a dictionary as in KINDS."""
    columns = {
        "frame_index": tags.indices(block, count),
        "truth": tags.names(block, count, tags.MODULATION),
        "rx_time": tags.values(block, count, tags.RX_TIME),
    }
    for name, key in NUMBERS.items():
        columns[name] = numbers(block, count, key)
    return columns


def numbers(block, count, key):
    """Values of a tag on the next `count` frames: float64, NaN where missing or no number."""
    column = np.full(count, np.nan)
    found = block.get_tags_in_window(0, 0, count, key)
    if found:  # most radios tag few frames: nothing to do for the others
        start = block.nitems_read(0)
        column[[tag.offset - start for tag in found]] = _all_numbers([tag.value for tag in found])
    return column


def _all_numbers(values):
    """number() of each; mostly all are of one kind, and a single call each does it."""
    for convert in (pmt.to_double, pmt.to_uint64):
        try:
            return [convert(value) for value in values]
        except Exception:  # noqa: BLE001 (whatever pmt raises for another kind)
            continue
    return [number(value) for value in values]


def number(value):
    """A number's PMT as a float; NaN for anything else, or None."""
    if value is None:
        return np.nan
    if pmt.is_real(value) or pmt.is_integer(value):
        return pmt.to_double(value)
    # pmt.is_number() holds for these too, but to_double() refuses them
    return float(pmt.to_uint64(value)) if pmt.is_uint64(value) else np.nan
