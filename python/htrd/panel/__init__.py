# SPDX-License-Identifier: GPL-3.0-or-later
"""What the widgets show, and what they remember."""
