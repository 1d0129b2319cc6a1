"""Options that subcommands share, and how lists and settings are read."""

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, overload

import typer

from ..errors import UserError

Dataset = Annotated[str, typer.Option(help="Path of a data set, or 'sample'.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the results to this file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random choice.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …; auto: a GPU if there is one.")]


@overload
def parse_floats(text: None) -> None: ...
@overload
def parse_floats(text: str) -> list[float]: ...
def parse_floats(text: str | None) -> list[float] | None:
    """'0,10' to [0.0, 10.0]; None stays None. UserError for anything else, or not finite."""
    if text is None:
        return None
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        raise UserError(f"{text!r} is not a list of numbers such as 0,10") from None
    if any(value != value or abs(value) == float("inf") for value in values):
        raise UserError(f"{text!r} has a number that is not finite")
    return values


@overload
def parse_names(text: None) -> None: ...
@overload
def parse_names(text: str) -> list[str]: ...
def parse_names(text: str | None) -> list[str] | None:
    """'BPSK,QPSK' to ['BPSK', 'QPSK']; None stays None. UserError for an empty name."""
    if text is None:
        return None
    names = [word.strip() for word in text.split(",")]
    if not all(names):
        raise UserError(f"{text!r} is not a list of names such as BPSK,QPSK")
    return names


def parse_settings(
    texts: Iterable[str] | None, example: str = "cat.r_max=0.1"
) -> dict[str, list[Any]]:
    """['a.b=1', 'c=x,y'] to {'a.b': [1], 'c': ['x', 'y']}, each word as TOML would read it.

    Text needs no quotes. UserError, with the `example`, for anything else.
    """
    found: dict[str, list[Any]] = {}
    for text in texts or []:
        name, _, listed = text.partition("=")
        words = [word.strip() for word in listed.split(",")]
        if not all([name.strip(), *words]):
            form = "NAME=VALUE,VALUE" if "," in example else "NAME=VALUE"
            raise UserError(f"--set takes {form}, as in {example}, not {text!r}")
        found.setdefault(name.strip(), []).extend(map(_value, words))
    return found


def single(settings: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Of lists of values those that have one alone: {'a.b': [1]} to {'a.b': 1}."""
    return {name: values[0] if len(values) == 1 else values for name, values in settings.items()}


def _value(word: str) -> bool | float | str:
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            number = kind(word)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return word


def check_writable(path: Path | None, suffixes: Collection[str] | None = None) -> None:
    """UserError unless a result can be written to `path`: said before the work, not after it."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise UserError(f"the folder of {path} does not exist; make it first")
    if suffixes and path.suffix not in suffixes:
        raise UserError(f"{path} must end in one of {', '.join(suffixes)}")


def refuse_overwriting(path: Path) -> None:
    """UserError when `path` exists or its folder does not."""
    if path.exists():
        raise UserError(f"{path} exists already; give another name or remove it")
    check_writable(path)
