# SPDX-License-Identifier: GPL-3.0-or-later
"""GNU Radio blocks around robust_amc, the library for robust modulation classification."""

# The C++ blocks, and what else is in C++
from . import arguments, htrd_python
from .htrd_python import *

# import any pure python here
from .burst_source import burst_source
from .classifier import classifier
from .dataset_source import dataset_source
from .decision_fuser import decision_fuser
from .decision_probe import decision_probe
from .friendly_receiver import friendly_receiver
from .pgd_injector import pgd_injector
from .signal_normalizer import signal_normalizer
from .stream_injector import stream_injector

arguments.check_blocks(htrd_python)

# Qt is not everywhere; without it the other blocks work.
try:
    from .qt_band_monitor import qt_band_monitor
    from .qt_decision_panel import qt_decision_panel
    from .qt_security_curve import qt_security_curve
except ModuleNotFoundError as error:
    if error.name != "PyQt5":
        raise
