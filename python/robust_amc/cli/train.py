"""`htrd train`: from a data set to a network."""

import time
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .. import data, systems
from ..errors import UserError
from ..runtime import processes
from ..training import METHODS, Plan, Rule, run
from .console import err, progress
from .options import Dataset, Device, parse_floats, refuse_overwriting

ROBUST_RADIUS = 0.095  # PNR -10 dB at 10 dB SNR
Method = Enum("Method", {name.upper(): name for name in METHODS}, type=str)


def _of(method):
    """The help panel of a method's own options."""
    return f"Options of --method {method}"


def train(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    dataset: Dataset,
    system: Annotated[
        str | None,
        typer.Option(
            help="Train the network of this system of the paper, or of a TOML file like its; "
            "other options change its settings."
        ),
    ] = None,
    method: Annotated[Method | None, typer.Option(help="How to train (standard).")] = None,
    snr: Annotated[str | None, typer.Option(help="SNR labels in dB (all).")] = None,
    frames_per_key: Annotated[
        int | None, typer.Option(help="Most training frames a class and SNR label (all).")
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Start from the network of this model.")
    ] = None,
    architecture: Annotated[str | None, typer.Option(help="The network (vtcnn2).")] = None,
    input_gain: Annotated[float | None, typer.Option(help="Gain inside the network (100).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs (100).")] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without improvement before stopping; 0: never (5)."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Frames an update (256).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam (0.001).")] = None,
    cosine: Annotated[
        bool | None, typer.Option("--cosine/--constant", help="The learning rate falls to zero.")
    ] = None,
    average: Annotated[
        float | None, typer.Option(help="Decay of an average of the weights; 0: none (0).")
    ] = None,
    robust_radius: Annotated[
        float | None,
        typer.Option(
            help="Relative radius of the attack whose robust accuracy chooses the epoch; "
            "0: clean accuracy (0; 0.095 for adversarial and cat)."
        ),
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option(help="Turn frames by random phases, and conjugate half of them (no)."),
    ] = None,
    fast: Annotated[bool | None, typer.Option(help="bfloat16 matrix products (yes).")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of every random choice (0).")
    ] = None,
    r_max: Annotated[
        float | None,
        typer.Option(help="Largest relative budget.", rich_help_panel=_of("cat")),
    ] = None,
    growth: Annotated[
        float | None, typer.Option(help="Growth of a budget (eta).", rich_help_panel=_of("cat"))
    ] = None,
    rule: Annotated[
        Rule | None, typer.Option(help="When a budget grows.", rich_help_panel=_of("cat"))
    ] = None,
    smoothing_max: Annotated[
        float | None, typer.Option(help="Label smoothing at r_max.", rich_help_panel=_of("cat"))
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(help="Relative budget.", rich_help_panel=_of("adversarial")),
    ] = None,
    drawn: Annotated[
        bool | None,
        typer.Option(
            help="Draw each frame's budget from 0 … radius.", rich_help_panel=_of("adversarial")
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(help="Share of attacked frames.", rich_help_panel=_of("adversarial")),
    ] = None,
    attack_steps: Annotated[
        int | None, typer.Option(help="PGD steps.", rich_help_panel=_of("cat or adversarial"))
    ] = None,
    stop_at_success: Annotated[
        bool | None,
        typer.Option(
            help="Attack a frame only until it is misclassified.",
            rich_help_panel=_of("cat or adversarial"),
        ),
    ] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="Label smoothing.", rich_help_panel=_of("ls_gna"))
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(help="Relative amplitude of the noise.", rich_help_panel=_of("ls_gna")),
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the split of the data set.")] = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint of this output.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="One update and one validation; write nothing.")
    ] = False,
):
    """Train a network on the training part of a data set. Defaults are in parentheses.

    A checkpoint lies beside the output until the run is done: after an interruption the
    same command with --resume goes on where it was and ends at the same result.
    """
    if not dry_run:
        refuse_overwriting(output)
    checkpoint = output.with_suffix(".checkpoint")
    plan = _plan(
        systems.load(system) if system else None,
        {
            "method": method and method.value,
            "snr_db": parse_floats(snr),
            "frames_per_key": frames_per_key,
            "start_from": start_from,
            "architecture": architecture,
            "input_gain": input_gain,
            "split_seed": split_seed,
        },
        {
            "epochs": epochs,
            "patience": patience,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "cosine": cosine,
            "average": average,
            "robust_radius": robust_radius,
            "augment": augment,
            "fast": fast,
            "seed": seed,
        },
        {
            "r_max": r_max,
            "growth": growth,
            "rule": rule and rule.value,
            "smoothing_max": smoothing_max,
            "radius": radius,
            "drawn": drawn,
            "share": share,
            "steps": attack_steps,
            "stop_at_success": stop_at_success,
            "smoothing": smoothing,
            "noise": noise,
        },
    )
    if checkpoint.exists() and not (resume or dry_run):
        raise UserError(f"{checkpoint} is there: add --resume to go on, or delete it")
    err.print(f"reading {dataset}", highlight=False)
    whole = data.read(dataset)
    with progress() as bar:
        trained = run(
            plan,
            whole,
            dataset,
            device=device,
            told=lambda text: err.print(text, highlight=False),
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


def _plan(system, own, settings, recipe):
    """The Plan of a system (None: the defaults), changed by the options that were given."""
    own, settings, recipe = (
        {name: value for name, value in given.items() if value is not None}
        for given in (own, settings, recipe)
    )
    if system is not None and system.plan is None:
        raise UserError(
            f"{system.name} uses the network of {system.network}: train that, and fit its rejector"
        )
    base = system.plan if system else Plan()
    if base.start_from and "start_from" not in own:
        raise UserError(
            f"the network of {system.name} starts from that of {base.start_from}: train it first "
            f"(--system {base.start_from}), then give its file as --start-from"
        )
    method = own.get("method", base.method)
    if system is None and method in ("adversarial", "cat"):
        settings = {"robust_radius": ROBUST_RADIUS} | settings
    if method != base.method:
        base = replace(base, method=method, recipe=None)
    kind = METHODS[method]
    strange = set(recipe) - {field.name for field in fields(kind)} if kind else set(recipe)
    if strange:
        named = ", ".join(sorted(name.replace("_", "-") for name in strange))
        raise UserError(f"--method {method} has no option for: {named}")
    if recipe:
        own["recipe"] = replace(base.recipe or kind(), **recipe)
    return replace(base, settings=replace(base.settings, **settings), **own)


class Reporter:
    """Shows an epoch's progress, and one line for each epoch that is done."""

    def __init__(self, bar):
        self.bar = bar
        self.task = bar.add_task("epoch 0", total=None, note="")
        self.started = time.monotonic()

    def __call__(self, epoch, done, frames, loss):
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
