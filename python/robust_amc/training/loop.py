"""The one training loop. What differs between trainings is how a batch is made."""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..data import FrameDataset
from ..errors import UserError
from ..fields import whole
from ..files import Document
from ..models.network import Network
from ..runtime.runtime import Runtime
from . import checkpoint as checkpoints
from .augment import AugmentSettings, augment, impaired
from .method import Method
from .outliers import OutlierSettings, with_outliers
from .validate import accuracy, robust_accuracy

# Is told the epoch, the frames done and those in all, and the loss or the epoch's entry
EpochReport = Callable[[int, int, int, float | Document], None]


@dataclass(frozen=True)
class TrainSettings:
    """How to train; written into the model's metadata.

    Attributes:
        epochs: most epochs
        patience: epochs without a better validation figure before stopping (0: never)
        batch_size: frames an update
        learning_rate: of Adam, at the start
        cosine: let the learning rate fall to zero over `epochs` (half a cosine)
        ema_decay: decay of an exponential average of the weights an update (0: none);
            what is validated and kept is then the average
        robust_radius: relative radius r of the PGD attack whose robust accuracy chooses
            the epoch (0: clean accuracy does). 0.095 is PNR -10 dB at 10 dB SNR
        robust_snr_db: lowest SNR label of the frames in that choice
        validation_frames: most frames in that choice
        augment: see :func:`augment.augment`
        fast: bfloat16 in the matrix products
        seed: of the weights, batches, dropout and label smoothing
    """

    epochs: int = 100
    patience: int = 5
    batch_size: int = 256
    learning_rate: float = 1e-3
    cosine: bool = False
    ema_decay: float = 0.0
    robust_radius: float = 0.0
    robust_snr_db: float = 0.0
    validation_frames: int = 2000
    augment: bool = False
    fast: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or not 0 < self.learning_rate < float("inf"):
            raise UserError("epochs, batch size and learning rate must be positive")
        if self.patience < 0 or not 0 <= self.robust_radius < float("inf"):
            raise UserError("patience and the robust radius cannot be negative")
        if not 0 <= self.ema_decay < 1:
            raise UserError(
                "ema_decay, of the average of the weights, must be at least 0 and below 1, "
                f"not {self.ema_decay}"
            )


@dataclass
class History:
    """What happened: one entry an epoch (loss, validation figure), and the best epoch."""

    epochs: list[Document] = field(default_factory=list)
    best_epoch: int = -1
    best_score: float = -1.0

    def add(self, entry: Document) -> bool:
        """Append an epoch; True if its validation score is the best so far."""
        self.epochs.append(entry)
        better = entry["validation"] > self.best_score
        if better:
            self.best_epoch, self.best_score = entry["epoch"], entry["validation"]
        return better


def train(
    network: Network,
    recipe: Method,
    train_set: FrameDataset,
    validation_set: FrameDataset,
    settings: TrainSettings,
    *,
    runtime: Runtime | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    identity: Document | None = None,
    report: EpochReport | None = None,
    dry_run: bool = False,
    impairments: AugmentSettings | None = None,
    outliers: OutlierSettings | None = None,
) -> tuple[Network, History]:
    """Train `network` in place; returns (the best network in eval mode, History).

    Args:
        network: see robust_amc.models
        recipe: makes the batches, a Method
        train_set: FrameDataset
        validation_set: FrameDataset that chooses the epoch
        settings: TrainSettings
        runtime: Runtime (None: on the network's device, in the precision of `settings`)
        checkpoint: path of a file written after each epoch (None: none)
        resume: go on from `checkpoint` if it is there
        identity: what must be the same when resuming (JSON-like)
        report: called with (epoch, frames done, frames in all, loss) after each batch,
            and with the epoch's entry in `loss` when the epoch is done
        dry_run: one update and one validation, nothing written
        impairments: of the training frames (None: none), see :func:`augment.impaired`
        outliers: beside the training frames (None: none), see :mod:`outliers`

    Every epoch draws its random numbers from (seed, epoch), so a run that was stopped
    and resumed ends at the same weights as one that was not. Several processes see the
    same batches as one, each its share of every batch; only their dropout and what else
    the recipe draws differ. (An epoch's rest of fewer frames than processes is left out.)
    """
    runtime = runtime or Runtime(next(network.parameters()).device, settings.fast)
    if settings.batch_size < runtime.world:
        raise UserError(f"the batch size must be {runtime.world} or more: one frame a process")
    report = report or (lambda epoch, done, frames, loss: None)
    run = _Run(
        runtime,
        network,
        recipe,
        settings,
        impairments or AugmentSettings(),
        outliers or OutlierSettings(),
    )
    if resume and checkpoint:
        run.load(checkpoint, identity)
    robust_set = _robust_set(validation_set, settings)
    for epoch in range(run.epoch, settings.epochs):
        if _exhausted(run.history, epoch, settings):
            break
        loss = run.update_all(epoch, train_set, report, first_only=dry_run)
        entry = {"epoch": epoch, "loss": loss} | _validate(
            runtime, run.chosen, validation_set, robust_set, settings
        )
        run.finish(entry)
        report(epoch, len(train_set), len(train_set), entry)
        if dry_run:
            break
        if checkpoint:
            run.save(checkpoint, identity)
    network.load_state_dict(run.best)
    return network.eval(), run.history


