"""The systems of the paper, each a TOML file: how its network is trained and what rejects.

A file has a `title` and either a `[training]` table (fields of TrainSettings and Plan), with
a table of the method's own settings and, if its feature layers are trained as an autoencoder
first, a `[pretrain]` table (PretrainSettings); or `network = "NAME"`, the system whose network it
shares; and `[rejector]` where it rejects: a `kind`, ``svm`` or ``autoencoder``, and fields of
RejectorSettings or DetectorSettings.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from . import assets
from .errors import UserError
from .rejection.calibrate import DetectorSettings, RejectorSettings
from .training import METHODS, Plan, TrainSettings
from .training.pretrain import PretrainSettings

REJECTORS = {"svm": RejectorSettings, "autoencoder": DetectorSettings}
_PLAN = ("method", "architecture", "input_gain", "start_from", "frames_per_key", "snr_db")


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        name: as in the command line, the model file and the docs
        title: in words
        network: name of the system whose network it uses, its own for most
        plan: Plan of the training; None when the network is another system's
        rejector: RejectorSettings, DetectorSettings or None
    """

    name: str
    title: str
    network: str
    plan: Plan | None
    rejector: RejectorSettings | DetectorSettings | None


def names():
    """Names of the systems that ship, sorted."""
    return sorted(path.stem for path in assets.SYSTEMS.glob("*.toml"))


def load(name_or_path):
    """Read a system by its name, or a TOML file of that form; UserError when it is not sound."""
    shipped = assets.SYSTEMS / f"{name_or_path}.toml"
    path = shipped if shipped.exists() else Path(name_or_path)
    try:
        document = tomllib.loads(path.read_text())
    except OSError:
        raise UserError(
            f"there is no system {name_or_path}: neither a file nor one of {', '.join(names())}"
        ) from None
    except ValueError as error:  # neither TOML nor even text
        raise UserError(f"{path} is not a TOML file: {str(error).splitlines()[0]}") from None
    try:
        return _system(path.stem, document)
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} has a wrong entry: {error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _system(name, document):
    document = dict(document)
    title = document.pop("title")
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
        plan = Plan(settings=_settings(TrainSettings, training, "training"), recipe=recipe, **own)
    rejector = document.pop("rejector", None)
    if rejector is not None:
        rejector = dict(rejector)
        kind = REJECTORS[rejector.pop("kind", "svm")]
        rejector = _settings(kind, rejector, "rejector")
    if document:
        raise UserError(f"unknown entries {', '.join(document)}")
    return System(name, title, network, plan, rejector)


def _settings(kind, table, where):
    unknown = set(table) - {field.name for field in fields(kind)}
    if unknown:
        raise UserError(f"[{where}] has unknown entries {', '.join(sorted(unknown))}")
    return kind(**table)
