# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the values that blocks are given, at construction or while they run.

Each returns the value as what it stands for, or raises UserError with one line that names it.
"""

import math
import os
import reprlib
from numbers import Real

import numpy as np
from robust_amc import power
from robust_amc.errors import UserError

LARGEST = 2**31 - 1  # what an int of GNU Radio holds
LARGEST_SEED = 2**63 - 1
LONGEST_FRAME = 2**24  # samples: a buffer of GNU Radio has to hold two such items


def shown(value):
    """A value in an error message: short, and on one line."""
    return " ".join(reprlib.repr(value).split())[:60]


def as_whole(name, value, least=0, most=LARGEST):
    """`value` as an int; UserError unless it is a whole number of `least` … `most`."""
    if _is_real(value) and least <= value <= most and value == int(value):
        return int(value)
    raise UserError(f"{name} must be a whole number of {least} … {most}, not {shown(value)}")


def at_least(least, most=LARGEST, **values):
    """The named values as ints, a list, see :func:`as_whole`."""
    return [as_whole(name, value, least, most) for name, value in values.items()]


def as_number(name, value, least=-math.inf, most=math.inf):
    """`value` as a finite float; UserError when it is not one, or outside `least` … `most`."""
    try:
        number = float(value) if _is_real(value) else math.nan
    except OverflowError:
        number = math.inf
    if math.isfinite(number) and least <= number <= most:
        return number
    limits = ""
    if math.isfinite(most):
        limits = f" of {least:g} … {most:g}"
    elif math.isfinite(least):
        limits = f" of {least:g} or more"
    raise UserError(f"{name} must be a finite number{limits}, not {shown(value)}")


def as_db(name, value):
    """`value` as a float; UserError unless it is a number of dB that samples can have."""
    number = as_number(name, value)
    power.check_db(**{name: number})
    return number


def as_switch(name, value):
    """`value` as a bool; 0 and 1 count as such, anything else is a UserError."""
    if isinstance(value, (bool, np.bool_)) or (_is_real(value) and value in (0, 1)):
        return bool(value)
    raise UserError(f"{name} must be true or false, not {shown(value)}")


def as_choice(name, value, known):
    """`value`, a string; UserError unless it is one of `known`."""
    if isinstance(value, str) and value in known:
        return str(value)
    raise UserError(f"unknown {name} {shown(value)}; there are {', '.join(known)}")


def as_text(name, value):
    """`value`, a string that can be written; else UserError."""
    try:
        if isinstance(value, str) and value.encode() is not None:
            return value
    except UnicodeEncodeError:
        pass
    raise UserError(f"{name} must be text, not {shown(value)}")


def as_path(name, value):
    """`value`, a string or a path; else UserError."""
    if isinstance(value, (str, os.PathLike)) and not set("\0\n\r") & set(str(value)):
        return value
    raise UserError(f"{name} must be a file or a name, not {shown(value)}")


def as_list(name, value):
    """The items of a list, tuple or array of one dimension; a single text or number is one item."""
    if isinstance(value, str) or _is_real(value):
        return [value]
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return list(value)
    raise UserError(f"{name} must be a list, not {shown(value)}")


def optional(check, name, value):
    """None for None, else what the check returns."""
    return None if value is None else check(name, value)


def _is_real(value):
    return isinstance(value, Real) and not isinstance(value, bool)
