"""Model cards: what a model file says of itself, as a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import assets, fields, systems
from .errors import UserError, printable
from .evaluation.metrics import METRICS
from .fields import items, maybe, real, table, text, whole
from .files import AnyPath, Document, checksum
from .model_document import RECORD
from .provenance import knows_field
from .rejection import conformal

if TYPE_CHECKING:
    from .classifier import Classifier

MEASURED = "models/unknown.json"  # what `htrd evaluate --unknown` found of the models that ship
TOTALS = "models/totals.json"  # what script/ship-models --totals kept of evaluations of them
USE = """\
For experiments with attacks on, and defenses of, modulation classifiers on signals like those of
RML2016.10a: frames of {length} complex samples at 8 samples a symbol, classes {classes}.
Not a general modulation classifier, and not for decisions that matter."""

FIELD = """\
For signals of any symbol rate behind a front end, `htrd scan` or the Signal Normalizer, which
brings them to 8 samples a symbol (docs/field.md): frames of {length} complex samples, classes
{classes}.
WBFM stands for any analog frequency modulation. Not for decisions that matter."""

LIMITS = """\
- Trained on generated signals. On other radios, channels and sample rates, train and calibrate
  again; `htrd evaluate` says what it does on yours.
- A robust accuracy is what the attack of docs/threat-model.md left over at its budget. A better
  attack lowers it, a larger perturbation brings it to nothing.
