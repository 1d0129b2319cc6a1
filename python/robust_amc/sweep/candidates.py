"""What a sweep compares: every combination of the values to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import systems
from ..attacks import AttackSettings
from ..errors import UserError

# A system that rejects more always looks more robust: compare at equal rejection.
NOT_CHOSEN = "rejector.target_rejection"
QUICK = AttackSettings(steps=20, restarts=0, targets=0)  # to compare candidates by


@dataclass(frozen=True)
class SweepSettings:
    """How candidates are trained and measured.

    Attributes:
        snr_db: SNR labels of the calibration and of the validation frames
        training_snr_db: SNR labels of the rejectors' training frames, where the system names
            none (empty: all)
        pnr_db: of the white-box attack
        frames: most validation frames that are attacked
        attack: AttackSettings
        epochs: most epochs of every training (None: as the system says)
        frames_per_key: most training frames a class and SNR label (None: as the system says)
        seed: of every random choice
    """

    snr_db: list[float]
    training_snr_db: list[float] = field(default_factory=list)
    pnr_db: float = -10.0
    frames: int = 300
    attack: AttackSettings = QUICK
    epochs: int | None = None
    frames_per_key: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Candidate:
    """One combination.

    Attributes:
        values: by the dotted names of their settings
        system: the System that has them, with the sizes and seeds of the sweep
    """

    values: dict[str, Any]
    system: systems.System


def candidates(
    name: str,
    more: Mapping[str, list[Any]] | None,
    settings: SweepSettings,
    *,
    start_from: str | None = None,
    network: str | None = None,
) -> list[Candidate]:
    """All Candidates of a system, those that share a network one after the other.

    Args:
        name: name or TOML file of the system
        more: lists of values by dotted names, instead of and beside the file's
        settings: SweepSettings
        start_from: model that every training starts from (None: new networks)
        network: trained model, to fit rejectors on it only (None: networks are trained)

    Raises UserError when there is nothing to choose from, a name is no setting, the system
    needs a model that is not given, or two candidates are the same.
    """
    variants = systems.variants(name, more, prefix="rejector." if network else "")
    values, system = variants[0]
    _check_values(values, system)
    if network:
        _check_rejectors_only(values, start_from, settings)
    else:
        _check_start(system, start_from)
    found = [
        Candidate(values, _sized(system, settings, start_from, network))
        for values, system in variants
    ]
    _check_different(found)
    return [each for group in by_network(found) for each in group]


def by_network(found: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates as lists of those whose networks are trained alike."""
    groups: list[list[Candidate]] = []
    for each in found:
        group = next((one for one in groups if one[0].system.plan == each.system.plan), None)
        if group is None:
            groups.append([each])
        else:
            group.append(each)
    return groups


def _sized(
    system: systems.System, settings: SweepSettings, start_from: str | None, network: str | None
) -> systems.System:
    """A System with the sizes and seeds of a sweep; no plan where its network is given."""
    system = system.sized(settings.seed, settings.epochs, settings.frames_per_key)
    plan, rejector = system.plan, system.rejector
    if plan is not None:
        plan = None if network else replace(plan, start_from=start_from)
    if rejector is not None:
        rejector = replace(
            rejector,
            snr_db=rejector.snr_db or settings.training_snr_db,
            calibration_snr_db=settings.snr_db,
        )
    return replace(system, plan=plan, rejector=rejector)


def _check_values(values: Mapping[str, Any], system: systems.System) -> None:
    if not values:
        raise UserError(
            f"{system.name} has nothing to sweep: add a [sweep] table to its file, or "
            "--set NAME=VALUE,VALUE"
        )
    if NOT_CHOSEN in values:
        raise UserError(
            f"{NOT_CHOSEN} is not for a sweep to choose: a system that rejects more always "
            "looks more robust"
        )


def _check_rejectors_only(
    values: Mapping[str, Any], start_from: str | None, settings: SweepSettings
) -> None:
    others = [name for name in values if not name.startswith("rejector.")]
    if others:
        raise UserError(
            f"with --network only rejectors are fitted, so {', '.join(others)} cannot be swept"
        )
    if start_from or settings.epochs or settings.frames_per_key:
        raise UserError(
            "--start-from, --epochs and --frames-per-key are about training, and with --network "
            "nothing is trained"
        )


def _check_start(system: systems.System, start_from: str | None) -> None:
    if system.plan is None:
        raise UserError(
            f"{system.name} uses the network of {system.network}: train that (htrd train "
            f"--system {system.network}), then give its file as --network"
        )
    if system.plan.start_from and not start_from:
        raise UserError(
            f"the network of {system.name} starts from that of {system.plan.start_from}: train "
            f"it first (htrd train --system {system.plan.start_from}), then give its file as "
            "--start-from"
        )


def _check_different(found: Sequence[Candidate]) -> None:
    for number, each in enumerate(found):
        for other in found[:number]:
            if each.system == other.system:
                raise UserError(
                    f"{systems.words(other.values)} and {systems.words(each.values)} are the "
                    "same here: a value is there twice, or an option of the command sets it"
                )
