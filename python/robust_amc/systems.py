"""The systems of the paper, each a TOML file: how its network is trained and what rejects.

A file has a `title` and either a `[training]` table (fields of TrainSettings and Plan), with
a table of the method's own settings, named as the method, an `[architecture]` table where the
network has further settings, an `[augment]` table (AugmentSettings) for impairments of the
training frames, an `[outliers]` table (OutlierSettings) for frames of no class and, if its feature
layers are trained as an autoencoder first, a `[pretrain]` table (PretrainSettings); or
`network = "NAME"`, the system whose network it shares; and `[rejector]` where it rejects: a `kind`,
such as ``svm`` or ``autoencoder``, and fields of its settings. A `[sweep]` table lists the values
to choose from on validation data (`htrd sweep`), by the dotted names of entries of the file:
``"cat.r_max" = [0.1, 0.15]``.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from . import assets, fields, json_text, reading, settings
from .errors import UserError
from .files import AnyPath, Document
from .rejection import REJECTORS
from .rejection.base import CalibrationSettings
from .training import METHODS, AugmentSettings, OutlierSettings, Plan, TrainSettings
from .training.pretrain import PretrainSettings

_PLAN = ("method", "architecture", "input_gain", "start_from", "frames_per_key", "snr_db")
_LONGEST = 1 << 16  # bytes of a file
_LONGEST_LINE = 1000  # characters; keys of thousands of parts take TOML's reader minutes
_MOST_VARIANTS = 1000  # each is trained, calibrated and attacked
_FORM = fields.table(
    {"title": fields.text()},
    {
        "network": fields.name,
        "training": fields.table({}),
        "rejector": fields.table({}, {"kind": fields.name}),
        "sweep": fields.table({}),
    },
)
Values = Mapping[str, Any]  # of settings, by dotted names
Shortened = TypeVar("Shortened", TrainSettings, PretrainSettings)
_DEFAULTS = {"title": "", "training": {}, "rejector": {}}  # a file that says nothing


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        name: as in the command line, the model file and the docs
        title: in words
        network: name of the system whose network it uses, its own for most
        plan: Plan of the training; None when the network is another system's
        rejector: settings of its kind of rejector, or None
        sweep: values to choose from, a list for each dotted name of a setting
    """

    name: str
    title: str
    network: str
    plan: Plan | None
    rejector: CalibrationSettings | None
    sweep: dict[str, list[Any]] = field(default_factory=dict)

    def sized(
        self, seed: int, epochs: int | None = None, frames_per_key: int | None = None
    ) -> "System":
        """This system with a seed everywhere and, where they are given, smaller trainings."""
        plan, rejector = self.plan, self.rejector
        if plan is not None:
            plan = replace(
                plan,
                settings=replace(_shortened(plan.settings, epochs), seed=seed),
                pretrain=plan.pretrain and _shortened(plan.pretrain, epochs),
                frames_per_key=frames_per_key or plan.frames_per_key,
            )
        return replace(self, plan=plan, rejector=rejector and replace(rejector, seed=seed))


def _shortened(training: Shortened, epochs: int | None) -> Shortened:
    """Settings of a training with at most `epochs` epochs (None: as many as they say)."""
    return replace(training, epochs=min(training.epochs, epochs or training.epochs))


def names() -> list[str]:
    """Names of the systems that ship, sorted."""
    return sorted(path.stem for path in assets.SYSTEMS.glob("*.toml"))


def load(name_or_path: AnyPath, values: Values | None = None) -> System:
    """Read a system by its name, or a TOML file of that form.

    `values` change its settings, by dotted names such as ``cat.r_max``; ``method.…`` are those
    of the training method, whichever it is. Raises UserError when the file is not sound, or a
    value names no setting of the system or is not one that it can have.
    """
    path, document = _read(name_or_path)
    with _named(path):
        system = _system(path.stem, document)
        _variants(path.stem, document, system.sweep)  # a wrong [sweep] concerns everybody
        return _system(path.stem, _changed(document, values)) if values else system


def default(values: Values | None = None) -> System:
    """The System that no file describes, changed as by :func:`load`: standard training, an SVM.

    Where nothing else is said, the method chooses how an epoch is chosen (`robust_radius`).
    """
    values = values or {}
    radius = METHODS[_method(values)].robust_radius
    return _system("", _changed(_DEFAULTS, {"training.robust_radius": radius, **values}))


def variants(
    name_or_path: AnyPath, more: Values | None = None, prefix: str = ""
) -> list[tuple[dict[str, Any], System]]:
    """Every combination of the values to choose from: a list of (values by name, System).

    Of the file's own lists those count whose names begin with `prefix`. `more` are lists of
    values by name, like those of the file, and instead of its own of the same name. Without
    any there is one combination, of no values. Raises UserError for a name that is no setting
    of this system, or a value that the setting cannot have.
    """
    path, document = _read(name_or_path)
    with _named(path):
        own = _system(path.stem, document).sweep
        grid = {name: values for name, values in own.items() if name.startswith(prefix)}
        return _variants(path.stem, document, {**grid, **(more or {})})