- One training of one seed, unless the figures say otherwise."""

_INTERVALS = {f"{each}_interval": items(maybe(real()), 2, 2) for each in METRICS}
BY_CLASS = ("robust_accuracy", "attacked_accuracy", "rejection_rate")  # what totals hide
_OF_CLASS = table({"frames": whole(0)} | dict.fromkeys(BY_CLASS, maybe(real())))
_ROW = table(
    {"attack": text(), "pnr_db": maybe(real()), "frames": whole(0)}
    | dict.fromkeys(METRICS, maybe(real()))
    | _INTERVALS,
    {"snr_db": maybe(real()), "by_class": table({}, others=_OF_CLASS)},
)
_FORM = table(
    {"training": table({"method": fields.name}), "dataset": RECORD},
    {
        "rejector": table({"target_rejection": real(0, 1)}),
        "evaluation": table(
            {"command": text(), "date": text(), "rows": items(_ROW)}, {"frames": text()}
        ),
    },
)

CARRIERS = """\
- AM-DSB and WBFM frames are mostly bare carriers: that bounds the accuracy."""

CONVOLUTIONAL = ("vtcnn2", "residual", "ensemble")
BLIND = """\
- This network does not tell QAM16 from QAM64; {length} samples do, and `modern` does."""

REJECTING = """\
- The threshold rejects {target:.0%} of benign frames like those that it was set on: SNR labels
  {levels} dB. Elsewhere it rejects another share; `set_target_rejection` and
  `htrd fit-rejector` set it anew."""

UNKNOWN_REJECTING = """\
It rejects frames that lie between its classes. A signal that is none of them is not recognized as
such: many are accepted, noise too. Behind a radio, leave out what is no signal with the squelch of
the Frame Sampler, or `htrd classify --squelch-db`."""
UNKNOWN_ACCEPTING = """\
It rejects nothing: every frame gets a class, noise too. Behind a radio, leave out what is no signal
with the squelch of the Frame Sampler, or `htrd classify --squelch-db`."""
UNKNOWN_MEASURED = """\
Signals at {snr_db:g} dB SNR in the whole rate, made by
`htrd evaluate --unknown --model {name} --frames {frames} --seed {seed}`
({cpu}, {date}):"""


HIDDEN = """\
What totals hide, of frames that the model has not seen ({source}; {cpu}, {date})."""
_TOTALS_AT = 10.0  # SNR label in dB whose classes are told


def card(classifier: Classifier, path: AnyPath) -> str:
    """The card of a Classifier read from `path`, Markdown: data, settings, figures, limits.

    Raises UserError when the file does not say what a card has to.
    """
    try:
        _FORM(classifier.metadata, "its metadata")
    except UserError as error:
        raise UserError(f"there can be no card of {path}: {error}") from None
    return "\n".join(_lines(classifier, path)) + "\n"


def _lines(classifier: Classifier, path: AnyPath) -> Iterator[str]:
    facts = classifier.metadata
    size = Path(path).stat().st_size / 1e6
    parameters = sum(each.numel() for each in classifier.network.parameters())
    yield f"# Model card: {classifier.name}"
    yield ""
    yield "Made from the model file's own metadata (`htrd models NAME --card`)."
    yield ""
    yield from _table(
        {
            "system": _title(facts.get("defense", {}).get("system", classifier.name)),
            "network": f"{facts['architecture']['name']}, {parameters:,} parameters",
            "training": facts["training"]["method"],
            "at run time": facts["rejector"]["kind"] if "rejector" in facts else "no rejection",
            "file": f"{Path(path).name}, {size:.1f} MB, half precision",
            "SHA-256": f"`{checksum(path)}`",
            "code": f"robust_amc {facts.get('code_version', 'of unknown version')}",
        }
    )
    yield from _section("Intended use")
    use = FIELD if knows_field(facts) else USE
    yield use.format(length=classifier.frame_length, classes=", ".join(classifier.classes))
    yield from _section("Data")
    yield from _table(_data(facts["dataset"]))
    for more in facts["training"].get("more", []):
        yield from ("", "All frames of this one were trained on, too:", "")
        yield from _table(_data(more))
    yield from _section("Training")
    yield from _table(_settings(facts["training"]))
    if "rejector" in facts:
        yield from _section("Rejection")
        yield from _table(_settings(facts["rejector"]))
    if "conformal" in facts:
        yield from _section("Guarantee")
        yield from _guarantee(facts["conformal"])
    if "evaluation" in facts:
        yield from _section("Figures")
        yield from _figures(facts["evaluation"])
    yield from _hidden(checksum(path))
    yield from _section("Signals that it does not know")
    yield UNKNOWN_REJECTING if "rejector" in facts else UNKNOWN_ACCEPTING
    yield from _unknown(classifier.name, checksum(path))
    yield from _section("Limits")
    yield LIMITS
    if not knows_field(facts):
        yield CARRIERS
    if facts["architecture"]["name"] in CONVOLUTIONAL:
        yield BLIND.format(length=classifier.frame_length)
    if "rejector" in facts:
        levels = facts["rejector"].get("calibration_snr_db", [])
        yield REJECTING.format(
            target=facts["rejector"]["target_rejection"],
            levels=", ".join(f"{level:g}" for level in levels),
        )


def _title(name: str) -> str:
    return f"{systems.load(name).title} (`{name}`)" if name in systems.names() else "of its own"


def _section(title: str) -> tuple[str, str, str]:
    return "", f"## {title}", ""


def _table(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for name, value in facts.items():
        yield f"| {name.replace('_', ' ')} | {printable(_text(value))} |"


def _data(facts: Document) -> Document:
    origin = facts.get("metadata", {})
    made = {
        name: origin[name]
        for name in ("generator", "generator_version", "mode", "seed", "frames_per_key")
        if origin.get(name) is not None
    }
    return (
        {"file": facts["name"]}
        | made
        | {"fingerprint": f"`{facts['fingerprint']}`", "seed of the split": facts["split_seed"]}
    )


def _settings(facts: Document) -> Document:
    """The settings of a training or a rejector, without what is long or said elsewhere."""
    return {
        name: value
        for name, value in facts.items()
        if name not in ("history", "score_quantiles", "dataset", "more")
    }


def _guarantee(facts: Document) -> Iterator[str]:
    """What `htrd calibrate` promised, see docs/conformal.md: a row for each bin."""
    yield "Levels with the 95 % interval over calibrations (docs/conformal.md)."
    yield ""
    yield "| SNR dB | runs | false rejections | class in the prediction set |"
    yield "|---|---|---|---|"
    for each in facts["bins"]:
        runs = each["runs"]
        low, high = conformal.interval(each["excluded"], runs)
        covered = _interval(1 - each["excluded"] / (runs + 1), [1 - high, 1 - low])
        rejected = _interval(
            each["rejected"] / (runs + 1), list(conformal.interval(each["rejected"], runs))
        )
        level = "all" if each["snr_db"] is None else f"{each['snr_db']:g}"
        yield f"| {level} | {runs} | {rejected} | {covered} |"


def _text(value: Any) -> str:
    """A setting in words; of a model that was the start, its name and epochs."""
    if isinstance(value, dict) and isinstance(value.get("training"), dict):
        return f"{value.get('name', '?')}, {value['training'].get('epochs', '?')} epochs"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None else str(value)


def _unknown(name: str, digest: str) -> Iterator[str]:
    """What a model of this checksum accepts of unknown signals, where that was measured."""
    measured = json.loads(assets.path(MEASURED).read_text())
    rows = [row for row in measured["rows"] if row["sha256"] == digest]
    if not rows:
        return
    settings = measured["settings"]
    level = max(row["snr_db"] for row in rows if row["snr_db"] is not None)
    yield ""
    yield UNKNOWN_MEASURED.format(**settings | {"snr_db": level, "name": name})
    yield ""
    yield "| signal | accepted | most often as |"
    yield "|---|---|---|"
    for row in rows:
        first = next(iter(row["accepted_as"].items()), ("-", 0))
        yield f"| {row['signal']} | {row['acceptance_rate']:.2f} | {first[0]} {first[1]:.2f} |"


def _figures(facts: Document) -> Iterator[str]:
    """Metrics of test frames with their 95 % intervals, a row for each attack and level."""
    yield (
        f"Of {facts.get('frames', 'test frames of the same data set')}, {facts['command']}, "
        f"{facts['date']}; white-box PGD as in docs/threat-model.md; 95 % intervals, bootstrap "
        "over runs."
    )
    yield ""
    names = " | ".join(name.replace("_", " ") for name in METRICS)
    yield f"| SNR dB | attack | frames | {names} |"
    yield "|---" * (3 + len(METRICS)) + "|"
    for row in facts["rows"]:
        cells = (_interval(row[each], row[f"{each}_interval"]) for each in METRICS)
        yield f"| {_snr(row)} | {_attack(row)} | {row['frames']} | {' | '.join(cells)} |"
    if any("by_class" in row for row in facts["rows"]):
        yield from _figures_by_class(facts["rows"])


def _hidden(digest: str) -> Iterator[str]:
    """Benign rejection by SNR label and figures by class of a model, where they were measured."""
    measured = json.loads(assets.path(TOTALS).read_text())
    rows = [row for row in measured["rows"] if row["sha256"] == digest]
    if not rows:
        return
    source = ", ".join(dict.fromkeys(row["dataset"] for row in rows))
    yield from ("", HIDDEN.format(source=source, **measured["settings"]))
    benign = [row for row in rows if row["pnr_db"] is None]
    if benign:
        yield ""
        yield "| without attack | " + " | ".join(f"{_snr(row)} dB" for row in benign) + " |"
        yield "|---" * (1 + len(benign)) + "|"
    for name in ("accuracy", "rejection_rate") if benign else ():
        cells = " | ".join(f"{row[name]:.3f}" for row in benign)
        yield f"| {name.replace('_', ' ')} | {cells} |"
    yield from _figures_by_class(row for row in rows if row["snr_db"] == _TOTALS_AT)


def _figures_by_class(rows: Iterable[Document]) -> Iterator[str]:
    """What the totals hide: a row of each class of each row that has them."""
    yield from ("", "Class by class:", "")
    names = (name.replace("_", " ") for name in BY_CLASS)
    yield f"| SNR dB | attack | class | frames | {' | '.join(names)} |"
    yield "|---" * (4 + len(BY_CLASS)) + "|"
    for row in rows:
        for name, own in row.get("by_class", {}).items():
            cells = ("-" if own[each] is None else f"{own[each]:.3f}" for each in BY_CLASS)
            first = f"{_snr(row)} | {_attack(row)} | {printable(name)}"
            yield f"| {first} | {own['frames']} | {' | '.join(cells)} |"


def _snr(row: Document) -> str:
    return "-" if row.get("snr_db") is None else f"{row['snr_db']:g}"


def _attack(row: Document) -> str:
    return "none" if row["pnr_db"] is None else f"{row['attack']}, PNR {row['pnr_db']:g} dB"


def _interval(value: float | None, bounds: list[float | None]) -> str:
    low, high = bounds
    if value is None or low is None or high is None:
        return "-"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
