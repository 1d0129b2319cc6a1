"""`htrd certify`: accuracy that no perturbation takes away, beside what an attack leaves."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.distributed as dist
import typer
from rich.table import Table

from .. import __version__, assets, data, power, provenance
from ..classifier import Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation import certified
from ..evaluation.figures import certified_curve
from ..evaluation.smoothing import Smoothed, SmoothingSettings, deviation
from ..files import Document, checksum, write_json
from ..runtime.runtime import Runtime
from .console import out, progress
from .options import Dataset, Device, Json, Seed, check_writable, parse_floats

DEFAULT = SmoothingSettings()
_SHARES = ("certified_accuracy", "robust_accuracy", "accuracy", "abstained")


def certify(
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")],
    dataset: Dataset,
    snr: Annotated[str, typer.Option(help="SNR labels in dB, rows of each.")] = "10",
    pnr: Annotated[str, typer.Option(help="PNR levels in dB, one row each.")] = "-30,-25,-20,-15",
    sigma: Annotated[
        float, typer.Option(help="Of the noise: its norm over that of the median frame.")
    ] = DEFAULT.sigma,
    samples: Annotated[
        int, typer.Option(min=1, help="Noisy frames that a radius is proved with.")
    ] = DEFAULT.samples,
    alpha: Annotated[
        float, typer.Option(help="Probability that a frame's radius is wrong.")
    ] = DEFAULT.alpha,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of frames at each SNR.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of the attack.")] = DEFAULT.attack_steps,
    part: Annotated[
        data.Part | None,
        typer.Option(help="Part of the data set (default: all; test of the model's own data)."),
    ] = None,
    json: Json = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the curves (.png, .svg, .pdf).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from what lies beside --json.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Certify a model by randomized smoothing: bounds of robust accuracy, from below and above.

    The smoothed model decides what the model decides most often of a frame with Gaussian noise. It
    provably keeps its decision within a radius, with probability 1 - alpha for each frame: that is
    the certified accuracy. The robust accuracy is what PGD, through the noise, leaves of the same
    smoothed model; the truth lies between the two. Frames that are done lie beside --json until
    all are.
    """
    levels = sorted(parse_floats(pnr))
    labels = parse_floats(snr)
    power.check_db(pnr=np.asarray(levels))
    check_writable(json, inputs=[dataset, model])
    check_writable(figure, (".png", ".svg", ".pdf"), [dataset, model])
    if resume and json is None:
        raise UserError("--resume goes with --json, beside which the frames are that are done")
    settings = replace(DEFAULT, sigma=sigma, samples=samples, alpha=alpha, attack_steps=steps)
    runtime = Runtime(device)
    classifier = Classifier.load(model, runtime.device)
    whole = data.read(dataset)
    part, split_seed = provenance.part_to_evaluate(whole, [classifier], part)
    chosen = data.part(whole, part, split_seed).require_classes(classifier.classes)
    identity = {
        "dataset": Path(dataset).name,
        "fingerprint": whole.fingerprint(),
        "part": part.value,
        "model": classifier.name,
        "sha256": checksum(assets.model_path(model)),
        "smoothing": asdict(settings),
        "pnr_db": levels,
        "frames": frames,
        "seed": seed,
        "version": __version__,
    }
    rows: list[Document] = []
    for label in labels:
        selection = chosen.select(snr_db=[label]).limit(frames, seed).in_memory()
        facts = identity | {"snr_db": label, "processes": runtime.world}
        found = _at(runtime, classifier, selection, levels, settings, seed, json, facts, resume)
        named = {"model": classifier.name, "snr_db": label}
        rows += [named | each | {"sigma": sigma, "samples": samples} for each in found]
    if not runtime.is_first:
        return
    try:
        if json:
            write_json(json, {"settings": identity | {"snr_db": labels}, "rows": rows})
        if figure:
            certified_curve(rows, figure)
    finally:  # what cannot be written is shown all the same
        out.print(_table(rows, alpha))


def _at(
    runtime: Runtime,
    classifier: Classifier,
    selection: FrameDataset,
    levels: list[float],
    settings: SmoothingSettings,
    seed: int,
    json: Path | None,
    facts: Document,
    resume: bool,
) -> list[Document]:
    """Rows of the frames at one SNR label; every process certifies its share of them."""
    spread = deviation(torch.from_numpy(selection.iq.astype(np.float32)), settings.sigma)
    smoothed = Smoothed(classifier, spread, settings)
    path = None
    if json:
        path = json.with_name(f".{json.name}.{facts['snr_db']:g}.{runtime.rank}.frames")
    notes = certified.Notes(path, facts, resume)
    mine = np.arange(len(selection))[runtime.mine]
    with progress() as bar:
        task = bar.add_task(f"SNR {facts['snr_db']:g} dB", total=len(mine), note="frames")
        found = certified.certify(
            smoothed, selection, levels, seed, mine, notes, lambda: bar.advance(task)
        )
    if dist.is_initialized():
        parts: list[list[certified.CertifiedFrame]] = [[] for _ in range(runtime.world)]
        dist.all_gather_object(parts, found)
        found = sorted((each for part in parts for each in part), key=lambda each: each.frame)
    rows = certified.rows_of(found, selection, levels)
    notes.remove()
    return rows


def _table(rows: list[Document], alpha: float) -> Table:
    table = Table(caption=f"each radius holds with probability {1 - alpha:g}")
    for heading in ("model", "SNR dB", "PNR dB", "frames", *(_words(each) for each in _SHARES)):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for row in rows:
        first = [row["model"], f"{row['snr_db']:g}", f"{row['pnr_db']:g}", str(row["frames"])]
        table.add_row(*first, *(_cell(row, name) for name in _SHARES))
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(row: Document, name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} ± {(high - low) / 2:.3f}"
