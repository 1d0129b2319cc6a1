"""The fields of somebody else's document, each of a type and within bounds.

A check is a function of a value and of what it is called; it raises UserError, one line that
says what the value must be. Checks are put together to the form of a document::

    FORM = table({"classes": names(), "frame_length": whole(1, 1 << 20)}, {"seed": maybe(whole())})
    FORM(document, "the metadata")
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .errors import UserError
from .names import LONGEST, is_name

LARGEST = (1 << 63) - 1  # of whole numbers, either way: what 64 bits hold
_ITEMS = 1 << 20
_MOST = 1e300  # a whole number may be too large for any float

Check = Callable[[Any, str], None]


def refuse(value: Any, where: str, wanted: str) -> None:
    """Raise the UserError of a check."""
    plain = value is None or isinstance(value, (str, int, float))
    shown = repr(value)[:40] if plain else f"a {type(value).__name__}"
    raise UserError(f"{where} must be {wanted}, not {shown}")


def anything(value: Any, where: str) -> None:
    """Whatever a document can hold."""


def flag(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        refuse(value, where, "true or false")


def whole(low: int = -LARGEST, high: int = LARGEST) -> Check:
    """A whole number in `low` … `high`."""

    def check(value: Any, where: str) -> None:
        if type(value) is not int or not low <= value <= high:
            refuse(value, where, f"a whole number in {low} … {high}")

    return check


def real(low: float = -math.inf, high: float = math.inf, above: float | None = None) -> Check:
    """A finite number in `low` … `high`; larger than `above`, where that is given."""
    wanted = "a finite number"
    if above is not None:
        wanted += f" above {above:g}"
    elif low > -math.inf:
        wanted += f" from {low:g} on"
    if high < math.inf:
        wanted += f" up to {high:g}"

    def check(value: Any, where: str) -> None:
        fits = type(value) in (int, float) and abs(value) <= _MOST and low <= value <= high
        if not fits or (above is not None and not value > above):
            refuse(value, where, wanted)

    return check


def text(longest: int = 1000) -> Check:
    """Printable text of at most `longest` characters; it may be empty."""

    def check(value: Any, where: str) -> None:
        if not (isinstance(value, str) and value.isprintable() and len(value) <= longest):
            refuse(value, where, f"printable text of at most {longest} characters")

    return check


def name(value: Any, where: str) -> None:
    """Printable text that names something, see names.is_name."""
    if not is_name(value):
        refuse(value, where, f"a name of 1 … {LONGEST} printable characters")


def names(fewest: int = 1, most: int = 1000) -> Check:
    """A list of names, all different."""

    def check(value: Any, where: str) -> None:
        items(name, fewest, most)(value, where)
        twice = first_twice(value)
        if twice is not None:
            raise UserError(f"{where} has {twice} twice")

    return check


def first_twice(values: Iterable[str]) -> str | None:
    """The first of some texts that was there before."""
    seen: set[str] = set()
    for each in values:
        if each in seen:
            return each
        seen.add(each)
    return None


def choice(known: Collection[str]) -> Check:
    """One of some texts."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or value not in known:
            refuse(value, where, f"one of {', '.join(known)}")

    return check


def maybe(check: Check) -> Check:
    """The same, or null."""

    def check_or_none(value: Any, where: str) -> None:
        if value is not None:
            check(value, where)

    return check_or_none


def either(*checks: Check) -> Check:
    """What one of the checks takes; an error is that of the last."""

    def check(value: Any, where: str) -> None:
        for each in checks[:-1]:
            try:
                each(value, where)
            except UserError:
                continue
            return
        checks[-1](value, where)

    return check


def items(check: Check, fewest: int = 0, most: int = _ITEMS) -> Check:
    """A list of `fewest` … `most` values of one kind."""

    def check_all(value: Any, where: str) -> None:
        if not isinstance(value, list):
            refuse(value, where, "a list")
        if not fewest <= len(value) <= most:
            raise UserError(f"{where} has {len(value)} entries; {fewest} … {most} are possible")
        for number, each in enumerate(value):
            check(each, f"entry {number} of {where}")

    return check_all


def table(
    needed: Mapping[str, Check],
    known: Mapping[str, Check] | None = None,
    others: Check | None = anything,
) -> Check:
    """A table of named values: those it must have, those it may have, and `others` (None: none)."""
    checks = {**needed, **(known or {})}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            refuse(value, where, "a table of named values")
        missing = [each for each in needed if each not in value]
        if missing:
            raise UserError(f"{where} has no {', '.join(missing)}")
        for key, entry in value.items():
            own = checks.get(key, others)
            name(key, f"the name of an entry of {where}")
            if own is None:
                raise UserError(
                    f"{where} has an unknown entry {key}; there are {', '.join(checks)}"
                )
            own(entry, f"{key} of {where}")

    return check
