"""JSON that comes from somebody else's file."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from . import reading
from .errors import UserError
from .files import AnyPath, Document

_DEEPEST = 50  # what is nested further is no description of anything, and breaks who walks it


def read(path: AnyPath, most: int, what: str) -> Document:
    """The JSON object in a file of at most `most` bytes, as :func:`parse`.

    Raises UserError, which calls it `what` ("a result file of htrd evaluate"), when it is none.
    """
    text = reading.text(path, most, what)
    try:
        return parse(text, "it")
    except UserError as error:
        raise UserError(f"{path} is not {what}: {error}") from None


def parse(text: str | bytes, what: str = "metadata", lenient: bool = False) -> Document:
    """Parse `text` (str or bytes), which must be a JSON object, into a dictionary.

    Raises UserError, which calls it `what`, for anything else, for numbers that are not
    finite (`lenient`: those are None), and for deep nesting.
    """
    finite = _finite_or_none if lenient else _finite
    try:
        document = json.loads(text, parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UserError(f"{what} is not a JSON object of finite numbers and text")
    check_depth(document, what)
    return document


def dump(document: Document, what: str = "metadata") -> str:
    """The JSON text of `document`; UserError, which calls it `what`, if `parse` would refuse it."""
    check_depth(document, what)
    try:
        return json.dumps(document, allow_nan=False)
    except ValueError:
        raise UserError(f"{what} has a number that is not finite; remove it") from None


def check_depth(document: Mapping[str, Any], what: str) -> None:
    """UserError, which calls it `what`, when lists and dictionaries are nested too deeply."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        level = [item for each in level for item in _items(each) if isinstance(item, (dict, list))]
    if level:
        raise UserError(f"{what} is nested more than {_DEEPEST} levels deep; make it flatter")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _finite_or_none(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
