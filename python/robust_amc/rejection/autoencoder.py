"""An autoencoder whose reconstruction error flags frames: the run-time half of two-fold defense.

Zhang et al., IEEE WCL 2022, compare with "[8]", adversarial training and an autoencoder,
most probably Sahay, Love, Brinton, CISS 2021. Its architecture is not published; ours is
convolutional, since a dense one explains only half of a frame's energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from ..arrays import Floats, Integers
from ..data import FrameDataset
from ..errors import UserError
from ..fields import whole
from ..outputs import Outputs
from ..weights import fitted
from .base import CalibrationSettings, FeatureExtractor, Rejector, distance_to

CHANNELS = (32, 64, 64)  # each layer halves the length
KERNEL = 7
_LARGEST = 1 << 16  # of a frame, in samples, and of the bottleneck


class AutoencoderDetector(Rejector):
    """Rejects frames that it cannot reconstruct; the network's class stands for the others.

    The error of a frame is ‖u - AE(u)‖² with u = x/‖x‖, so it does not depend on the level.
    It counts relative to `level` ``[classes]``, the usual error of frames of the class that
    the network decides: noise, which is what RML2016's AM-SSB is, cannot be reconstructed,
    and one threshold for all would reject nothing but that class.
    Scores are the logits, shifted so that the largest is minus the relative error: it says
    what is decided, and a threshold S0 = -τ rejects errors above τ.
    """

    level: torch.Tensor

    kind = "autoencoder"
    detects = True

    def __init__(self, classes: int, frame_length: int = 128, latent_dim: int = 64) -> None:
        super().__init__()
        self.register_buffer("level", torch.ones(classes))
        if frame_length % 2 ** len(CHANNELS):
            raise UserError(
                f"the autoencoder needs frames whose length is a multiple of {2 ** len(CHANNELS)}"
            )
        self.frame_length, self.latent_dim = frame_length, latent_dim
        steps = list(zip((2, *CHANNELS), CHANNELS))
        same: dict[str, Any] = {"stride": 2, "padding": KERNEL // 2}
        self.encoder = nn.Sequential(
            *(
                layer
                for narrow, wide in steps
                for layer in (nn.Conv1d(narrow, wide, KERNEL, **same), nn.GELU())
            )
        )
        shape = (CHANNELS[-1], frame_length // 2 ** len(CHANNELS))
        size = shape[0] * shape[1]
        self.bottleneck = nn.Sequential(
            nn.Flatten(),
            nn.Linear(size, latent_dim),
            nn.Linear(latent_dim, size),
            nn.Unflatten(1, shape),
        )
        up = [
            nn.ConvTranspose1d(wide, narrow, KERNEL, output_padding=1, **same)
            for narrow, wide in reversed(steps)
        ]
        self.decoder = nn.Sequential(*(layer for each in up for layer in (nn.GELU(), each)))

    def error(self, iq: torch.Tensor) -> torch.Tensor:
        """Relative reconstruction error of frames ``[n, 2, length]``, ``[n]``; differentiable."""
        norm = torch.linalg.vector_norm(iq.flatten(1).float(), dim=1).clamp(min=1e-30)
        unit = iq.float() / norm[:, None, None] * self.frame_length**0.5
        guess = self.decoder(self.bottleneck(self.encoder(unit))).float()
        return ((guess - unit) ** 2).sum((1, 2)) / self.frame_length

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch, see the class."""
        best, decided = logits.max(1)
        return logits - (best + self.error(iq) / self.level[decided])[:, None]

    def targeted_margin(
        self, outputs: Outputs, label: torch.Tensor, target: torch.Tensor, threshold: float
    ) -> torch.Tensor:
        """As the others' that detect, but with the error relative to the target's level.

        The scores count the error relative to the level of the class that is decided now; once
        the target is decided, its own level is what counts.
        """
        relative = -outputs.scores.max(1)[0] * self.level[outputs.logits.argmax(1)]
        excess = relative / self.level[target] + threshold
        return distance_to(outputs.logits, target) + excess.clamp(min=0)

    @torch.no_grad()
    def errors(self, iq: Floats | torch.Tensor, batch_size: int = 1024) -> torch.Tensor:
        """Errors of an array of frames ``[n, 2, length]``, float32 ``[n]``."""
        return torch.cat([self.error(part) for part in torch.as_tensor(iq).split(batch_size)])

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return len(self.level)

    def facts(self) -> dict[str, Any]:
        """What a model file says of the autoencoder beside its tensors."""
        sizes = {"frame_length": self.frame_length, "latent_dim": self.latent_dim}
        return {"kind": self.kind} | sizes

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file."""
        latent_dim = facts["latent_dim" if "latent_dim" in facts else "code"]  # its name until 1.0
        for name, value in (("latent_dim", latent_dim), ("frame_length", facts["frame_length"])):
            whole(1, _LARGEST)(value, name)
        make = partial(cls, classes, facts["frame_length"], latent_dim)
        return fitted(make, tensors, "the autoencoder")


def fit_autoencoder(
    iq: Floats, label: Integers, classes: int, settings: AutoencoderSettings
) -> AutoencoderDetector:
    """Train an AutoencoderDetector on benign frames ``[n, 2, length]`` of `classes` classes.

    `settings` has latent_dim, epochs, batch_size, learning_rate and seed.
    """
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    detector = AutoencoderDetector(classes, iq.shape[2], settings.latent_dim)
    optimizer = torch.optim.Adam(detector.parameters(), settings.learning_rate, fused=True)
    frames = torch.as_tensor(iq, dtype=torch.float32)
    updates = settings.epochs * -(-len(frames) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for _ in range(settings.epochs):
        for rows in torch.randperm(len(frames), generator=generator).split(settings.batch_size):
            loss = detector.error(frames[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    detector.eval().requires_grad_(False)
    error = detector.errors(frames)
    for number in range(classes):
        detector.level[number] = error[torch.as_tensor(label) == number].median()
    return detector


@dataclass(frozen=True)
class AutoencoderSettings(CalibrationSettings):
    """How the autoencoder is made; written into the model's metadata.

    Attributes:
        latent_dim: width of the bottleneck
        epochs: of its training
        batch_size: frames an update
        learning_rate: of Adam, falling to zero
    """

    frames_per_class: int = 4000
    latent_dim: int = 32
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not min(self.latent_dim, self.epochs, self.batch_size, self.learning_rate) > 0:
            raise UserError("latent_dim, epochs, batch size and learning rate must be positive")
        if self.latent_dim > _LARGEST:
            raise UserError(f"latent_dim must be at most {_LARGEST}, not {self.latent_dim}")

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """The autoencoder on a FrameDataset's frames, as it will be saved, and facts about it."""
        iq = train.iq.astype(np.float32)
        rejector = fit_autoencoder(iq, train.label, len(train.classes), self).halved()
        return rejector, {"train_error": float(rejector.errors(iq).mean())}


AutoencoderDetector.Settings = AutoencoderSettings
