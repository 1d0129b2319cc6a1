# SPDX-License-Identifier: GPL-3.0-or-later
"""Live mode of the classifier: a bounded queue and the thread that serves it."""
