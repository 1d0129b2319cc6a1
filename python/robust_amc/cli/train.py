"""`htrd train`: from a data set to a network."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from .. import data, systems
from ..errors import UserError
from ..files import Document
from ..models import ARCHITECTURES
from ..runtime import processes
from ..training import METHODS, Plan, run
from ..training.pretrain import own_checkpoint
from .console import err, progress
from .old_options import old_options
from .options import (
    Dataset,
    Device,
    check_writable,
    parse_floats,
    parse_settings,
    refuse_overwriting,
    single,
)

OLD = {
    "--input-gain": "--set training.input_gain=",
    "--cosine": "--set training.cosine=true",
    "--constant": "--set training.cosine=false",
    "--average": "--set training.ema_decay=",
    "--robust-radius": "--set training.robust_radius=",
    "--augment": "--set training.augment=true",
    "--no-augment": "--set training.augment=false",
    "--r-max": "--set cat.r_max=",
    "--growth": "--set cat.growth=",
    "--rule": "--set cat.rule=",
    "--smoothing-max": "--set cat.smoothing_max=",
    "--radius": "--set adversarial.radius=",
    "--drawn": "--set adversarial.drawn=true",
    "--no-drawn": "--set adversarial.drawn=false",
    "--share": "--set adversarial.share=",
    "--attack-steps": "--set method.steps=",
    "--stop-at-success": "--set method.stop_at_success=true",
    "--no-stop-at-success": "--set method.stop_at_success=false",
    "--smoothing": "--set ls_gna.smoothing=",
    "--noise": "--set ls_gna.noise=",
}


@old_options(OLD)
def train(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    dataset: Dataset,
    more: Annotated[
        list[Path] | None,
        typer.Option(help="A further data set, to train on all of it. Can be given several times."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            help="Train the network of this system of the paper, or of a TOML file of the same "
            "form; other options change its settings."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help=f"How to train: {', '.join(METHODS)} (standard).",
            autocompletion=lambda: list(METHODS),
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting by the name it has in a system's file: cat.r_max=0.1, "
            "training.cosine=true, architecture.NAME=VALUE for the network; method.NAME is one "
            "of the training method in use. Can be given several times.",
        ),
    ] = None,
    snr: Annotated[str | None, typer.Option(help="SNR labels in dB (all).")] = None,
    frames_per_key: Annotated[
        int | None,
        typer.Option(help="Maximum number of training frames of a class at an SNR label (all)."),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Start from the network of this model.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            help=f"The network: {', '.join(ARCHITECTURES)} (vtcnn2).",
            autocompletion=lambda: list(ARCHITECTURES),
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Maximum number of epochs (100).")] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without improvement before stopping; 0: never (5)."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Frames an update (256).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam (0.001).")] = None,
    fast: Annotated[bool | None, typer.Option(help="bfloat16 matrix products (yes).")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of every random choice (0).")
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the split of the data set.")] = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint of this output.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="One update and one validation; write nothing.")
    ] = False,
) -> None:
    """Train a network on the training part of a data set. Defaults are in parentheses.

    A checkpoint lies beside the output until the run is done: after an interruption the
    same command with --resume goes on where it was and ends at the same result.
    """
    checkpoint = output.with_suffix(".checkpoint")
    if not dry_run:
        refuse_overwriting(output)
        for path in (checkpoint, own_checkpoint(checkpoint)):
            check_writable(path)
    options = {
        "method": method,
        "snr_db": parse_floats(snr),
        "frames_per_key": frames_per_key,
        "start_from": start_from,
        "architecture": architecture,
        "epochs": epochs,
        "patience": patience,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "fast": fast,
        "seed": seed,
    }
    given = {f"training.{name}": value for name, value in options.items() if value is not None}
    plan = replace(_plan(system, given | single(parse_settings(values))), split_seed=split_seed)
    if checkpoint.exists() and not (resume or dry_run):
        raise UserError(f"{checkpoint} is there: add --resume to go on, or delete it")
    err.print(f"reading {dataset}", highlight=False)
    whole = data.read(dataset)
    further = [(data.read(path), path) for path in more or ()]
    with progress() as bar:
        trained = run(
            plan,
            whole,
            dataset,
            more=further,
            device=device,
            log=lambda text: err.print(text, highlight=False),
            checkpoint=None if dry_run else checkpoint,
            resume=resume,
            report=Reporter(bar),
            dry_run=dry_run,
        )
    if dry_run:
        err.print("dry run: one update and one validation went through; nothing written")
        return
    if not processes.is_first():
        return
    if system:
        trained.metadata["defense"]["system"] = Path(system).stem
    trained.save(output)
    checkpoint.unlink(missing_ok=True)
    history = trained.metadata["training"]
    score = trained.metadata["metrics"]["validation"]["validation"]
    err.print(
        f"wrote {output}: epoch {history['best_epoch']}, validation {score:.3f}", highlight=False
    )


def _plan(name: str | None, values: Mapping[str, Any]) -> Plan:
    """The Plan of a system (None: the defaults), changed by values by dotted names."""
    others = [each for each in values if each.startswith("rejector.")]
    if others:
        raise UserError(f"{', '.join(others)}: of a rejector, which `htrd fit-rejector` fits")
    if name is None:
        plan = systems.default(values).plan
        assert plan is not None  # nothing else is trained there
        return plan
    known = systems.load(name)
    if known.plan is None:
        raise UserError(
            f"{known.name} uses the network of {known.network}: train that, and fit its rejector"
        )
    plan = systems.load(name, values).plan
    assert plan is not None  # as it is without the values
    if known.plan.start_from and "training.start_from" not in values:
        raise UserError(
            f"the network of {known.name} starts from that of {plan.start_from}: train it first "
            f"(--system {plan.start_from}), then give its file as --start-from"
        )
    return plan


class Reporter:
    """Shows an epoch's progress, and one line for each epoch that is done."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("epoch 0", total=None, note="")
        self.started = time.monotonic()

    def __call__(self, epoch: int, done: int, frames: int, loss: float | Document) -> None:
        """See `report` of robust_amc.training.train."""
        if isinstance(loss, dict):
            figures = " ".join(
                f"{name} {value:.3f}" for name, value in loss.items() if name != "epoch"
            )
            seconds = time.monotonic() - self.started
            self.started = time.monotonic()
            err.print(f"epoch {epoch}: {figures} ({seconds:.0f} s)", highlight=False)
        else:
            self.bar.update(
                self.task,
                description=f"epoch {epoch}",
                completed=done,
                total=frames,
                note=f"loss {loss:.3f}",
            )