def words(values: Values) -> str:
    """Values of settings as text, in the words of TOML."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


def _read(name_or_path: AnyPath) -> tuple[Path, Document]:
    """Path and content of a system's file."""
    shipped = assets.SYSTEMS / f"{name_or_path}.toml"
    path = shipped if os.path.exists(shipped) else Path(name_or_path)
    if not os.path.exists(path):
        raise UserError(
            f"there is no system {name_or_path}: neither a file nor one of {', '.join(names())}"
        )
    text = reading.text(path, _LONGEST, "a TOML file of a system")
    if max(map(len, text.splitlines()), default=0) > _LONGEST_LINE:
        raise UserError(f"{path} has lines of more than {_LONGEST_LINE} characters; break them")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is not a TOML file: {reason}") from None
    with _named(path):
        json_text.check_depth(document, "its content")
        _FORM(document, "the file")
    return path, settings.current(document, path)


@contextmanager
def _named(what: object) -> Iterator[None]:
    """Whatever is wrong is said to be so with `what`."""
    try:
        yield
    except (TypeError, KeyError, AttributeError) as error:  # of a plug of another package
        raise UserError(f"{what} has a wrong entry: {error}") from None
    except UserError as error:
        raise UserError(f"{what}: {error}") from None


def _variants(name: str, document: Document, grid: Values) -> list[tuple[dict[str, Any], System]]:
    for setting, values in grid.items():
        if not isinstance(values, list) or not values:
            raise UserError(
                f"the values of {setting} to choose from must be a list of one or more, "
                'as in "cat.r_max" = [0.1, 0.15]'
            )
    count = prod(map(len, grid.values()))
    if count > _MOST_VARIANTS:
        raise UserError(
            f"its lists of values to choose from have {count} combinations; at most "
            f"{_MOST_VARIANTS} can be compared"
        )
    found = []
    for values in (dict(zip(grid, each)) for each in product(*grid.values())):
        with _named(words(values)):
            found.append((values, _system(name, _changed(document, values))))
    return found


def _changed(document: Document, values: Values) -> Document:
    """A system's document with other values of entries, by dotted names."""
    kept = {name: each for name, each in document.items() if not isinstance(each, dict)}
    tables = {name: dict(each) for name, each in document.items() if name not in kept}
    sweep = {"sweep": tables.pop("sweep")} if "sweep" in tables else {}
    method = _prepared(tables, values) if "training" in tables else None
    kind = tables.get("rejector", {}).get("kind", "svm")
    if values.get("rejector.kind", kind) != kind:
        tables["rejector"] = {"kind": values["rejector.kind"]}
    for setting, value in settings.current_names(values, tables).items():
        table, _, entry = setting.partition(".")
        table = method if table == "method" and method else table
        if table not in tables:
            known = " or ".join(f"{each}.…" for each in tables)
            raise UserError(f"{setting} is not a setting of this system; there are {known}")
        tables[table][entry] = value
    return kept | sweep | tables


def _method(values: Values, before: str = "standard") -> str:
    """The training method among values by dotted names; `before` where there is none."""
    method = values.get("training.method", before)
    settings.check({"method": str}, {"method": method}, "training")
    return method


def _prepared(tables: dict[str, Any], values: Values) -> str:
    """The training method; `tables` without those of another method or network."""
    training = tables["training"]
    before = training.get("method", "standard")
    method = _method(values, before)
    if method != before:
        tables.pop(before, None)
    if METHODS[method].Settings:
        tables.setdefault(method, {})
    network = training.get("architecture")
    if values.get("training.architecture", network) != network:
        tables.pop("architecture", None)
    for name in ("architecture", "augment", "outliers"):
        tables.setdefault(name, {})
    return method


def _system(name: str, document: Document) -> System:
    document = dict(document)
    title = document.pop("title")
    sweep = dict(document.pop("sweep", {}))
    network = document.pop("network", name)
    training = document.pop("training", None)
    if (training is None) == (network == name):
        raise UserError("a system has either a [training] table or network = another system")
    plan = None
    if training is not None:
        training = dict(training)
        own = {key: training.pop(key) for key in _PLAN if key in training}
        settings.check(settings.types_of(Plan), own, "training")
        method = own.get("method", "standard")
        kind = METHODS[method].Settings
        chosen = {
            "settings": settings.read(TrainSettings, training, "training"),
            "recipe": settings.read(kind, document.pop(method, {}), method) if kind else None,
            "augment": settings.read(AugmentSettings, document.pop("augment", {}), "augment"),
            "outliers": settings.read(OutlierSettings, document.pop("outliers", {}), "outliers"),
            "network": dict(document.pop("architecture", {})),
        }
        if "pretrain" in document:
            chosen["pretrain"] = settings.read(
                PretrainSettings, document.pop("pretrain"), "pretrain"
            )
        plan = Plan(**chosen, **own)
    rejector = document.pop("rejector", None)
    if rejector is not None:
        rejector = dict(rejector)
        kind = REJECTORS[rejector.pop("kind", "svm")].Settings
        rejector = settings.read(kind, rejector, "rejector")
    if document:
        raise UserError(f"unknown entries {', '.join(document)}")
    return System(name, title, network, plan, rejector, sweep)
