"""`htrd evaluate`: accuracy, rejection and robustness of models on a data set."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress

from .. import __version__, data, power, provenance
from ..attacks import AttackSettings
from ..attacks.objectives import OBJECTIVES
from ..attacks.white_box import AttackProgress
from ..classifier import Classifier, same_classes
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation import (
    Attack,
    Outcome,
    SecurityCurve,
    benign,
    checks,
    confusion,
    difference,
    fusion,
    risk_coverage,
)
from ..evaluation.figures import security_curve
from ..evaluation.metrics import by_class as figures_by_class
from ..evaluation.metrics import with_intervals
from ..evaluation.table import results_table
from ..files import Document, write_json
from ..runtime.runtime import Runtime
from .console import err, out, progress
from .evaluate_unknown import evaluate_unknown
from .options import Device, Json, Seed, Targets, check_writable, parse_floats, parse_names

DEFAULT = AttackSettings()
CRAFT = 1000  # frames at most that a universal perturbation is made from


def evaluate(
    model: Annotated[str, typer.Option(help="Names or files of models, comma-separated.")],
    dataset: Annotated[
        str | None, typer.Option(help="Path of a data set, or 'sample'; not with --unknown.")
    ] = None,
    unknown: Annotated[
        bool,
        typer.Option(
            "--unknown",
            help="Instead of a data set, signals that are none of the classes (noise, carriers, "
            "OFDM, chirps, other FSK, …): what is accepted of them, and as what.",
        ),
    ] = False,
    snr: Annotated[
        str | None,
        typer.Option(
            help="SNR labels in dB, one row each (default: one row over all); with --unknown, the "
            "SNR of the signals (default: 20)."
        ),
    ] = None,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="One row over all the labels of --snr.")
    ] = False,
    pnr: Annotated[str | None, typer.Option(help="PNR levels in dB, one row each.")] = None,
    attack: Annotated[Attack, typer.Option(help="What is done to the frames.")] = Attack.NONE,
    frames: Annotated[int | None, typer.Option(help="Maximum number of frames of a row.")] = None,
    part: Annotated[
        data.Part | None,
        typer.Option(help="Part of the data set (default: all; test of a model's own data)."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Model that the attacks transfer and universal craft on.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = DEFAULT.steps,
    restarts: Annotated[int, typer.Option(min=0, help="PGD restarts.")] = DEFAULT.restarts,
    targets: Targets = DEFAULT.targets,
    objective: Annotated[
        str | None,
        typer.Option(
            help="What PGD minimizes, instead of all that are made for the system: names, "
            f"comma-separated, of {', '.join(OBJECTIVES)}.",
        ),
    ] = None,
    probe: Annotated[
        bool,
        typer.Option(
            help="Check, on 100 frames of one row of each model, whether attacks of other kinds "
            "win more. Takes about as long as the attack on these frames."
        ),
    ] = True,
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Also the figures of each class of every row.")
    ] = False,
    fuse: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Also decide so many frames of a run at a time, by the sum of the network's log "
            "posteriors over those that are accepted; without attack.",
        ),
    ] = None,
    json: Json = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the security curve (.png, .svg).")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Evaluate models, without attack or under one; a row for each (model, SNR, PNR).

    pgd, the white-box attack, is made anew for each model and knows all of it; grey knows its
    network, transfer another model (--source), universal is one perturbation for all frames,
    crafted on frames of the selection that are not evaluated, noise knows nothing. Two or more
    models are compared on the same frames, with the paired 95 % interval. Over several SNR labels
    a second table has the benign frames that each model rejects at each of them.
    """
    levels = parse_floats(pnr)
    names = parse_names(model)
    inputs = [dataset, source, *names]
    check_writable(json, inputs=inputs)
    if unknown:
        unused = {
            "--dataset": dataset, "--attack": attack is not Attack.NONE, "--pnr": pnr,
            "--pooled": pooled, "--part": part, "--source": source, "--objective": objective,
            "--by-class": by_class, "--fuse": fuse, "--figure": figure,
        }  # fmt: skip
        evaluate_unknown(names, parse_floats(snr), frames, seed, json, device, unused)
        return
    if dataset is None:
        raise UserError("give --dataset, a path or 'sample', or --unknown")
    if (attack is Attack.NONE) != (levels is None):
        raise UserError(
            "--pnr goes with an attack: add --attack, such as pgd or noise"
            if levels
            else f"--attack {attack.value} needs the levels, such as --pnr -20,-10,0"
        )
    if fuse and levels:
        raise UserError("--fuse goes without an attack: leave --attack and --pnr out")
    if levels:
        power.check_db(pnr=np.asarray(levels))
    check_writable(figure, (".png", ".svg", ".pdf"), inputs)
    runtime = Runtime(device)
    models = [Classifier.load(name, runtime.device) for name in names]
    other = None if source is None else Classifier.load(source, runtime.device)
    same_classes(models)
    whole = data.read(dataset)
    part, split_seed = provenance.part_to_evaluate(whole, models, part)
    if runtime.is_first:
        err.print(f"evaluating {part.value} of {dataset}", highlight=False)
    chosen = data.part(whole, part, split_seed).require_classes(models[0].classes)
    chosen_objectives = parse_names(objective)
    for name in chosen_objectives or []:
        OBJECTIVES[name]  # a wrong name is told before the work
    settings = replace(
        DEFAULT, steps=steps, restarts=restarts, objectives=chosen_objectives, targets=targets
    )
    rows: list[Document] = []
    differences: list[Document] = []
    details: list[Document] = []
    warnings: list[Document] = []
    rejection: list[Document] = []
    pnr_levels: Sequence[float | None] = sorted(levels) if levels else [None]
    has_several = _has_several_labels(chosen, parse_floats(snr))
    with progress() as bar:
        for level, labels in _groups(parse_floats(snr), pooled):
            candidates = chosen.select(snr_db=labels)
            selection, others = candidates.divide(frames, seed)
            selection = selection.in_memory()
            craft_on = None
            if attack is Attack.UNIVERSAL:
                craft_on = others.limit(CRAFT, seed).in_memory()
            outcomes: dict[float | None, list[Outcome]] = {}
            for classifier in models:
                curve = SecurityCurve(
                    classifier, selection, attack, settings, seed, other, craft_on
                )
                for pnr_db in pnr_levels:
                    name = f"{classifier.name} SNR {_name(level)} PNR {_name(pnr_db)}"
                    with _task(bar, name, len(selection)) as shown:
                        row, outcome = curve.point(pnr_db, shown)
                    if by_class:
                        row["by_class"] = figures_by_class(
                            outcome, selection.run_id, classifier.classes
                        )
                    rows.append(row)
                    details.append(_detail(row, outcome, classifier.classes))
                    outcomes.setdefault(pnr_db, []).append(outcome)
                if has_several and classifier.rejector is not None:
                    decided = curve.decide(curve.iq).label
                    rejection += benign.rejection_by_label(
                        classifier.name, decided, selection.snr_db
                    )
                if fuse:
                    rows.append(_fused(classifier, selection, fuse, rows[-1], by_class))
                with _task(bar, f"{classifier.name} probe", checks.PROBE_FRAMES) as shown:
                    found = checks.of_data(curve, whole) + checks.review(curve, probe, shown)
                warnings += [{"snr_db": level} | each for each in found]
            differences += _differences(models, outcomes, selection, level)
    if not runtime.is_first:
        return
    facts = {
        "dataset": Path(dataset).name,
        "fingerprint": whole.fingerprint(),
        "part": part.value,
        "snr_db": parse_floats(snr),
        "pooled": pooled,
        "attack": attack.value,
        "source": source,
        "attack_settings": asdict(settings),
        "seed": seed,
        "version": __version__,
    }
    document = {
        "settings": facts,
        "rows": rows,
        "differences": differences,
        "benign_rejection": rejection,
        "details": details,
        "warnings": warnings,
    }
    try:
        if json:
            write_json(json, document)
        if figure:
            frame_length = whole.iq.shape[2]
            classes = models[0].classes if attack is Attack.PGD else ()
            security_curve(rows, figure, classes=classes, frame_length=frame_length)
    finally:  # what cannot be written is shown all the same
        for each in warnings:
            err.print(f"warning: {each['model']}: {each['message']}", highlight=False)
        _show(rows, differences)
        if rejection:
            out.print(benign.rejection_table(rejection))