class _Run:
    """What changes while a network is trained: all that a checkpoint has to hold."""

    def __init__(
        self,
        runtime: Runtime,
        network: Network,
        recipe: Method,
        settings: TrainSettings,
        impairments: AugmentSettings,
        outliers: OutlierSettings,
    ) -> None:
        self.runtime, self.recipe, self.settings = runtime, recipe, settings
        self.impairments, self.outliers = impairments, outliers
        self.network = network.to(runtime.device)
        self.adam = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
        self.average = None
        if settings.ema_decay:
            ema = get_ema_multi_avg_fn(settings.ema_decay)
            self.average = AveragedModel(network, multi_avg_fn=ema)
        self.model, self.optimizer = runtime.setup(network, self.adam)
        self.best = deepcopy(network.state_dict())
        self.history = History()
        self.epoch = 0  # the next one

    @property
    def chosen(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.network if self.average is None else self.average.module

    def update_all(
        self, epoch: int, train_set: FrameDataset, report: EpochReport, first_only: bool = False
    ) -> float:
        """All updates of an epoch, or the first one only; returns the mean loss."""
        runtime, size = self.runtime, self.settings.batch_size
        generator = torch.Generator().manual_seed(_seed(self.settings.seed, epoch))
        order = torch.randperm(len(train_set), generator=generator)
        own_seed = _seed(self.settings.seed, epoch, runtime.rank)
        torch.manual_seed(own_seed)
        if not runtime.is_first:  # the first one goes on with the generator of the order
            generator.manual_seed(own_seed)
        for group in self.adam.param_groups:
            group["lr"] = _learning_rate(self.settings, epoch)
        losses = []
        for done, batch in enumerate(order.split(size), 1):
            if len(batch) < runtime.world:
                break  # a last one in which not every process has a share
            rows = batch[runtime.mine]
            iq, label = _batch(train_set, rows, runtime.device)
            if self.settings.augment:
                iq = augment(iq, generator)
            if self.impairments.share:
                iq = impaired(iq, self.impairments, generator)
            with runtime.fast_math():
                inputs, target = self.recipe.batch(
                    self.network, iq, label, rows, len(train_set.classes), generator
                )
            inputs, target = with_outliers(inputs, target, iq, self.outliers, generator)
            losses.append(self.update(inputs, target, len(batch)))
            report(epoch, min(done * size, len(order)), len(order), losses[-1])
            if first_only:
                return losses[0]
        self._merge(torch.cat([rows[runtime.mine] for rows in order.split(size)]))
        return float(np.mean(losses))

    def update(self, inputs: torch.Tensor, target: torch.Tensor, count: int) -> float:
        """One step of the optimizer; the batch goes through in parts that fit the cache.

        `count` is the size of the whole batch, over all processes.
        """
        self.network.train()
        self.optimizer.zero_grad()
        parts = [part.split(self.runtime.batch_size) for part in (inputs, target)]
        total = 0.0
        for number, (part, part_target) in enumerate(zip(*parts, strict=True), 1):
            with self.runtime.accumulating(self.model, number < len(parts[0])):
                logits = self.model(part)
                loss = F.cross_entropy(logits.float(), part_target, reduction="sum") / count
                self.runtime.backward(loss)
            total += loss.item()
        self.optimizer.step()
        total = self.runtime.sum(total)
        if not np.isfinite(total):
            raise UserError("the training loss is no longer finite: lower the learning rate")
        if self.average is not None:
            self.average.update_parameters(self.network)
        return total

    def finish(self, entry: Document) -> None:
        """Note an epoch's figures, and the weights if they are the best so far."""
        if self.history.add(entry):
            self.best = deepcopy(self.chosen.state_dict())
        self.epoch = entry["epoch"] + 1

    def save(self, path: Path, identity: Document | None) -> None:
        """Write a checkpoint; in the first process only."""
        tensors = self._tensors(checkpoints.of_optimizer(self.adam))
        facts = {
            "identity": identity,
            "epoch": self.epoch - 1,
            "history": asdict(self.history),
        }
        self.runtime.from_first(lambda: checkpoints.save(path, tensors, facts))

    def load(self, path: Path, identity: Document | None) -> None:
        """Go on from a checkpoint, if it is there; only the first process reads it."""
        like = self._tensors(checkpoints.like_optimizer(self.adam))
        form = {"epoch": whole(0), "history": checkpoints.HISTORY}
        found = self.runtime.from_first(
            lambda: checkpoints.load(path, like, identity, form) if path.exists() else None
        )
        if found is None:
            return
        tensors, facts = found
        self.network.load_state_dict(checkpoints.group(tensors, "network"))
        checkpoints.load_optimizer(self.adam, checkpoints.group(tensors, "optimizer"))
        self.recipe.load_state_dict(checkpoints.group(tensors, "recipe"))
        if self.average is not None:
            self.average.load_state_dict(checkpoints.group(tensors, "average"))
        self.best, self.history = checkpoints.group(tensors, "best"), History(**facts["history"])
        self.epoch = facts["epoch"] + 1

    def _tensors(self, optimizer: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """All tensors of a checkpoint, with those of the optimizer."""
        return checkpoints.prefixed(
            network=self.network.state_dict(),
            optimizer=optimizer,
            recipe=self.recipe.state_dict(),
            average={} if self.average is None else self.average.state_dict(),
            best=self.best,
        )

    def _merge(self, mine: torch.Tensor) -> None:
        """Bring what the recipe keeps together: each process has changed its own rows only."""
        if self.runtime.world == 1:
            return
        merged = {}
        for name, value in self.recipe.state_dict().items():
            own = torch.zeros_like(value)
            own[mine] = value[mine]
            merged[name] = self.runtime.sum(own)
        self.recipe.load_state_dict(merged)


def _robust_set(dataset: FrameDataset, settings: TrainSettings) -> FrameDataset | None:
    """The validation frames that choose the epoch by robust accuracy; None for clean accuracy."""
    if not settings.robust_radius:
        return None
    high = dataset.subset(dataset.snr_db >= settings.robust_snr_db)
    if not len(high):
        raise UserError(
            f"no validation frame at {settings.robust_snr_db:g} dB or more to choose an epoch"
        )
    return high.limit(settings.validation_frames, 0)


def _validate(
    runtime: Runtime,
    network: nn.Module,
    dataset: FrameDataset,
    robust_set: FrameDataset | None,
    settings: TrainSettings,
) -> Document:
    network.eval()
    entry = {"accuracy": accuracy(runtime, network, dataset.limit(settings.validation_frames, 0))}
    entry["validation"] = entry["accuracy"]
    if robust_set is not None:
        entry["high_snr_accuracy"] = accuracy(runtime, network, robust_set)
        entry["robust_accuracy"] = robust_accuracy(
            runtime, network, robust_set, settings.robust_radius
        )
        entry["validation"] = entry["robust_accuracy"]
    return entry


def _batch(
    dataset: FrameDataset, rows: torch.Tensor, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    index = rows.numpy()
    iq = torch.as_tensor(dataset.iq[index].astype(np.float32), device=device)
    return iq, torch.as_tensor(dataset.label[index], dtype=torch.long, device=device)


def _learning_rate(settings: TrainSettings, epoch: int) -> float:
    if not settings.cosine:
        return settings.learning_rate
    # a plain float: a checkpoint must hold nothing of NumPy
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))


def _exhausted(history: History, epoch: int, settings: TrainSettings) -> bool:
    return 0 < settings.patience <= epoch - 1 - history.best_epoch


def _seed(seed: int, epoch: int, rank: int = 0) -> int:
    # The first process draws as the only one would.
    parts = [seed, epoch, rank] if rank else [seed, epoch]
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
