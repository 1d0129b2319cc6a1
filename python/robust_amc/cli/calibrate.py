"""`htrd calibrate`: a rejection level with a guarantee, prediction sets, a drift alarm."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import __version__, data, provenance
from ..classifier import Classifier
from ..errors import UserError
from ..files import Document, write_json
from ..rejection import conformal
from ..rejection.conformal import KEY, ConformalSettings
from ..rejection.drift import DriftSettings
from ..runtime.device import pick_device
from .console import err, out, working
from .options import Dataset, Device, Json, Seed, check_writable, parse_floats, refuse_overwriting

DEFAULT = ConformalSettings()
_MOST_SETS = 8  # that are shown


def calibrate(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")],
    dataset: Dataset,
    snr: Annotated[
        str | None, typer.Option(help="SNR labels that it is promised for (all).")
    ] = None,
    per_label: Annotated[
        bool,
        typer.Option("--per-label", help="At each label by itself, not on average over them."),
    ] = False,
    target_rejection: Annotated[
        float, typer.Option(help="Most benign frames that may be rejected.")
    ] = DEFAULT.target_rejection,
    coverage: Annotated[
        float, typer.Option(help="Fewest frames whose class is in their prediction set.")
    ] = DEFAULT.coverage,
    false_alarm: Annotated[
        float, typer.Option(help="Probability of a drift alarm in a window without drift.")
    ] = DEFAULT.drift.false_alarm,
    window: Annotated[
        int, typer.Option(help="Frames in a window of the drift alarm.")
    ] = DEFAULT.drift.window,
    every: Annotated[
        int,
        typer.Option(help="The drift alarm looks at one frame of so many: neighbors are alike."),
    ] = DEFAULT.drift.every,
    check: Annotated[
        str | None,
        typer.Option(help="Also say what the calibrated model does on this other data set."),
    ] = None,
    json: Json = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Calibrate a model on whole runs: a rejection level with a guarantee, sets, a drift alarm.

    One frame of each run is drawn, since frames of a run are not exchangeable. The threshold
    rejects no more than the target, on average over calibrations, and the table says within which
    interval this one does. The model then also says of each frame which classes it may be of, and
    when the scores are no longer like those of the calibration. Of data that the model was trained
    on the calibration part is taken, of others all frames.
    """
    refuse_overwriting(output)
    check_writable(json, inputs=[dataset, model, check])
    settings = ConformalSettings(
        target_rejection, coverage, parse_floats(snr) or [], per_label,
        DriftSettings(false_alarm, window, every), seed,
    )  # fmt: skip
    classifier = Classifier.load(model, pick_device(device))
    whole = data.read(dataset)
    split_seed = provenance.split_seed_for(whole, provenance.seen(classifier.metadata))
    frames = whole if split_seed is None else data.part(whole, "calibration", split_seed)
    with working("calibrating"):
        made = conformal.calibrate(classifier, frames, settings)
    made.metadata[KEY]["dataset"] = provenance.record(whole, dataset, split_seed)
    checked = _checked(made, check, seed) if check else []
    made.save(output)
    bins = [_promised(each, made.rejector is not None) for each in made.metadata[KEY]["bins"]]
    if json:
        facts = {
            "model": model, "dataset": dataset, "check": check, "seed": seed,
            "target_rejection": target_rejection, "coverage": coverage, "version": __version__,
        }  # fmt: skip
        write_json(json, {"settings": facts, "rows": bins, "checked": checked})
    out.print(_table("promised", bins, ("threshold", "rejection", "coverage")))
    if checked:
        out.print(_table(f"on {check}", checked, ("rejection", "coverage", "set_size")))
        for row in checked:
            out.print(_sets(row), highlight=False, markup=False)
    threshold = "" if made.threshold is None else f", threshold {made.threshold:.4g}"
    err.print(f"wrote {output}{threshold}", highlight=False)


def _checked(made: Classifier, path: str, seed: int) -> list[Document]:
    """What a calibrated Classifier does on the data set `path`, none of which it has seen."""
    other = data.read(path)
    part, split_seed = provenance.part_to_evaluate(other, [made])
    if part is not data.Part.ALL:
        raise UserError(f"the model has seen {path}: check it on another data set")
    return conformal.check(made, data.part(other, part, split_seed), seed)


def _promised(each: Document, rejects: bool) -> Document:
    """A bin as a row: what its ranks promise, each with the interval of what is true."""
    runs = each["runs"]
    low, high = conformal.interval(each["excluded"], runs)
    row = {
        "snr_db": each["snr_db"], "runs": runs,
        "coverage": 1 - each["excluded"] / (runs + 1), "coverage_interval": [1 - high, 1 - low],
    }  # fmt: skip
    if rejects:
        row |= {
            "threshold": each["threshold"], "rejection": each["rejected"] / (runs + 1),
            "rejection_interval": list(conformal.interval(each["rejected"], runs)),
        }  # fmt: skip
    return row


def _table(title: str, rows: list[Document], names: tuple[str, ...]) -> Table:
    table = Table(title=title, caption="in brackets the 95 % interval")
    shown = [name for name in names if name in rows[0]]
    for heading in ("SNR dB", "runs", *(name.replace("_", " ") for name in shown)):
        table.add_column(heading, justify="right")
    for row in rows:
        level = "all" if row["snr_db"] is None else f"{row['snr_db']:g}"
        table.add_row(level, str(row["runs"]), *(_cell(row, name) for name in shown))
    return table


def _cell(row: Document, name: str) -> str:
    text = f"{row[name]:.3f}"
    if f"{name}_interval" in row:
        low, high = row[f"{name}_interval"]
        text += f" [{low:.3f}, {high:.3f}]"
    return text


def _sets(row: Document) -> str:
    """The commonest sets of several classes, or of none."""
    common = [(name, count) for name, count in row["sets"].items() if "+" in name or name == "none"]
    shown = ", ".join(f"{name} {count / row['runs']:.3f}" for name, count in common[:_MOST_SETS])
    level = "" if row["snr_db"] is None else f" at {row['snr_db']:g} dB"
    return f"sets{level}: {shown or 'one class each'}"
