"""`htrd leaderboard`: systems as data files, under the same attacks, and a page of them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .. import data, provenance
from ..attacks import AttackSettings
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation import leaderboard as board
from ..evaluation.leaderboard_page import page as made
from ..files import Document, replacing
from ..provenance import part_to_evaluate
from ..runtime.device import pick_device
from .console import err, progress
from .options import Device, Seed, Targets, check_writable, parse_names

DEFAULT = AttackSettings()
# Options of `htrd dataset generate` that its command names only where they are other ones
USUAL = {"mode": "legacy", "frame_length": 128, "samples_per_symbol": 8, "sampling_offset": 0.0}


def leaderboard(
    folder: Annotated[
        Path, typer.Argument(help="Where the systems are, a TOML file each, and their figures.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set that no system has seen; without one only the page is made."),
    ] = None,
    bursts: Annotated[
        str | None,
        typer.Option(
            help="Data set of bursts, each for one unknown link; without it none is tried."
        ),
    ] = None,
    snr: Annotated[float, typer.Option(help="SNR label of the frames, in dB.")] = 10.0,
    frames: Annotated[int, typer.Option(min=1, help="How many are attacked.")] = board.FRAMES,
    only: Annotated[
        str | None, typer.Option(help="Evaluate these systems alone, names comma-separated.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write the page of all systems (.md).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = DEFAULT.steps,
    restarts: Annotated[int, typer.Option(min=0, help="PGD restarts.")] = DEFAULT.restarts,
    targets: Targets = DEFAULT.targets,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Evaluate systems under the same named threat models; write their figures and a page.

    Without attack; white-box l2 at PNR -20 and -10 dB, with and without rejection as the attacker's
    win; transferred from another model; one waveform for all frames; of --bursts, behind links that
    the attack does not know. Figures of the same model file, data and settings are not made again,
    so that it can be stopped and goes on.
    """
    check_writable(page, (".md",))
    systems = board.entries(folder)
    names = [each.name for each in systems]
    wanted = parse_names(only) or names
    for name in wanted:
        if name not in names:
            raise UserError(f"no system {name} in {folder}; there are {', '.join(names)}")
    for option, given in (("--only", only), ("--bursts", bursts)):
        if given and dataset is None:
            raise UserError(f"{option} goes with --dataset: without one nothing is evaluated")
    if dataset is not None:
        settings = replace(DEFAULT, steps=steps, restarts=restarts, targets=targets)
        whole = data.read(dataset)
        chosen, facts = whole.select(snr_db=[snr]), _facts(whole, dataset, snr)
        burst_set = None if bursts is None else _bursts(bursts, snr)
        for entry in systems:
            if entry.name in wanted:
                _evaluate(entry, chosen, burst_set, facts, frames, settings, seed, device)
    if page is not None:
        with replacing(page) as temporary:
            temporary.write_text(made(systems))
        err.print(f"wrote {page}", highlight=False)


def _evaluate(
    entry: board.Entry,
    chosen: FrameDataset,
    bursts: board.Bursts | None,
    facts: Document,
    frames: int,
    settings: AttackSettings,
    seed: int,
    device: str,
) -> None:
    """Evaluate one system; UserError when it has seen the data."""
    classifier = entry.classifier()
    if part_to_evaluate(chosen, [classifier])[0] is not data.Part.ALL:
        raise UserError(f"{entry.name} has seen this data set; take one that no system has seen")
    chosen = chosen.require_classes(classifier.classes)
    if bursts is not None:
        bursts = replace(bursts, dataset=bursts.dataset.require_classes(classifier.classes))
    with progress() as bar:
        task = bar.add_task(entry.name, total=frames, note="")

        def show(threat: board.Threat, done: int) -> None:
            bar.update(task, description=f"{entry.name}, {threat.name}", completed=done)

        board.evaluate(
            entry, chosen, facts, frames, settings, seed, pick_device(device), show, bursts
        )
    err.print(f"wrote {entry.figures_path}", highlight=False)


def _bursts(path: str, snr_db: float) -> board.Bursts:
    """The bursts at an SNR label."""
    whole = data.read(path)
    chosen = whole.select(snr_db=[snr_db]).in_memory()
    facts = _facts(whole, path, snr_db)
    return board.Bursts(chosen, {name: facts[name] for name in ("dataset", "generate")})


def _facts(whole: FrameDataset, path: str, snr_db: float) -> Document:
    """What the figures say of their data."""
    known = whole.metadata
    name = Path(path).name
    generate = f"# {name}"
    if "generator" in known and not (known.get("text") or known.get("audio")):
        others = {each: known.get(each, usual) for each, usual in USUAL.items()}
        changed = {each: value for each, value in others.items() if value != USUAL[each]}
        labels = ",".join(f"{level:g}" for level in known.get("snr_db", [snr_db]))
        generate = (
            f"{board.GENERATE} {name} --frames-per-key {known.get('frames_per_key')} "
            f"--frames-per-run {known.get('frames_per_run')} --seed {known.get('seed')} "
            f"--snr {labels}"
            + "".join(f" --{each.replace('_', '-')} {value}" for each, value in changed.items())
        )
    record = provenance.record(whole, path, None)
    return {
        "dataset": name, "fingerprint": record["fingerprint"], "snr_db": snr_db,
        "generate": generate,
    }  # fmt: skip
