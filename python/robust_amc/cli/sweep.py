"""`htrd sweep`: choose the settings of a system on validation data."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from .. import assets, data, power, systems
from ..arrays import listed
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation.table import COLUMNS
from ..files import Document, checksum
from ..sweep import Results, Sweep, SweepSettings, candidates, rule
from ..sweep.results import KEEP, checkpoint_path
from .console import err, out, progress
from .options import Dataset, Device, Json, Seed, check_writable, parse_floats, parse_settings
from .train import Reporter

DEFAULT = SweepSettings(snr_db=[8.0, 10.0, 12.0])


def sweep(
    system: Annotated[
        str, typer.Option(help="A system of the paper, or a TOML file of the same form.")
    ],
    dataset: Dataset,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE,VALUE",
            help="Values to choose from, as cat.r_max=0.1,0.15, instead of those in the sweep "
            "table of the file. Can be given several times.",
        ),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Model that every training starts from.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Trained model: only its rejector is swept.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of epochs of a training (default: the system's)."),
    ] = None,
    frames_per_key: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Maximum training frames of a class at an SNR label (default: the system's).",
        ),
    ] = None,
    snr: Annotated[
        str | None,
        typer.Option(help="SNR labels of calibration and validation (default: 8,10,12)."),
    ] = None,
    pnr: Annotated[float, typer.Option(help="PNR of the attack in dB.")] = DEFAULT.pnr_db,
    frames: Annotated[
        int, typer.Option(min=1, help="Maximum number of validation frames that are attacked.")
    ] = DEFAULT.frames,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = DEFAULT.attack.steps,
    keep: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Accepted accuracy that may be lost for robust accuracy, at most."
        ),
    ] = KEEP,
    json: Json = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the candidates that --json lacks.")
    ] = False,
) -> None:
    """Choose the settings of a system: each combination is trained, calibrated and attacked.

    Only frames of the training half are used: rejectors are calibrated on its calibration
    part, candidates compared on its validation part. Chosen is the highest robust accuracy
    among those that keep the accuracy. With --json what is done is kept as it comes: after
    an interruption the same command with --resume goes on where it was.
    """
    if resume and json is None:
        raise UserError("--resume goes on with a file: add --json FILE")
    check_writable(json, inputs=(system, dataset, start_from, network))
    power.check_db(pnr=np.asarray([pnr]))
    settings = replace(
        DEFAULT,
        pnr_db=pnr,
        frames=frames,
        attack=replace(DEFAULT.attack, steps=steps),
        epochs=epochs,
        frames_per_key=frames_per_key,
        seed=seed,
    )
    models = {"start_from": start_from, "network": network}
    grid = parse_settings(values, "cat.r_max=0.1,0.15")
    # What is wrong is said before the data are read
    last = len(candidates(system, grid, settings, **models))
    check_writable(checkpoint_path(json, last))
    err.print(f"reading {dataset}", highlight=False)
    whole = data.read(dataset)
    settings = _with_levels(settings, whole, parse_floats(snr))
    found = candidates(system, grid, settings, **models)
    trials = Sweep(found, settings, whole, dataset, device=device, **models)
    facts = {
        "system": asdict(replace(systems.load(system), sweep={})),
        "candidates": [each.values for each in found],
        "dataset": Path(dataset).name,
        "fingerprint": whole.fingerprint(),
        "part": data.Part.VALIDATION.value,
        "split_seed": trials.split_seed,
    }
    facts |= {name: _identity(model) for name, model in models.items()} | asdict(settings)
    results = trials.runtime.from_first(lambda: Results(json, facts, resume))
    with progress() as bar:
        task = bar.add_task("candidates", total=len(found), note="")
        for row in trials.rows(
            results,
            log=lambda text: err.print(text, highlight=False, markup=False, soft_wrap=True),
            report=Reporter(bar),
        ):
            results.add(row)
            bar.update(task, completed=len(results.rows))
    _show(results.choose(keep), keep)


def _with_levels(
    settings: SweepSettings, dataset: FrameDataset, wanted: list[float] | None
) -> SweepSettings:
    """SweepSettings with the SNR labels that a FrameDataset has."""
    present = listed(np.unique(dataset.snr_db))
    levels = wanted or [level for level in settings.snr_db if level in present]
    if not levels:
        raise UserError("the data set has no frames at 8, 10 or 12 dB: name labels with --snr")
    # A rejector learns from what can be recognized: below 0 dB that is little.
    training = [level for level in present if level >= 0]
    return replace(settings, snr_db=levels, training_snr_db=training)


def _identity(model: str | None) -> Document | None:
    """Name and content of a model file; None for none."""
    if model is None:
        return None
    path = assets.model_path(model)
    return {"name": path.stem, "sha256": checksum(path)}


def _show(best_first: Sequence[Document], keep: float) -> None:
    names = list(best_first[0]["values"])
    table = Table(caption="± half the 95 % interval; - : too much accuracy lost, or failed")
    for heading in ("", *names, *COLUMNS.values()):
        table.add_column(heading, justify="right")
    for place, row in enumerate(best_first, 1):
        table.add_row(
            str(place) if row["eligible"] else "-",
            *(str(value) for value in row["values"].values()),
            *(_figure(row, metric) for metric in COLUMNS),
        )
    out.print(table)
    chosen = best_first[0]
    out.print(f"rule: {rule(keep)}", highlight=False, soft_wrap=True)
    out.print(f"chosen: {systems.words(chosen['values'])}", highlight=False, markup=False)
    least = chosen["robust_accuracy_interval"][0]
    near = sum(row["eligible"] and row["robust_accuracy"] >= least for row in best_first[1:])
    if near:
        err.print(
            f"other candidates within its 95 % interval: {near}; more --frames, or other seeds, "
            "tell whether that is chance",
            highlight=False,
        )


def _figure(row: Document, metric: str) -> str:
    if row.get(metric) is None:
        return "failed" if "error" in row else "-"
    low, high = row.get(f"{metric}_interval") or (row[metric], row[metric])
    return f"{row[metric]:.3f} ±{(high - low) / 2:.3f}"
