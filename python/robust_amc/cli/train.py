"""`htrd train`: from a data set to a network."""

import time
from copy import deepcopy
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import torch
import typer

from .. import data, provenance
from ..classifier import Classifier
from ..data.summary import found_scaling
from ..device import pick_device
from ..errors import UserError
from ..models import build
from ..training import CATSettings, CustomizedAdversarial, Standard, TrainSettings
from ..training import train as run_training
from .console import err, progress
from .options import Dataset, Device, Seed, parse_floats, refuse_overwriting

DEFAULT = TrainSettings()
CAT = CATSettings()


class Method(str, Enum):
    """Trainings by name."""

    STANDARD = "standard"
    CAT = "cat"


def train(
    output: Annotated[Path, typer.Argument(help="The model file to write (.safetensors).")],
    dataset: Dataset,
    method: Annotated[Method, typer.Option(help="How to train.")] = Method.STANDARD,
    snr: Annotated[str | None, typer.Option(help="SNR labels in dB (default: all).")] = None,
    frames_per_key: Annotated[
        int | None, typer.Option(help="Most training frames a class and SNR label.")
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Start from the network of this model.")
    ] = None,
    architecture: Annotated[str, typer.Option(help="The network.")] = "vtcnn2",
    input_gain: Annotated[float, typer.Option(help="Gain inside the network.")] = 100.0,
    epochs: Annotated[int, typer.Option(help="Most epochs.")] = DEFAULT.epochs,
    patience: Annotated[
        int, typer.Option(help="Epochs without improvement before stopping; 0: never.")
    ] = DEFAULT.patience,
    batch_size: Annotated[int, typer.Option(help="Frames an update.")] = DEFAULT.batch_size,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = DEFAULT.learning_rate,
    cosine: Annotated[bool, typer.Option(help="Let the learning rate fall to zero.")] = False,
    average: Annotated[
        float, typer.Option(help="Decay of an average of the weights; 0: none.")
    ] = DEFAULT.average,
    robust_radius: Annotated[
        float | None,
        typer.Option(
            help="Relative radius of the attack whose robust accuracy chooses the epoch; "
            "0: clean accuracy [default: 0, for cat 0.095]"
        ),
    ] = None,
    r_max: Annotated[float, typer.Option(help="cat: largest relative budget.")] = CAT.r_max,
    growth: Annotated[float, typer.Option(help="cat: growth of a budget (eta).")] = CAT.growth,
    smoothing_max: Annotated[
        float, typer.Option(help="cat: label smoothing at r_max.")
    ] = CAT.smoothing_max,
    attack_steps: Annotated[int, typer.Option(help="cat: PGD steps.")] = CAT.steps,
    stop_at_success: Annotated[
        bool, typer.Option(help="cat: attack a frame only until it is misclassified.")
    ] = CAT.stop_at_success,
    fast: Annotated[bool, typer.Option(help="bfloat16 matrix products.")] = DEFAULT.fast,
    seed: Seed = 0,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the split of the data set.")] = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint of this output.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="One update and one validation; write nothing.")
    ] = False,
):
    """Train a network on the training part of a data set.

    A checkpoint lies beside the output until the run is done: after an interruption the
    same command with --resume goes on where it was and ends at the same result.
    """
    if not dry_run:
        refuse_overwriting(output)
    checkpoint = output.with_suffix(".checkpoint")
    if robust_radius is None:
        robust_radius = 0.095 if method is Method.CAT else 0.0
    settings = TrainSettings(
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        cosine=cosine,
        average=average,
        robust_radius=robust_radius,
        fast=fast,
        seed=seed,
    )
    cat = CATSettings(
        r_max=r_max,
        growth=growth,
        smoothing_max=smoothing_max,
        steps=attack_steps,
        stop_at_success=stop_at_success,
    )
    if checkpoint.exists() and not (resume or dry_run):
        raise UserError(f"{checkpoint} is there: add --resume to go on, or delete it")
    err.print(f"reading {dataset}", highlight=False)
    whole = data.read(dataset)
    scaling = found_scaling(whole)
    levels = parse_floats(snr)
    train_set, validation_set = (
        data.part(whole, name, split_seed).select(snr_db=levels) for name in ("train", "validation")
    )
    train_set = train_set.limit_per_key(frames_per_key, seed).in_memory()
    validation_set = validation_set.in_memory()
    torch.manual_seed(seed)
    network, described, origin = _network(
        whole, split_seed, architecture, input_gain, start_from
    )
    training = asdict(settings) | {
        "method": method.value,
        "start_from": origin,
        "frames_per_key": frames_per_key,
        "train_frames": len(train_set),
        "snr_db": levels,
    }
    recipe = Standard()
    if method is Method.CAT:
        recipe = CustomizedAdversarial(len(train_set), cat)
        training["cat"] = asdict(cat)
    metadata = {
        "architecture": described,
        "frame_length": whole.frame_length,
        "scaling": scaling.value,
        "defense": {"training": method.value, "run_time": "none"},
        "training": training,
        "dataset": provenance.record(whole, dataset, split_seed),
    }
    err.print(
        f"training {described['name']} ({method.value}) on {len(train_set)} frames, "
        f"choosing the epoch on {len(validation_set)}",
        highlight=False,
    )
    with progress() as bar:
        network, history = run_training(
            network.to(pick_device(device)),
            recipe,
            train_set,
            validation_set,
            settings,
            checkpoint=None if dry_run else checkpoint,
            resume=resume,
            identity=deepcopy(metadata),
            report=_Reporter(bar, len(train_set)),
            dry_run=dry_run,
        )
    if dry_run:
        err.print("dry run: one update and one validation went through; nothing written")
        return
    metadata["metrics"] = {"validation": history.epochs[history.best_epoch]}
    training |= {"history": history.epochs, "best_epoch": history.best_epoch}
    Classifier(network.cpu(), whole.classes, metadata=metadata).save(output)
    checkpoint.unlink(missing_ok=True)
    err.print(
        f"wrote {output}: epoch {history.best_epoch}, validation {history.best_score:.3f}",
        highlight=False,
    )


