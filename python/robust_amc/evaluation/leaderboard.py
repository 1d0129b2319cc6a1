"""The leaderboard: systems as data files, each under the same named threat models.

A system is a TOML file, and its figures a JSON file of the same name beside it, which
:func:`evaluate` makes. See docs/leaderboard.md.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__, assets, fields, json_text, reading
from ..attacks import AttackSettings, StreamSettings
from ..attacks.white_box import AttackProgress
from ..benchmarks.report import cpu_model
from ..classifier import Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..files import AnyPath, Document, checksum, write_json
from ..runtime.device import AnyDevice
from . import certified
from .curve import Attack, SecurityCurve
from .low_pass import low_passed
from .metrics import by_class
from .smoothing import Smoothed, SmoothingSettings, deviation
from .stream import behind_links

FRAMES = 330  # that are attacked, if nothing else is said
CRAFT = 1000  # frames at most that a universal perturbation is made from
LINK = "link"  # in place of an Attack: in expectation over the links that bursts go through
LINKS = StreamSettings(steps=100)
Progress = Callable[["Threat", int], None]  # is told what is done of which threat
GENERATE = "htrd dataset generate"  # begins the command that makes a data set
_LONGEST, _LONGEST_FIGURES = 1 << 16, 1 << 22  # bytes of a file


@dataclass(frozen=True)
class Threat:
    """A threat model by name: an attack, see docs/threat-model.md, and its budget.

    With the white-box attack each row has both goals: `robust_accuracy`, where a rejection is the
    receiver's success, and `attacked_accuracy`, where it is the attacker's.
    """

    name: str
    attack: Attack | str
    pnr_db: float | None
    words: str


@dataclass(frozen=True)
class Bursts:
    """Bursts that go through unknown links.

    Attributes:
        dataset: FrameDataset of bursts, in memory, two frames or longer
        facts: the `dataset`'s name, and the command that makes it as `generate`
    """

    dataset: FrameDataset
    facts: dict[str, str]


# In the order of columns; those of one attack in ascending order of their budget
THREATS = (
    Threat("benign", Attack.NONE, None, "no attack"),
    Threat("l2-20", Attack.PGD, -20.0, "white-box, l2, PNR -20 dB"),
    Threat("l2-10", Attack.PGD, -10.0, "white-box, l2, PNR -10 dB"),
    Threat("transfer-10", Attack.TRANSFER, -10.0, "black-box: from another model, PNR -10 dB"),
    Threat("universal-10", Attack.UNIVERSAL, -10.0, "one waveform for all frames, PNR -10 dB"),
    Threat("linked", LINK, None, "behind an unknown link: no attack"),
    Threat("linked-10", LINK, -10.0, "behind an unknown link: in expectation over it, PNR -10 dB"),
)

_FORM = fields.table(
    {
        "title": fields.text(100), "paper": fields.text(), "link": fields.text(),
        "defense": fields.text(), "model": fields.text(),
    },
    {
        "tuned": fields.text(), "source": fields.text(),
        "low_pass": fields.table(
            {"cutoff": fields.real(above=0, high=0.5)}, {"order": fields.whole(1, 50)}, None
        ),
        "smoothing": fields.table(
            {"sigma": fields.real(above=0, high=100)}, {"samples": fields.whole(100, 10**7)}, None
        ),
    },
    None,
)  # fmt: skip
_SHARE = fields.maybe(fields.real(0, 1))
_INTERVAL = fields.items(_SHARE, 2, 2)
_OF_CLASS = fields.table(
    {"robust_accuracy": _SHARE, "attacked_accuracy": _SHARE, "rejection_rate": _SHARE}
)
_ROW = fields.table(
    {
        "attack": fields.text(), "frames": fields.whole(1),
        "robust_accuracy": _SHARE, "robust_accuracy_interval": _INTERVAL,
        "attacked_accuracy": _SHARE, "attacked_accuracy_interval": _INTERVAL,
    },
    {
        "rejection_rate": _SHARE, "certified_accuracy": _SHARE,
        "certified_accuracy_interval": _INTERVAL, "by_class": fields.table({}, others=_OF_CLASS),
        "bursts": fields.table({"dataset": fields.text(), "generate": fields.text()}),
    },
)  # fmt: skip
_EFFORT = fields.table(
    {
        "steps": fields.whole(1),
        "restarts": fields.whole(0),
        "targets": fields.maybe(fields.whole(0)),
    }
)
_SETTINGS = fields.table({
    "dataset": fields.text(), "fingerprint": fields.text(), "generate": fields.text(),
    "snr_db": fields.real(), "frames": fields.whole(1), "seed": fields.whole(0),
    "sha256": fields.text(), "date": fields.text(), "cpu": fields.text(),
    "attack_settings": _EFFORT,
})  # fmt: skip
_FIGURES = fields.table({"settings": _SETTINGS, "rows": fields.table({}, others=_ROW)})


@dataclass(frozen=True)
class Entry:
    """A system on the leaderboard, as its TOML file says.

    Attributes:
        path: of the file
        title: in words
        paper, link: where it was published
        defense: what it does, in words
        model: a shipped model's name, or a file beside this one
        tuned: what was chosen, and on which frames
        source: likewise, of the model that the transferred attack is crafted on
        low_pass: settings of low_pass.low_passed, or None
        smoothing: `sigma` and `samples` of SmoothingSettings, or None
    """

    path: Path
    title: str
    paper: str
    link: str
    defense: str
    model: str
    tuned: str = ""
    source: str = "modern"
    low_pass: dict[str, Any] | None = None
    smoothing: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Of its file."""
        return self.path.stem

    @property
    def model_path(self) -> Path:
        """Of the model's file."""
        return self._beside(self.model)

    @property
    def source_path(self) -> Path:
        """Of the file of the model that the transferred attack is crafted on."""
        return self._beside(self.source)

    def _beside(self, model: str) -> Path:
        shipped = assets.model_path(model)
        return shipped if shipped.exists() else self.path.parent / model

    @property
    def figures_path(self) -> Path:
        """Of the file of its figures."""
        return self.path.with_suffix(".json")

    def classifier(self, device: AnyDevice = "cpu") -> Classifier:
        """Its Classifier, but for smoothing."""
        found = Classifier.load(self.model_path, device)
        if self.low_pass is not None:
            found = low_passed(found, **self.low_pass)
        found.name = self.name
        return found

    def figures(self) -> Document | None:
        """What was found of it so far; None: nothing. UserError for a damaged file."""
        if not self.figures_path.exists():
            return None
        document = json_text.read(self.figures_path, _LONGEST_FIGURES, "a file of figures")
        _FIGURES(document, str(self.figures_path))
        return document


