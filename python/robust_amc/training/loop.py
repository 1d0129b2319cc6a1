"""The one training loop. What differs between trainings is how a batch is made."""

from copy import deepcopy
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..attacks.pgd import BATCH as MICRO_BATCH
from ..errors import UserError
from . import checkpoint as checkpoints
from .validate import accuracy, robust_accuracy


@dataclass(frozen=True)
class TrainSettings:
    """How to train; written into the model's metadata.

    Attributes:
        epochs: most epochs
        patience: epochs without a better validation figure before stopping (0: never)
        batch_size: frames an update
        learning_rate: of Adam, at the start
        cosine: let the learning rate fall to zero over `epochs` (half a cosine)
        average: decay of an exponential average of the weights an update (0: none);
            what is validated and kept is then the average
        robust_radius: relative radius r of the PGD attack whose robust accuracy chooses
            the epoch (0: clean accuracy does). 0.095 is PNR -10 dB at 10 dB SNR
        robust_snr_db: lowest SNR label of the frames in that choice
        validation_frames: most frames in that choice
        fast: bfloat16 in the matrix products
        seed: of the weights, batches, dropout and label smoothing
    """

    epochs: int = 100
    patience: int = 5
    batch_size: int = 256
    learning_rate: float = 1e-3
    cosine: bool = False
    average: float = 0.0
    robust_radius: float = 0.0
    robust_snr_db: float = 0.0
    validation_frames: int = 2000
    fast: bool = True
    seed: int = 0

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or not 0 < self.learning_rate < float("inf"):
            raise UserError("epochs, batch size and learning rate must be positive")
        if self.patience < 0 or not 0 <= self.robust_radius < float("inf"):
            raise UserError("patience and the robust radius cannot be negative")
        if not 0 <= self.average < 1:
            raise UserError(f"the decay of the average must lie in 0 … 1, not {self.average}")


@dataclass
class History:
    """What happened: one entry an epoch (loss, validation figure), and the best epoch."""

    epochs: list = field(default_factory=list)
    best_epoch: int = -1
    best_score: float = -1.0

    def add(self, entry):
        """Append an epoch; True if its validation score is the best so far."""
        self.epochs.append(entry)
        better = entry["validation"] > self.best_score
        if better:
            self.best_epoch, self.best_score = entry["epoch"], entry["validation"]
        return better


def train(
    network,
    recipe,
    train_set,
    validation_set,
    settings,
    *,
    checkpoint=None,
    resume=False,
    identity=None,
    report=None,
    dry_run=False,
):
    """Train `network` in place; returns (the best network in eval mode, History).

    Args:
        network: see robust_amc.models
        recipe: makes the batches: Standard or CustomizedAdversarial
        train_set: FrameDataset
        validation_set: FrameDataset that chooses the epoch
        settings: TrainSettings
        checkpoint: path of a file written after each epoch (None: none)
        resume: go on from `checkpoint` if it is there
        identity: what must be the same when resuming (JSON-like)
        report: called with (epoch, frames done, frames in all, loss) after each batch,
            and with the epoch's entry in `loss` when the epoch is done
        dry_run: one update and one validation, nothing written

    Every epoch draws its random numbers from (seed, epoch), so a run that was stopped
    and resumed ends at the same weights as one that was not.
    """
    report = report or (lambda epoch, done, frames, loss: None)
    device = next(network.parameters()).device
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    averaged = None
    if settings.average:
        averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    robust_set = _robust_set(validation_set, settings)
    best = deepcopy(network.state_dict())
    history = History()
    first = 0
    if resume and checkpoint and checkpoint.exists():
        state = checkpoints.load(checkpoint, identity)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        recipe.load_state_dict(state["recipe"])
        if averaged is not None:
            averaged.load_state_dict(state["average"])
        best, history, first = state["best"], History(**state["history"]), state["epoch"] + 1

    def fast_math():
        return torch.autocast(device.type, torch.bfloat16, enabled=settings.fast)

    for epoch in range(first, settings.epochs):
        if _exhausted(history, epoch, settings):
            break
        torch.manual_seed(_seed(settings.seed, epoch))
        generator = torch.Generator().manual_seed(_seed(settings.seed, epoch))
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(settings, epoch)
        losses = []
        order = torch.randperm(len(train_set), generator=generator)
        for done, rows in enumerate(order.split(settings.batch_size), 1):
            iq, label = _batch(train_set, rows, device)
            with fast_math():
                inputs, target = recipe.batch(
                    network, iq, label, rows, len(train_set.classes), generator
                )
            losses.append(_update(network, optimizer, inputs, target, fast_math))
            if averaged is not None:
                averaged.update_parameters(network)
            report(epoch, min(done * settings.batch_size, len(order)), len(order), losses[-1])
            if dry_run:
                break
        chosen = network if averaged is None else averaged.module
        with fast_math():
            entry = {"epoch": epoch, "loss": float(np.mean(losses))} | _validate(
                chosen, validation_set, robust_set, settings
            )
        if history.add(entry):
            best = deepcopy(chosen.state_dict())
        report(epoch, len(order), len(order), entry)
        if dry_run:
            break
        if checkpoint:
            checkpoints.save(
                checkpoint,
                {
                    "identity": identity,
                    "epoch": epoch,
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "recipe": recipe.state_dict(),
                    "average": averaged.state_dict() if averaged is not None else None,
                    "best": best,
                    "history": asdict(history),
                },
            )
    network.load_state_dict(best)
    return network.eval(), history


def _update(network, optimizer, inputs, target, fast_math):
    """One step of the optimizer; the batch goes through in parts that fit the cache."""
    network.train()
    optimizer.zero_grad()
    total = 0.0
    for part, part_target in zip(inputs.split(MICRO_BATCH), target.split(MICRO_BATCH), strict=True):
        with fast_math():
            logits = network(part)
        loss = F.cross_entropy(logits.float(), part_target, reduction="sum") / len(inputs)
        loss.backward()
        total += loss.item()
    optimizer.step()
    if not np.isfinite(total):
        raise UserError("the training loss is no longer finite: lower the learning rate")
    return total


def _robust_set(dataset, settings):
    """The validation frames that choose the epoch by robust accuracy; None for clean accuracy."""
    if not settings.robust_radius:
        return None
    high = dataset.subset(dataset.snr_db >= settings.robust_snr_db)
    if not len(high):
        raise UserError(
            f"no validation frame at {settings.robust_snr_db:g} dB or more to choose an epoch"
        )
    return high.limit(settings.validation_frames, 0)


def _validate(network, dataset, robust_set, settings):
    network.eval()
    entry = {"accuracy": accuracy(network, dataset.limit(settings.validation_frames, 0))}
    entry["validation"] = entry["accuracy"]
    if robust_set is not None:
        entry["high_snr_accuracy"] = accuracy(network, robust_set)
        entry["robust_accuracy"] = robust_accuracy(network, robust_set, settings.robust_radius)
        entry["validation"] = entry["robust_accuracy"]
    return entry


def _batch(dataset, rows, device):
    rows = rows.numpy()
    iq = torch.as_tensor(dataset.iq[rows].astype(np.float32), device=device)
    return iq, torch.as_tensor(dataset.label[rows], dtype=torch.long, device=device)


def _learning_rate(settings, epoch):
    if not settings.cosine:
        return settings.learning_rate
    return settings.learning_rate * 0.5 * (1 + np.cos(np.pi * epoch / settings.epochs))


def _exhausted(history, epoch, settings):
    return settings.patience and epoch - 1 - history.best_epoch >= settings.patience


def _seed(seed, epoch):
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
