# SPDX-License-Identifier: GPL-3.0-or-later
"""Output buffers of blocks that hand over many frames at a time."""


def set_buffer(block, items):
    """Make a block's output buffers hold at least so many items.

    GNU Radio's logger reports that at every start, on standard output; it is silenced.
    """
    block.set_log_level("warn")
    block.set_min_output_buffer(items)
