"""The systems of the paper, each a TOML file: how its network is trained and what rejects.

A file has a `title` and either a `[training]` table (fields of TrainSettings and Plan), with
a table of the method's own settings and, if its feature layers are trained as an autoencoder
first, a `[pretrain]` table (PretrainSettings); or `network = "NAME"`, the system whose network it
shares; and `[rejector]` where it rejects: a `kind`, such as ``svm`` or ``autoencoder``, and
fields of its settings. A `[sweep]` table lists the values to choose from on validation data
(`htrd sweep`), by the dotted names of entries of the file:
``"cat.r_max" = [0.1, 0.15]``.
"""

import json
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import product
from pathlib import Path

from . import assets
from .errors import UserError
from .rejection import REJECTORS
from .rejection.base import CalibrationSettings
from .training import METHODS, Plan, TrainSettings
from .training.pretrain import PretrainSettings

_PLAN = ("method", "architecture", "input_gain", "start_from", "frames_per_key", "snr_db")


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
    sweep: dict = field(default_factory=dict)

    def sized(self, seed, epochs=None, frames_per_key=None):
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


def _shortened(training, epochs):
    """Settings of a training with at most `epochs` epochs (None: as many as they say)."""
    return replace(training, epochs=min(training.epochs, epochs or training.epochs))


def names():
    """Names of the systems that ship, sorted."""
    return sorted(path.stem for path in assets.SYSTEMS.glob("*.toml"))


def load(name_or_path):
    """Read a system by its name, or a TOML file of that form; UserError when it is not sound."""
    path, document = _read(name_or_path)
    with _named(path):
        system = _system(path.stem, document)
        _variants(path.stem, document, system.sweep)  # a wrong [sweep] is told to everybody
    return system


def variants(name_or_path, more=None, prefix=""):
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
        return _variants(path.stem, document, grid | (more or {}))


def words(values):
    """Values of settings as text, in the words of TOML."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


def _read(name_or_path):
    """Path and content of a system's file."""
    shipped = assets.SYSTEMS / f"{name_or_path}.toml"
    path = shipped if shipped.exists() else Path(name_or_path)
    try:
        return path, tomllib.loads(path.read_text())
    except OSError:
        raise UserError(
            f"there is no system {name_or_path}: neither a file nor one of {', '.join(names())}"
        ) from None
    except ValueError as error:  # neither TOML nor even text
        raise UserError(f"{path} is not a TOML file: {str(error).splitlines()[0]}") from None


@contextmanager
def _named(what):
    """Whatever is wrong is said to be so with `what`."""
    try:
        yield
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{what} has a wrong entry: {error}") from None
    except UserError as error:
        raise UserError(f"{what}: {error}") from None


def _variants(name, document, grid):
    for setting, values in grid.items():
        if not isinstance(values, list) or not values:
            raise UserError(
                f"the values of {setting} to choose from must be a list of one or more, "
                'as in "cat.r_max" = [0.1, 0.15]'
            )
    found = []
    for values in (dict(zip(grid, each)) for each in product(*grid.values())):
        with _named(words(values)):
            found.append((values, _system(name, _changed(document, values))))
    return found


def _changed(document, values):
    """A system's document with other values of entries, by dotted names."""
    tables = {key: dict(table) for key, table in document.items() if isinstance(table, dict)}
    tables.pop("sweep", None)
    for setting, value in values.items():
        table, _, entry = setting.partition(".")
        if table not in tables:
            known = " or ".join(f"{each}.…" for each in tables)
            raise UserError(f"{setting} is no setting of this system; there are {known}")
        tables[table][entry] = value
    return document | tables


def _system(name, document):
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
        method = own.get("method", "standard")
        kind = METHODS.get(method)
        recipe = _settings(kind, document.pop(method, {}), method) if kind else None
        if "pretrain" in document:
            own["pretrain"] = _settings(PretrainSettings, document.pop("pretrain"), "pretrain")
        _check_types(Plan, own, "training")
        plan = Plan(settings=_settings(TrainSettings, training, "training"), recipe=recipe, **own)
    rejector = document.pop("rejector", None)
    if rejector is not None:
        rejector = dict(rejector)
        kind = REJECTORS[rejector.pop("kind", "svm")].Settings
        rejector = _settings(kind, rejector, "rejector")
    if document:
        raise UserError(f"unknown entries {', '.join(document)}")
    return System(name, title, network, plan, rejector, sweep)


def _settings(kind, table, where):
    unknown = set(table) - {each.name for each in fields(kind)}
    if unknown:
        raise UserError(f"[{where}] has unknown entries {', '.join(sorted(unknown))}")
    _check_types(kind, table, where)
    return kind(**table)


def _check_types(kind, table, where):
    """TypeError unless each entry of a table has the type of that field of `kind`."""
    types = {each.name: each.type for each in fields(kind)}
    for name, value in table.items():
        if not _fits(value, types[name]):
            wanted = getattr(types[name], "__name__", types[name])
            raise TypeError(f"{where}.{name} must be of type {wanted}, not {value!r}")


def _fits(value, kind):
    if isinstance(value, bool):  # which Python counts among the integers
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))