def _has_several_labels(dataset: FrameDataset, labels: list[float] | None) -> bool:
    """Whether frames of more than one SNR label are evaluated; `labels` None: of all."""
    present = np.unique(dataset.snr_db)
    return len(present if labels is None else np.intersect1d(present, labels)) > 1


def _fused(
    classifier: Classifier, selection: FrameDataset, count: int, row: Document, by_class: bool
) -> Document:
    """The row of groups of `count` frames, after that of the frames."""
    outcome, run_id = fusion.fuse(classifier, selection, count)
    found = row | {"model": f"{row['model']} x{count}", "fused": count, "frames": len(run_id)}
    if by_class:
        found["by_class"] = figures_by_class(outcome, run_id, classifier.classes)
    return found | with_intervals(outcome, run_id)


def _groups(
    labels: list[float] | None, pooled: bool
) -> list[tuple[float | None, list[float] | None]]:
    """What the rows are about: (SNR label or None, the labels to select or None for all)."""
    return [(None, labels)] if pooled or labels is None else [(label, [label]) for label in labels]


def _detail(row: Document, outcome: Outcome, classes: Sequence[str]) -> Document:
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


def _differences(
    models: Sequence[Classifier],
    outcomes: Mapping[float | None, list[Outcome]],
    selection: FrameDataset,
    level: float | None,
) -> list[Document]:
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


def _show(rows: Sequence[Document], differences: Sequence[Document]) -> None:
    out.print(results_table(rows))
    for each in differences:
        low, high = each["interval"]
        out.print(
            f"{each['model']} - {each['against']}, SNR {_name(each['snr_db'])}, "
            f"PNR {_name(each['pnr_db'])}: {each['metric']} {each['difference']:+.3f} "
            f"[{low:+.3f}, {high:+.3f}]",
            highlight=False,
        )


@contextmanager
def _task(bar: Progress, name: str, total: int) -> Iterator[AttackProgress]:
    """A line of progress; yields what is called with the frames won and the share of tries."""
    task = bar.add_task(name, total=total, note="frames won")
    yield lambda won, share: bar.update(task, completed=won)
    bar.remove_task(task)


def _name(level: float | None) -> str:
    return "none" if level is None else f"{level:g} dB"
