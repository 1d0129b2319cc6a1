# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the values that blocks are given, at construction or while they run."""

import numpy as np
from robust_amc.errors import UserError


def at_least(minimum, **values):
    """Raise UserError unless every named value is a whole number and at least `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or value != int(value) or value < minimum:
            raise UserError(f"{name} must be a whole number of at least {minimum}, not {value}")


def as_number(name, value):
    """`value` as a finite float; UserError when it is not one."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if is_number and np.isfinite(value):
        return float(value)
    raise UserError(f"{name} must be a finite number, not {value!r}")


def as_switch(name, value):
    """`value` as a bool; 0 and 1 count as such, anything else is a UserError."""
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise UserError(f"{name} must be true or false, not {value!r}")
