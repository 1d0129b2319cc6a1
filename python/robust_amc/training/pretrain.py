"""Pre-training of a network's feature layers as the encoder of an autoencoder.

What the paper calls [9]: an autoencoder whose encoder has the architecture of the
classifier is trained first, then its weights go to the classifier, which is fine-tuned.
Zhang et al., IEEE WCL 2022 (arXiv 2407.06807), Section I. The decoder and the settings are
not published; these are ours.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .. import frames
from ..arrays import Floats
from ..data import FrameDataset
from ..errors import UserError
from ..fields import whole
from ..files import Document
from ..models.network import Network
from ..runtime.runtime import Runtime
from . import checkpoint as checkpoints
from .loop import EpochReport

HIDDEN = 512  # width of the decoder


@dataclass(frozen=True)
class PretrainSettings:
    """How the autoencoder is trained; written into the model's metadata.

    Attributes:
        epochs: all of them are done
        batch_size: frames an update
        learning_rate: of Adam at the start, falling to zero (half a cosine)
    """

    epochs: int = 5
    batch_size: int = 256
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if not (self.epochs > 0 and self.batch_size > 0 and 0 < self.learning_rate < np.inf):
            raise UserError("epochs, batch size and learning rate of pre-training must be positive")


class Autoencoder(nn.Module):
    """The feature layers of a network and a dense decoder of its features."""

    def __init__(self, network: Network, frame_length: int) -> None:
        super().__init__()
        self.network = network
        self.decoder = nn.Sequential(
            nn.Linear(network.feature_count, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 2 * frame_length),
            nn.Unflatten(1, (2, frame_length)),
        )

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Guess of u·√length for frames ``[n, 2, length]``, with u = x/‖x‖."""
        return self.decoder(self.network.features(iq)).float()


def pretrain(
    network: Network,
    train_set: FrameDataset,
    settings: PretrainSettings,
    runtime: Runtime,
    *,
    seed: int,
    checkpoint: Path | None = None,
    resume: bool = False,
    identity: Document | None = None,
    report: EpochReport | None = None,
    dry_run: bool = False,
) -> None:
    """Train the feature layers of `network` in place to reconstruct frames.

    Minimizes ‖u - û‖², where u = x/‖x‖ and û is the reconstruction: 1 is what zeros would
    get. Without dropout, which would keep the reconstruction poor. The first process does
    all of it.

    Args:
        network: see robust_amc.models; is on the runtime's device afterwards
        train_set: FrameDataset
        settings: PretrainSettings
        runtime: Runtime that says where, and how precisely
        seed: of the decoder and the batches
        checkpoint: of the training that follows (None: none); this one has its own beside it
        resume: go on from what is there; nothing to do where the training has begun
        identity: of the training, see :func:`loop.train`
        report: called after each epoch, see there
        dry_run: one update alone, see there

    Raises UserError when the error is no longer a number.
    """
    network.to(runtime.device)
    if resume and checkpoint and checkpoint.exists():
        return
    run = _Run(network, train_set.frame_length, settings, runtime, seed)
    own = checkpoint and own_checkpoint(checkpoint)

    def all_epochs() -> dict[str, torch.Tensor]:
        if resume and own and own.exists():
            run.load(own, identity)
        for epoch in range(run.epoch, settings.epochs):
            run.update_all(epoch, train_set.iq, report or (lambda *facts: None), dry_run)
            if dry_run:
                break
            if own:
                run.save(own, identity)
        return {name: value.cpu() for name, value in network.state_dict().items()}

    network.load_state_dict(runtime.from_first(all_epochs))


def own_checkpoint(checkpoint: Path) -> Path:
    """Where pre-training keeps its state; to be deleted when the training is done."""
    return checkpoint.with_suffix(".pretraining")


class _Run:
    """What changes during pre-training."""

    def __init__(
        self,
        network: Network,
        frame_length: int,
        settings: PretrainSettings,
        runtime: Runtime,
        seed: int,
    ) -> None:
        self.settings, self.runtime, self.seed, self.epoch = settings, runtime, seed, 0
        torch.manual_seed(seed)
        self.model = Autoencoder(network, frame_length).to(runtime.device).eval()  # no dropout
        rate = settings.learning_rate
        self.optimizer = torch.optim.Adam(self.model.parameters(), rate, fused=True)

    def update_all(self, epoch: int, iq: Floats, report: EpochReport, first_only: bool) -> None:
        """All updates of an epoch, or the first one only."""
        settings = self.settings
        seed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
        order = torch.randperm(len(iq), generator=torch.Generator().manual_seed(seed))
        for group in self.optimizer.param_groups:
            fall = 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
            group["lr"] = settings.learning_rate * fall
        done, total = 0, 0.0
        for rows in order.split(settings.batch_size):
            error = self.update(iq, rows)
            done, total = done + len(rows), total + error
            report(epoch, done, len(iq), error / len(rows))
            if first_only:
                break
        report(epoch, len(iq), len(iq), {"epoch": epoch, "pretraining_error": total / done})
        self.epoch = epoch + 1

    def update(self, iq: Floats, rows: torch.Tensor) -> float:
        """One step of the optimizer; returns the sum of the frames' errors."""
        self.optimizer.zero_grad()
        total = 0.0
        for part in rows.split(self.runtime.batch_size):
            clean = torch.as_tensor(iq[part.numpy()].astype(np.float32), device=self.runtime.device)
            with self.runtime.fast_math():
                guess = self.model(clean)
            unit = clean / frames.flat_norm(clean).clamp(min=1e-30)
            error = (guess / clean.shape[2] ** 0.5 - unit).square().sum()
            (error / len(rows)).backward()
            total += error.item()
        self.optimizer.step()
        if not np.isfinite(total):
            raise UserError("the error of pre-training is no longer finite: lower its rate")
        return total

    def save(self, path: Path, identity: Document | None) -> None:
        """Write a checkpoint."""
        optimizer = checkpoints.of_optimizer(self.optimizer)
        tensors = checkpoints.prefixed(model=self.model.state_dict(), optimizer=optimizer)
        checkpoints.save(path, tensors, {"identity": identity, "epoch": self.epoch})

    def load(self, path: Path, identity: Document | None) -> None:
        """Go on where a checkpoint was written."""
        optimizer = checkpoints.like_optimizer(self.optimizer)
        like = checkpoints.prefixed(model=self.model.state_dict(), optimizer=optimizer)
        tensors, facts = checkpoints.load(path, like, identity, {"epoch": whole(0)})
        self.epoch = facts["epoch"]
        self.model.load_state_dict(checkpoints.group(tensors, "model"))
        checkpoints.load_optimizer(self.optimizer, checkpoints.group(tensors, "optimizer"))