def _network(dataset, split_seed, architecture, input_gain, start_from):
    """The network to train, what the metadata says of it, and of the model it starts from."""
    if not start_from:
        network = build(
            architecture, len(dataset.classes), dataset.frame_length, input_gain=input_gain
        )
        return network, {"name": architecture, "input_gain": input_gain}, None
    model = Classifier.load(start_from, classes=dataset.classes, frame_length=dataset.frame_length)
    if provenance.split_seed_for(dataset, provenance.seen(model.metadata)) not in (
        None,
        split_seed,
    ):
        raise UserError(f"{start_from} was trained on another split of this data set")
    training = dict(model.metadata["training"])
    training.pop("history", None)
    origin = {"name": model.name, "training": training, "dataset": model.metadata["dataset"]}
    return model.network.requires_grad_(True), model.metadata["architecture"], origin


class _Reporter:
    """Shows an epoch's progress, and one line for each epoch that is done."""

    def __init__(self, bar, frames):
        self.bar = bar
        self.frames = frames
        self.task = bar.add_task("epoch 0", total=frames, note="")
        self.started = time.monotonic()

    def __call__(self, epoch, done, loss):
        if isinstance(loss, dict):
            figures = " ".join(
                f"{name} {value:.3f}" for name, value in loss.items() if name != "epoch"
            )
            seconds = time.monotonic() - self.started
            self.started = time.monotonic()
            err.print(f"epoch {epoch}: {figures} ({seconds:.0f} s)", highlight=False)
        else:
            self.bar.update(
                self.task, description=f"epoch {epoch}", completed=done, note=f"loss {loss:.3f}"
            )