def entries(folder: AnyPath) -> list[Entry]:
    """The systems in a folder, by name; UserError where there are none, or one is not sound."""
    paths = sorted(Path(folder).glob("*.toml"))
    if not paths:
        raise UserError(f"{folder} has no systems: files that end in .toml")
    return [_entry(path) for path in paths]


def _entry(path: Path) -> Entry:
    text = reading.text(path, _LONGEST, "a TOML file of a system")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a TOML file: {str(error).splitlines()[0]}") from None
    _FORM(document, str(path))
    return Entry(path, **document)


def data_of(settings: Document) -> str:
    """Of which frames figures are: the command that generates them, or else their fingerprint.

    Generated samples are rounded differently on some processors: another fingerprint.
    """
    generate, fingerprint = str(settings["generate"]), str(settings["fingerprint"])
    return generate if generate.startswith(GENERATE) else fingerprint


def is_same(settings: Document, identity: Document) -> bool:
    """Whether figures with these settings are those of `identity`."""
    names = set(identity) - {"fingerprint"}
    return data_of(settings) == data_of(identity) and all(
        settings.get(name) == identity[name] for name in names
    )


def evaluate(
    entry: Entry,
    dataset: FrameDataset,
    identity: Document,
    frames: int,
    settings: AttackSettings,
    seed: int = 0,
    device: AnyDevice = "cpu",
    progress: Progress = lambda threat, done: None,
    bursts: Bursts | None = None,
) -> Document:
    """The figures of an Entry under all THREATS; what was found before is not done again.

    `identity` says of which data they are. Of `dataset`, frames at one SNR label, `frames` are
    drawn with `seed`; universal perturbations are made from others. `bursts` are for what lies
    behind links (None: nothing does). The file of figures is written after each attack.
    """
    identity = identity | {
        "frames": frames, "seed": seed, "attack_settings": asdict(settings),
        "sha256": checksum(entry.model_path), "source": entry.source,
        "low_pass": entry.low_pass, "smoothing": entry.smoothing,
    }  # fmt: skip
    known = entry.figures()
    rows: Document = {}
    if known and is_same(known["settings"], identity):
        rows = known["rows"]
    facts = identity | {
        "date": date.today().isoformat(), "version": __version__, "cpu": cpu_model(),
    }  # fmt: skip
    selection, others = dataset.divide(frames, seed)
    selection = selection.in_memory()
    for threats in _together(entry, bursts):
        if all(_is_known(rows.get(each.name), each, bursts) for each in threats):
            continue
        if bursts is not None and threats[0].attack == LINK:
            rows |= _linked(entry, threats, bursts, seed, device, progress)
        elif entry.smoothing is None:
            rows |= _curve(entry, threats, selection, others, settings, seed, device, progress)
        else:
            rows |= _smoothed(entry, threats, selection, seed, device, identity, progress)
        write_json(entry.figures_path, {"settings": facts, "rows": rows})
    figures = entry.figures()
    assert figures is not None  # it was written, or known
    return figures


