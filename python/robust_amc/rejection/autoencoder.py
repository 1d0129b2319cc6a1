"""An autoencoder whose reconstruction error flags frames: the run-time half of two-fold defense.

Zhang et al., IEEE WCL 2022, compare with "[8]", adversarial training and an autoencoder,
most probably Sahay, Love, Brinton, CISS 2021. Its architecture is not published; ours is
convolutional, since a dense one explains only half of a frame's energy.
"""

import torch
from torch import nn

from ..errors import UserError

CHANNELS = (32, 64, 64)  # each layer halves the length
KERNEL = 7


class AutoencoderDetector(nn.Module):
    """Rejects frames that it cannot reconstruct; the network's class stands for the others.

    The error of a frame is ‖u - AE(u)‖² with u = x/‖x‖, so it does not depend on the level.
    It counts relative to `level` ``[classes]``, the usual error of frames of the class that
    the network decides: noise, which is what RML2016's AM-SSB is, cannot be reconstructed,
    and one threshold for all would reject nothing but that class.
    Scores are the logits, shifted so that the largest is minus the relative error: it says
    what is decided, and a threshold S0 = -τ rejects errors above τ.
    """

    kind = "autoencoder"

    def __init__(self, classes, frame_length=128, code=64):
        super().__init__()
        self.register_buffer("level", torch.ones(classes))
        if frame_length % 2 ** len(CHANNELS):
            raise UserError(
                f"the autoencoder needs frames whose length is a multiple of {2 ** len(CHANNELS)}"
            )
        self.frame_length, self.code = frame_length, code
        steps = list(zip((2, *CHANNELS), CHANNELS))
        same = {"stride": 2, "padding": KERNEL // 2}
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
            nn.Flatten(), nn.Linear(size, code), nn.Linear(code, size), nn.Unflatten(1, shape)
        )
        up = [
            nn.ConvTranspose1d(wide, narrow, KERNEL, output_padding=1, **same)
            for narrow, wide in reversed(steps)
        ]
        self.decoder = nn.Sequential(*(layer for each in up for layer in (nn.GELU(), each)))

    def error(self, iq):
        """Relative reconstruction error of frames ``[n, 2, length]``, ``[n]``; differentiable."""
        norm = torch.linalg.vector_norm(iq.flatten(1).float(), dim=1).clamp(min=1e-30)
        unit = iq.float() / norm[:, None, None] * self.frame_length**0.5
        guess = self.decoder(self.bottleneck(self.encoder(unit))).float()
        return ((guess - unit) ** 2).sum((1, 2)) / self.frame_length

    def forward(self, iq, features, logits):
        """Scores of a batch, see the class."""
        best, decided = logits.max(1)
        return logits - (best + self.error(iq) / self.level[decided])[:, None]

    @torch.no_grad()
    def errors(self, iq, batch_size=1024):
        """Errors of an array of frames ``[n, 2, length]``, float32 ``[n]``."""
        return torch.cat([self.error(part) for part in torch.as_tensor(iq).split(batch_size)])

    def halved(self):
        """A copy whose weights went through half precision."""
        copy = AutoencoderDetector(len(self.level), self.frame_length, self.code)
        copy.load_state_dict({name: value.half() for name, value in self.state_dict().items()})
        return copy.eval().requires_grad_(False)

    def facts(self):
        """What a model file says of the autoencoder beside its tensors."""
        return {"kind": self.kind, "frame_length": self.frame_length, "code": self.code}

    def tensors(self):
        """What a model file holds."""
        return {name: value.half().contiguous() for name, value in self.state_dict().items()}

    @classmethod
    def load(cls, tensors, facts, classes):
        """From a model file."""
        detector = cls(classes, facts["frame_length"], facts["code"])
        detector.load_state_dict(tensors)
        return detector.eval().requires_grad_(False)


def fit_autoencoder(iq, label, classes, settings):
    """Train an AutoencoderDetector on benign frames ``[n, 2, length]`` of `classes` classes.

    `settings` has code, epochs, batch_size, learning_rate and seed.
    """
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    detector = AutoencoderDetector(classes, iq.shape[2], settings.code)
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
