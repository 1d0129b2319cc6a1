"""`htrd reproduce`: the paper's evaluation from one command."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .. import data
from ..classifier import Classifier
from ..files import Document
from ..reproduction import FULL, QUICK, attack, report, study, train
from ..runtime.device import pick_device
from .console import err, out, progress
from .options import Dataset, Device, check_writable
from .train import Reporter

app = typer.Typer(help="Reproduce a publication.", no_args_is_help=True)


@app.callback()
def _reproduce() -> None:
    """Keep the name of the command, though there is one."""


@app.command()
def paper(
    dataset: Dataset,
    output: Annotated[Path, typer.Option("--out", help="Folder for models and results.")],
    quick: Annotated[
        bool,
        typer.Option("--quick", help="The same code on little data: minutes, no figures to quote."),
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="Trainings of every system, with the seeds 0, 1, ….")
    ] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it was stopped.")] = False,
    device: Device = "auto",
) -> None:
    """Reproduce Zhang et al., IEEE WCL 2022: every system trained, attacked and compared.

    Trains what is missing, calibrates at 10 % benign rejection, attacks test frames at 10 dB
    over PNR -30 … 20 dB, and writes results.json, paper-vs-ours.md, tables without attack and
    by class, and the figures. Stopped at any point, --resume loses at most one epoch, one rejector
    or one point of a curve.
    """
    chosen = replace(QUICK if quick else FULL, seeds=tuple(range(seeds)))
    err.print(f"reading {dataset}", highlight=False)
    whole = data.read(dataset)
    chosen = chosen.on(whole)
    folder = study.Folder(output, chosen, whole.fingerprint(), resume)
    check_writable(folder.path / "results.json")
    picked = pick_device(device)
    name = Path(dataset).name

    def log(text: str) -> None:
        err.print(text, highlight=False)

    with progress() as bar:
        train.models(chosen, folder, whole, name, device=picked, log=log, report=Reporter(bar))
    found = report.Report(chosen, folder, whole, name)
    warnings: list[Document] = []
    with progress() as bar:
        task = bar.add_task("attacking", total=100, note="% of the tries at this level")
        curves = attack.curves(
            chosen,
            folder,
            whole,
            device=picked,
            log=log,
            warnings=warnings,
            progress=lambda won, share: bar.update(task, completed=round(100 * share)),
        )
        for point in curves:
            found.add(*point)
    shown = {name: Classifier.load(folder.model(name, 0), picked) for name in report.FEATURES}
    found.write(shown, warnings)
    page = (output / "paper-vs-ours.md").read_text(encoding="utf-8")
    out.print(page, highlight=False, soft_wrap=True)
