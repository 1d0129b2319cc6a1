# SPDX-License-Identifier: GPL-3.0-or-later
"""What blocks say to each other: tags, control messages, decisions."""
