"""Settings from tables of text files: their names, old and new, and their types.

A setting has a dotted name, the table and the entry of a system's file: ``cat.r_max``.
"""

import logging
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import UserError
from .fields import LARGEST, real, whole

# Settings with a new name, of the training and of the library's own kinds of rejectors. Files and
# commands with the old one are read all the same.
RENAMED = {
    "training": {"average": "ema_decay"},
    "svm": {"penalty": "C"},
    "autoencoder": {"code": "latent_dim"},
}
_SEED = whole(0, LARGEST)
_WHOLE = whole(-(10**9), 10**9)
_REAL = real()
log = logging.getLogger(__name__)


def current(document: Mapping[str, Any], source: object = None) -> dict[str, Any]:
    """A document of tables with today's names of settings, also in its ``sweep`` table.

    `document` is a system's file or the metadata of a model. With a `source`, one line of log
    says what is called otherwise there; without, nothing is said. Raises UserError when a table
    has a setting under both names.
    """
    found = dict(document)
    for old, new in _renamed(document):
        table, _, entry = old.partition(".")
        for where, before, after in ((table, entry, new.partition(".")[2]), ("sweep", old, new)):
            if isinstance(found.get(where), Mapping) and before in found[where]:
                found[where] = _with_name(found[where], before, after)
                if source is not None:
                    log.warning("%s: %s is now called %s", source, old, new)
    training = found.get("training")
    if isinstance(training, Mapping) and isinstance(training.get("start_from"), Mapping):
        # what a model file says of the model that its training started from
        found["training"] = {**training, "start_from": current(training["start_from"], source)}
    return found


def current_names(values: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Values by today's dotted names of settings of `document`; a line of log for each old one."""
    found = dict(values)
    for old, new in _renamed(document):
        if old in found:
            found = _with_name(found, old, new)
            log.warning("%s is now called %s", old, new)
    return found


def _renamed(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Old and new dotted names of settings of a document."""
    rejector = document.get("rejector")
    kind = str(rejector.get("kind", "svm")) if isinstance(rejector, Mapping) else ""
    return [
        (f"{table}.{old}", f"{table}.{new}")
        for table, names in (("training", "training"), ("rejector", kind))
        for old, new in RENAMED.get(names, {}).items()
    ]


def _with_name(table: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    if after in table:
        raise UserError(f"{before} is the old name of {after}: give one of them")
    return {after if name == before else name: value for name, value in table.items()}


def read(kind: type, table: Mapping[str, Any], where: str) -> Any:
    """A `kind`, which is a dataclass, made from the table `where`; see :func:`check`."""
    check(types_of(kind), table, where)
    return kind(**table)


def types_of(kind: type) -> dict[str, Any]:
    """Types of a dataclass's fields by name."""
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is not a dataclass")
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}


def check(types: Mapping[str, Any], table: Mapping[str, Any], where: str) -> None:
    """UserError unless each entry of the table `where` is one of `types`, and of that type."""
    if not isinstance(table, Mapping):
        raise UserError(f"[{where}] must be a table of settings, not {table!r}")
    unknown = sorted(set(table) - set(types))
    if unknown:
        raise UserError(
            f"[{where}] has unknown entries {', '.join(unknown)}; "
            f"there are {', '.join(types) or 'none'}"
        )
    for name, value in table.items():
        if not _fits(value, types[name]):
            wanted = getattr(types[name], "__name__", types[name])
            raise UserError(f"{where}.{name} must be of type {wanted}, not {value!r}")
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                is_whole = _SEED if name.endswith("seed") else _WHOLE
                (is_whole if isinstance(number, int) else _REAL)(number, f"{where}.{name}")


def _fits(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    if get_origin(kind) in (Union, UnionType):
        return any(_fits(value, each) for each in get_args(kind))
    if isinstance(value, list) and get_origin(kind) is list:
        (item,) = get_args(kind)
        return all(_fits(each, item) for each in value)
    kind = get_origin(kind) or kind  # of dict[str, Any]: dict
    if isinstance(value, bool):  # which Python counts among the integers
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))
