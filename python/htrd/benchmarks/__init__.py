# SPDX-License-Identifier: GPL-3.0-or-later
"""Benches of blocks and flowgraphs for `htrd bench`."""
