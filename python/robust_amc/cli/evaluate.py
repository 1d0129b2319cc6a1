"""`htrd evaluate`: accuracy, rejection and robustness of models on a data set."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import __version__, data, power
from ..attacks import AttackSettings
from ..classifier import Classifier, same_classes
from ..device import pick_device
from ..errors import UserError
from ..evaluation import Attack, SecurityCurve, difference
from ..evaluation.curve import check_same_frames
from ..evaluation.figures import security_curve
from ..evaluation.table import results_table
from ..files import write_json
from .console import err, out, progress
from .options import Dataset, Device, Json, Seed, parse_floats, parse_names

DEFAULT = AttackSettings()


def evaluate(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="Names or files of models, comma-separated.")],
    snr: Annotated[
        str | None, typer.Option(help="SNR labels in dB, one row each (default: one row over all).")
    ] = None,
    pnr: Annotated[str | None, typer.Option(help="PNR levels in dB, one row each.")] = None,
    attack: Annotated[Attack, typer.Option(help="What is done to the frames.")] = Attack.NONE,
    frames: Annotated[int | None, typer.Option(help="Most frames at each SNR label.")] = None,
    part: Annotated[
        data.Part | None,
        typer.Option(help="Part of the data set (default: all; test of a model's own data)."),
    ] = None,
    steps: Annotated[int, typer.Option(help="PGD steps.")] = DEFAULT.steps,
    restarts: Annotated[int, typer.Option(help="PGD restarts.")] = DEFAULT.restarts,
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
        levels.sort()
    device = pick_device(device)
    models = [Classifier.load(name, device) for name in parse_names(model)]
    same_classes(models)
    whole = data.read(dataset)
    chosen = _part(whole, models, part).require_classes(models[0].classes)
    settings = replace(DEFAULT, steps=steps, restarts=restarts)
    if steps < 1 or restarts < 0:
        raise UserError("the attack needs at least one step, and restarts cannot be negative")
    rows, differences = [], []
    with progress() as bar:
        for level in parse_floats(snr) or [None]:
            selection = chosen.select(snr_db=level).limit(frames, seed)
            bad = check_same_frames(selection)
            if bad:
                err.print(f"warning: {bad} frames are all zero or not finite: rejected")
            outcomes = {}
            for classifier in models:
                curve = SecurityCurve(classifier, selection, attack, settings, seed)
                for pnr_db in levels or [None]:
                    task = bar.add_task(
                        f"{classifier.name} SNR {_name(level)} PNR {_name(pnr_db)}",
                        total=len(selection),
                        note="frames won",
                    )
                    row, outcome = curve.point(pnr_db, _shown(bar, task))
                    rows.append(row)
                    outcomes.setdefault(pnr_db, []).append(outcome)
                    bar.remove_task(task)
                if curve.flat_share > 0.05:
                    err.print(
                        f"warning: {classifier.name}: every gradient is zero on "
                        f"{curve.flat_share:.0%} of the frames; robustness may be overstated"
                    )
            differences += _differences(models, outcomes, selection, level)
    _show(rows, differences)
    if json:
        facts = {
            "dataset": Path(dataset).name,
            "fingerprint": whole.fingerprint(),
            "part": (part or _default_part(whole, models)).value,
            "attack": attack.value,
            "attack_settings": asdict(settings),
            "seed": seed,
            "version": __version__,
        }
        write_json(json, {"settings": facts, "rows": rows, "differences": differences})
    if figure:
        security_curve(rows, figure)


def _default_part(whole, models):
    """The test part if any of the models was trained on this data set, else all of it."""
    own = whole.fingerprint()
    seen = any(model.metadata.get("dataset", {}).get("fingerprint") == own for model in models)
    return data.Part.TEST if seen else data.Part.ALL


def _part(whole, models, part):
    """The frames to evaluate; a model's own training data gives its test part only."""
    default = _default_part(whole, models)
    part = part or default
    if default is data.Part.TEST:
        if part is data.Part.TEST:
            err.print(
                "this is a model's own data set: only its test part is evaluated", highlight=False
            )
        elif part is data.Part.ALL:
            raise UserError("a model was trained on this data set: choose one of its parts")
    seeds = {model.metadata.get("dataset", {}).get("split_seed", 0) for model in models}
    if default is data.Part.TEST and len(seeds) > 1:
        raise UserError("the models were trained on different splits of this data set")
    return data.part(whole, part, seeds.pop() if len(seeds) == 1 else 0)


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
