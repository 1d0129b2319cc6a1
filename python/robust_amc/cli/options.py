"""Options that subcommands share, and how lists and settings are read."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, overload

import typer

from .. import assets
from ..errors import UserError
from ..files import AnyPath, reserved
from ..runtime import processes
from .console import until_end

Dataset = Annotated[str, typer.Option(help="Path of a data set, or 'sample'.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the results to this file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random choice.")]
Targets = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Wrong classes that PGD aims at on the frames that its objectives leave over, the "
        "likeliest first (default: all); 0: no such search. Saves about half the time or more.",
    ),
]
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


def check_writable(
    path: Path | None,
    suffixes: Collection[str] | None = None,
    inputs: Iterable[AnyPath | None] = (),
) -> None:
    """UserError unless a result can be written to `path`: said before the work, not after it.

    Until the program ends no other one gets the same `path`. `inputs` are names of data sets,
    models and files that are read, which it must not be.
    """
    if path is None:
        return
    if suffixes and path.suffix not in suffixes:
        raise UserError(f"{path} must end in one of {', '.join(suffixes)}")
    for name in inputs:
        if name is not None and any(_is_same(path, each) for each in _files(name)):
            raise UserError(f"{path} is read too; give the output another name")
    if processes.is_first():
        until_end(reserved(path))


def refuse_overwriting(path: Path, suffixes: Collection[str] | None = None) -> None:
    """UserError when `path` exists, or as :func:`check_writable` says."""
    check_writable(path, suffixes)
    if path.exists():
        raise UserError(f"{path} exists already; give another name or remove it")


def _files(name: AnyPath) -> Iterator[Path]:
    """The files that a name of a data set or of a model may mean."""
    path = Path(name)
    yield from (path, assets.model_path(name), assets.path(f"{name}.npz"))
    if path.suffix.startswith(".sigmf-"):
        yield from (path.with_suffix(f".sigmf-{kind}") for kind in ("meta", "data"))


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False  # one of them is not there
