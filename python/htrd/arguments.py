# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the C++ blocks: what is wrong with them is told as by the Python blocks.

pybind11 says in several lines that no overload fits, takes any object for a bool, and nothing
for an int that is too large. The types are those of its docstrings.
"""

import functools
import inspect
import re
from numbers import Complex, Real

import numpy as np
from robust_amc.errors import UserError

from .checks import LARGEST, as_switch, as_text, as_whole, optional, shown

_PARAMETER = re.compile(r"(?:\(|, )(\w+): ([^=,()]+?)(?= = |, |\))")
LARGEST_UNSIGNED = 2**32 - 1


def check_blocks(module):
    """Let constructors and setters of the C++ blocks of a module raise UserError."""
    for block in list(vars(module).values()):
        if inspect.isclass(block) and hasattr(block, "to_basic_block"):
            for name in list(vars(block)):
                if name == "__init__" or name.startswith("set_"):
                    function = getattr(block, name)
                    setattr(block, name, _checked(function, module))


def _checked(function, module):
    parameters = _PARAMETER.findall(function.__doc__)[1:]  # without self
    readers = {name: _reader(kind.lower(), kind, module) for name, kind in parameters}

    @functools.wraps(function)
    def call(self, *given, **named):
        values = dict(zip(readers, given, strict=False)) | named
        try:
            read = {
                name: readers[name](name, value) if name in readers else value
                for name, value in values.items()
            }
            return function(self, *given[len(readers) :], **read)
        except ValueError as error:
            raise UserError(" ".join(str(error).split())[:300]) from None
        except TypeError as error:
            raise UserError(_reason(values, error)) from None

    return call


def _reader(lower, kind, module):
    """What makes the argument of a parameter of this type, or raises UserError."""
    if lower.startswith("callable"):
        return lambda name, value: value
    if "optional" in lower or "none" in lower:
        return functools.partial(optional, _as_float)
    option = getattr(module, kind.rpartition(".")[2], None)
    if hasattr(option, "__members__"):
        return functools.partial(_as_option, option)
    for word, reader in (
        ("complex", _as_numbers), ("bool", as_switch), ("int", _as_int), ("float", _as_float),
        ("str", as_text),
    ):  # fmt: skip
        if word in lower:
            return reader
    return lambda name, value: value


def _as_int(name, value):
    return as_whole(name, value, -LARGEST - 1, LARGEST_UNSIGNED)


def _as_float(name, value):
    """A float, infinite ones and NaN too: the block knows what it can use."""
    try:
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise UserError(f"{name} must be a number, not {shown(value)}")


def _as_numbers(name, value):
    is_array = isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iufc"
    if is_array or isinstance(value, (list, tuple)):
        return value
    raise UserError(f"{name} must be a list of numbers, not {shown(value)}")


def _as_option(option, name, value):
    if isinstance(value, str):
        return as_text(name, value)  # the binding tells the unknown ones
    if isinstance(value, option):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return value
    known = ", ".join(each.lower() for each in option.__members__)
    raise UserError(f"{name} must be one of {known}, not {shown(value)}")


def _reason(values, error):
    """Why the binding has refused values that are of the right types."""
    for name, value in values.items():
        if isinstance(value, (list, tuple)) and not all(isinstance(x, Complex) for x in value):
            return f"{name} must be a list of numbers, not {shown(value)}"
        if isinstance(value, int) and not 0 <= value <= LARGEST:
            return f"{name} is out of range: {value}"
    return str(error).splitlines()[0]
