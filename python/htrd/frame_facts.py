# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tags say of frames, column by column."""

import numpy as np
import pmt

from . import tags
from .htrd_python import number_tags

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
    return {
        "frame_index": tags.indices(block, count),
        "truth": tags.names(block, count, tags.MODULATION),
        "rx_time": tags.values(block, count, tags.RX_TIME),
        **dict(zip(NUMBERS, number_tags(block.gateway, count, [*NUMBERS.values()]), strict=True)),
    }
