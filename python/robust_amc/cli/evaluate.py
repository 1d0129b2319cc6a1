"""`htrd evaluate`: accuracy, rejection and robustness of models on a data set."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import __version__, data, power, provenance
from ..attacks import AttackSettings
from ..classifier import Classifier, same_classes
from ..data.summary import found_scaling
from ..device import pick_device
from ..errors import UserError
from ..evaluation import Attack, SecurityCurve, confusion, difference, risk_coverage
from ..evaluation.figures import security_curve
from ..evaluation.table import results_table
from ..files import write_json
from .console import err, out, progress
from .options import Dataset, Device, Json, Seed, check_writable, parse_floats, parse_names

DEFAULT = AttackSettings()


def evaluate(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="Names or files of models, comma-separated.")],
    snr: Annotated[
        str | None, typer.Option(help="SNR labels in dB, one row each (default: one row over all).")
    ] = None,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="One row over all the labels of --snr.")
    ] = False,
    pnr: Annotated[str | None, typer.Option(help="PNR levels in dB, one row each.")] = None,
    attack: Annotated[Attack, typer.Option(help="What is done to the frames.")] = Attack.NONE,
    frames: Annotated[int | None, typer.Option(help="Most frames in a row.")] = None,
    part: Annotated[
        data.Part | None,
        typer.Option(help="Part of the data set (default: all; test of a model's own data)."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = DEFAULT.steps,
    restarts: Annotated[int, typer.Option(min=0, help="PGD restarts.")] = DEFAULT.restarts,
    json: Json = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the security curve (.png, .svg).")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
):
    """Evaluate models, without attack or under one; a row for each (model, SNR, PNR).

    The white-box attack is made anew for each model and knows all of it. Two or more
    models are compared on the same frames, with the paired 95 % interval.
    """
    levels = parse_floats(pnr)
    if (attack is Attack.NONE) != (levels is None):
        raise UserError(
            "--pnr goes with an attack: add --attack pgd or noise"
            if levels
            else f"--attack {attack.value} needs the levels, such as --pnr -20,-10,0"
        )
    if levels:
        power.check_db(pnr=np.asarray(levels))
    check_writable(json)
    check_writable(figure, (".png", ".svg", ".pdf"))
    device = pick_device(device)
    models = [Classifier.load(name, device) for name in parse_names(model)]
    same_classes(models)
    whole = data.read(dataset)
    part, split_seed = provenance.part_to_evaluate(whole, models, part)
    err.print(f"evaluating {part.value} of {dataset}", highlight=False)
    chosen = data.part(whole, part, split_seed).require_classes(models[0].classes)
    settings = replace(DEFAULT, steps=steps, restarts=restarts)
    rows, differences, details = [], [], []
    with progress() as bar:
        for level, labels in _groups(parse_floats(snr), pooled):
            selection = chosen.select(snr_db=labels).limit(frames, seed).in_memory()
            outcomes = {}
            for classifier in models:
                curve = SecurityCurve(classifier, selection, attack, settings, seed)
                for pnr_db in sorted(levels or [None]):
                    task = bar.add_task(
                        f"{classifier.name} SNR {_name(level)} PNR {_name(pnr_db)}",
                        total=len(selection),
                        note="frames won",
                    )
                    row, outcome = curve.point(pnr_db, _shown(bar, task))
                    bar.remove_task(task)
                    rows.append(row)
                    details.append(_detail(row, outcome, classifier.classes))
                    outcomes.setdefault(pnr_db, []).append(outcome)
                _warn(classifier, whole, curve, selection)
            differences += _differences(models, outcomes, selection, level)
    _show(rows, differences)
    if json:
        facts = {
            "dataset": Path(dataset).name,
            "fingerprint": whole.fingerprint(),
            "part": part.value,
            "snr_db": parse_floats(snr),
            "pooled": pooled,
            "attack": attack.value,
            "attack_settings": asdict(settings),
            "seed": seed,
            "version": __version__,
        }
        results = {"settings": facts, "rows": rows, "differences": differences, "details": details}
        write_json(json, results)
    if figure:
        security_curve(rows, figure)


def _groups(labels, pooled):
    """What the rows are about: (SNR label or None, the labels to select or None for all)."""
    return [(None, labels)] if pooled or labels is None else [(label, [label]) for label in labels]


def _detail(row, outcome, classes):
    """More of one row: confusion (last column: rejected), classes, accuracy over coverage."""
    table = confusion(outcome.label, outcome.decided, len(classes))
    count = table.sum(1)
    detail = {key: row[key] for key in ("model", "attack", "snr_db", "pnr_db")} | {
        "classes": list(classes),
        "confusion": table,
        "class_accuracy": {
            name: table[i, i] / count[i] for i, name in enumerate(classes) if count[i]
        },
    }
    if outcome.score is not None:
        coverage, accuracy = risk_coverage(outcome.label, outcome.score)
        detail["risk_coverage"] = {"coverage": coverage, "accepted_accuracy": accuracy}
    return detail


def _warn(classifier, dataset, curve, selection):
    """Say what may make the figures of a model misleading."""
    name = classifier.name
    if curve.invalid:
        err.print(f"warning: {curve.invalid} all-zero frames count as rejected", highlight=False)
    if curve.flat_share > 0.05:
        err.print(
            f"warning: {name}: the gradient is zero on {curve.flat_share:.0%} of the frames; "
            "robustness may be overstated",
            highlight=False,
        )
    calibrated = classifier.metadata.get("rejector", {}).get("calibration_snr_db", [])
    if calibrated and not set(np.unique(selection.snr_db)) <= set(calibrated):
        known = ", ".join(f"{level:g}" for level in calibrated)
        err.print(
            f"note: the threshold of {name} was set at {known} dB; at other SNR labels it rejects "
            "another share of benign frames",
            highlight=False,
        )
    if found_scaling(dataset) is not classifier.scaling:
        err.print(
            f"warning: {name} expects frames scaled as {classifier.scaling.value}; these are not",
            highlight=False,
        )


def _differences(models, outcomes, selection, level):
    """Each further model against the first, paired, at every PNR."""
    found = []
    for pnr_db, results in outcomes.items():
        for other, result in zip(models[1:], results[1:], strict=True):
            for metric in ("accepted_accuracy", "robust_accuracy", "attacked_accuracy"):
                found.append(
                    {
                        "model": other.name,
                        "against": models[0].name,
                        "snr_db": level,
                        "pnr_db": pnr_db,
                    }
                    | difference(result, results[0], selection.run_id, metric)
                )
    return found


def _show(rows, differences):
    out.print(results_table(rows))
    for each in differences:
        low, high = each["interval"]
        out.print(
            f"{each['model']} - {each['against']}, SNR {_name(each['snr_db'])}, "
            f"PNR {_name(each['pnr_db'])}: {each['metric']} {each['difference']:+.3f} "
            f"[{low:+.3f}, {high:+.3f}]",
            highlight=False,
        )


def _shown(bar, task):
    return lambda won, share: bar.update(task, completed=won)


def _name(level):
    return "none" if level is None else f"{level:g} dB"