def _together(entry: Entry, bursts: Bursts | None) -> list[list[Threat]]:
    """The threats that are evaluated at once: those of an attack; of smoothing those that it has.

    The others are not made of a smoothed classifier.
    """
    if entry.smoothing is not None:
        return [[each for each in THREATS if each.attack in (Attack.NONE, Attack.PGD)]]
    attacks = dict.fromkeys(each.attack for each in THREATS if bursts or each.attack != LINK)
    return [[each for each in THREATS if each.attack == attack] for attack in attacks]


def _is_known(row: Document | None, threat: Threat, bursts: Bursts | None) -> bool:
    """Whether a row that was found before is of these bursts, if it is of any."""
    return row is not None and (
        threat.attack != LINK or bursts is None or row["bursts"] == bursts.facts
    )


def _linked(
    entry: Entry,
    threats: list[Threat],
    bursts: Bursts,
    seed: int,
    device: AnyDevice,
    progress: Progress,
) -> Document:
    """Rows of what lies behind unknown links, by the names of the threats."""
    classifier, rows = entry.classifier(device), {}
    for threat in threats:
        progress(threat, 0)
        row = behind_links(classifier, bursts.dataset, LINKS, threat.pnr_db, seed)
        rows[threat.name] = row | {"attack": LINK, "bursts": bursts.facts}
    return rows


def _curve(
    entry: Entry,
    threats: list[Threat],
    selection: FrameDataset,
    others: FrameDataset,
    settings: AttackSettings,
    seed: int,
    device: AnyDevice,
    progress: Progress,
) -> Document:
    """Rows by the names of the threats, all of one attack."""
    classifier, attack = entry.classifier(device), Attack(threats[0].attack)
    source = craft_on = None
    if attack is Attack.TRANSFER:
        source = Classifier.load(entry.source_path, device)
    if attack is Attack.UNIVERSAL:
        craft_on = others.limit(CRAFT, seed).in_memory()
    curve = SecurityCurve(classifier, selection, attack, settings, seed, source, craft_on)
    rows = {}
    for threat in threats:
        row, outcome = curve.point(threat.pnr_db, _shown(progress, threat))
        row["by_class"] = by_class(outcome, selection.run_id, classifier.classes)
        rows[threat.name] = row
    return rows


def _shown(progress: Progress, threat: Threat) -> AttackProgress:
    return lambda won, share: progress(threat, won)


def _smoothed(
    entry: Entry,
    threats: list[Threat],
    selection: FrameDataset,
    seed: int,
    device: AnyDevice,
    identity: Document,
    progress: Progress,
) -> Document:
    """Rows of a smoothed classifier: under PGD through its noise, with the proved accuracy beside.

    An abstention counts as wrong. Frames that are done lie beside the figures until all are.
    """
    assert entry.smoothing is not None  # the caller's choice
    chosen = replace(SmoothingSettings(), **entry.smoothing)
    iq = torch.from_numpy(selection.iq.astype(np.float32))
    smoothed = Smoothed(entry.classifier(device), deviation(iq, chosen.sigma), chosen)
    levels = [threat.pnr_db for threat in threats if threat.pnr_db is not None]
    path = entry.figures_path.with_name(f".{entry.name}.frames")
    notes, everything = certified.Notes(path, identity, True), np.arange(len(selection))
    found = certified.certify(
        smoothed, selection, levels, seed, everything, notes,
        lambda: progress(threats[0], len(notes.known)),
    )  # fmt: skip
    by_level = {row["pnr_db"]: row for row in certified.rows_of(found, selection, levels)}
    rows = {}
    for threat in threats:
        row = by_level[levels[0] if threat.pnr_db is None else threat.pnr_db]
        share = "accuracy" if threat.pnr_db is None else "robust_accuracy"
        both: Document = {}
        for name in ("robust_accuracy", "attacked_accuracy"):
            both |= {name: row[share], f"{name}_interval": row[f"{share}_interval"]}
        rows[threat.name] = row | both | {"pnr_db": threat.pnr_db, "attack": str(threat.attack)}
    notes.remove()
    return rows
