# SPDX-License-Identifier: GPL-3.0-or-later
"""What tags and messages of others hold: the one place where any PMT becomes a Python value.

Whoever sends may send anything, and PMT's own functions then raise anything.
"""

import math

import pmt
from robust_amc.names import is_name

from ..htrd_python import _number


def name_of(value):
    """The text of a symbol that can name a class; None for any other PMT."""
    if not pmt.is_symbol(value):
        return None
    try:
        text = pmt.symbol_to_string(value)
    except UnicodeDecodeError:
        return None
    return text if is_name(text) else None


def as_python(value):
    """Any PMT as a Python object; None for one that has no such form."""
    try:
        return pmt.to_python(value)
    except Exception:  # noqa: BLE001 (it raises whatever the sender's data causes)
        return None


def numbers(message, names):
    """The finite numbers of these names in a dictionary, ``{name: float}``; else ValueError.

    Entries that are missing or no numbers are left out.
    """
    if not pmt.is_dict(message) or pmt.is_null(message):
        raise ValueError("not a dictionary")
    found = {name: _number(pmt.dict_ref(message, pmt.intern(name), pmt.PMT_NIL)) for name in names}
    return {name: number for name, number in found.items() if math.isfinite(number)}
