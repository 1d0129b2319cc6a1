# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of RML2016-style data sets, a flowgraph of GNU Radio blocks."""
