# SPDX-License-Identifier: GPL-3.0-or-later
"""What the decision panel shows, and what it remembers."""
