"""What a reproduction does, and the folder that it does it in."""

import json
import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from .. import __version__, assets, json_text, settings, systems
from ..arrays import listed
from ..attacks import AttackSettings
from ..data import FrameDataset
from ..errors import UserError
from ..files import AnyPath, Document, write_json
from ..systems import System

_LONGEST = 1 << 24  # bytes of a file of settings

# In the order of tables and legends
SYSTEMS = (
    "undefended",
    "nr",
    "ls_gna",
    "ls_gna_nr",
    "adversarial",
    "adversarial_nr",
    "two_fold",
    "cat",
    "htrd",
    "ae_pretrained",
    "ensemble",
    "residual_nr",
)


@dataclass(frozen=True)
class Study:
    """What is trained and attacked.

    Attributes:
        systems: names, see :mod:`robust_amc.systems`
        seeds: one training of everything for each
        snr_db: SNR label of the attacked frames
        frames: how many are attacked
        pnr_db: levels of the security curves
        full_pnr_db: those of them at which the whole battery is tried
        grey: systems that are also attacked through their network alone
        transfer: systems that are also attacked by what was crafted on `source`
        source: a system whose network shares nothing with theirs
        universal: systems that are also attacked by one perturbation for all frames
        training_snr_db: SNR labels of the rejectors' training frames
        calibration_snr_db: SNR labels that set the rejectors' thresholds
        attack: AttackSettings at the levels `full_pnr_db`
        epochs: most epochs of every training (None: as the system says)
        frames_per_key: most training frames a class and SNR label (None: all)
        validation_frames: most validation frames that choose an epoch
        rejector_frames: most training frames a class of a rejector (None: as the system says)
    """

    systems: tuple[str, ...] = SYSTEMS
    seeds: tuple[int, ...] = (0,)
    snr_db: float = 10.0
    frames: int = 1000
    pnr_db: tuple[float, ...] = (-30.0, -25.0, -20.0, -15.0, -10.0, -5.0, 0.0, 10.0, 20.0)
    full_pnr_db: tuple[float, ...] = (-20.0, -10.0, 0.0, 10.0, 20.0)
    grey: tuple[str, ...] = ("two_fold", "htrd", "residual_nr")
    transfer: tuple[str, ...] = ("undefended", "htrd", "ensemble", "residual_nr")
    source: str = "ae_pretrained"
    universal: tuple[str, ...] = ("undefended", "htrd", "residual_nr")
    training_snr_db: tuple[float, ...] = tuple(float(level) for level in range(0, 20, 2))
    calibration_snr_db: tuple[float, ...] = (8.0, 10.0, 12.0)
    attack: AttackSettings = field(default_factory=AttackSettings)
    epochs: int | None = None
    frames_per_key: int | None = None
    validation_frames: int = 2000
    rejector_frames: int | None = None

    def on(self, dataset: FrameDataset) -> Self:
        """This study with the SNR labels that a FrameDataset has.

        Raises UserError when it lacks the one that is attacked.
        """
        present = set(listed(dataset.snr_db))
        if self.snr_db not in present:
            raise UserError(f"the data set has no frames at {self.snr_db:g} dB, which are attacked")
        return replace(
            self,
            training_snr_db=tuple(level for level in self.training_snr_db if level in present),
            calibration_snr_db=tuple(
                level for level in self.calibration_snr_db if level in present
            ),
        )

    def attack_at(self, pnr_db: float) -> AttackSettings:
        """AttackSettings at a level: between those of the whole battery its two main objectives.

        What they win at one level still counts at the next, where the rest is tried.
        """
        if pnr_db in self.full_pnr_db:
            return self.attack
        return replace(self.attack, restarts=0, objectives=2, chained=False)

    def system(self, name: str, seed: int) -> System:
        """The System `name` with this study's sizes and seed."""
        system = systems.load(name).sized(seed, self.epochs, self.frames_per_key)
        plan, rejector = system.plan, system.rejector
        if plan is not None:
            settings = replace(plan.settings, validation_frames=self.validation_frames)
            plan = replace(plan, settings=settings)
        if rejector is not None:
            rejector = replace(
                rejector,
                frames_per_class=min(
                    rejector.frames_per_class, self.rejector_frames or rejector.frames_per_class
                ),
                snr_db=list(self.training_snr_db),
                calibration_snr_db=list(self.calibration_snr_db),
            )
        return replace(system, plan=plan, rejector=rejector)

    def networks(self) -> list[str]:
        """Systems whose networks are trained, each after the one that it starts from."""
        ordered = []

        def add(name: str) -> None:
            system = systems.load(name)
            if system.plan is None:
                add(system.network)
            elif name not in ordered:
                if system.plan.start_from:
                    add(system.plan.start_from)
                ordered.append(name)

        for name in self.systems:
            add(name)
        return ordered


FULL = Study()
# The same code on little data: minutes, and figures that mean nothing
QUICK = Study(
    frames=60,
    pnr_db=(-20.0, -10.0, 0.0, 20.0),
    attack=AttackSettings(steps=8, restarts=0),
    epochs=1,
    frames_per_key=10,
    validation_frames=200,
    rejector_frames=60,
)


class Folder:
    """Where a study keeps what is done.

    `settings.json` says which study of which data set it is: another one is refused, but for
    the number of seeds, which may grow.

    Attributes:
        path: the folder
        systems: the content of each system's TOML file
    """

    def __init__(self, path: AnyPath, study: Study, fingerprint: str, resume: bool) -> None:
        self.path = Path(path)
        self.systems = {name: _text(name) for name in study.networks() + list(study.systems)}
        identity = {
            "study": asdict(study),
            "systems": self.systems,
            "fingerprint": fingerprint,
            "version": __version__,
        }
        identity = json.loads(json.dumps(identity))  # as it will be read again
        identity["study"].pop("seeds")
        settings = self.path / "settings.json"
        if settings.exists():
            self._check(settings, identity, resume)
        elif self.path.exists() and any(self.path.iterdir()):
            raise UserError(
                f"{path} is not empty and is not the folder of a reproduction; give a new one"
            )
        try:
            for seed in study.seeds:
                (self.path / "models" / f"seed{seed}").mkdir(parents=True, exist_ok=True)
            (self.path / "curves").mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make {path}: {error.strerror}") from None
        write_json(settings, identity)

    def _check(self, settings: Path, identity: Document, resume: bool) -> None:
        try:
            found = json_text.read(settings, _LONGEST, "settings")
            same = _meaning(found) == _meaning(identity)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # damaged
            same = False
        if not same:
            raise UserError(
                f"{self.path} holds another reproduction (other data, systems, sizes or version); "
                "give a new folder"
            )
        if not resume:
            raise UserError(f"{self.path} is there: add --resume to go on, or give a new folder")

    def model(self, name: str, seed: int) -> Path:
        """Path of a model file."""
        return self.path / "models" / f"seed{seed}" / f"{name}.safetensors"

    def curve(self, name: str, seed: int, attack: str) -> Path:
        """Path of a security curve, what is done of it."""
        return self.path / "curves" / f"{name}-{seed}-{attack}.json"


def _meaning(identity: Document) -> Document:
    """An identity without what changes no result: comments of the systems' files, their sweeps."""
    systems_of = {
        name: settings.current(tomllib.loads(text)) for name, text in identity["systems"].items()
    }
    for document in systems_of.values():
        document.pop("sweep", None)
    return identity | {"systems": systems_of}


def _text(name: str) -> str:
    return (assets.SYSTEMS / f"{name}.toml").read_text(encoding="utf-8")
