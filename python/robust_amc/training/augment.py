"""What may be done to a frame without changing its modulation: new frames from known ones."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from .. import frames, impairments
from ..errors import UserError
from ..impairments import ImpairmentSettings, effects


@dataclass(frozen=True)
class AugmentSettings(ImpairmentSettings):
    """Impairments that training frames get, anew in each epoch; table ``[augment]`` of a system.

    Attributes:
        share: of the frames that each impairment is put on, 0 … 1; 0: none are
        samples_per_symbol: of the frames
        residual_carrier: range of what is left of the carrier, in symbol rates
        residual_rate: range of the relative error of the symbol rate
        neighbor_db: range of the power of a neighbor, relative to the frame's, in dB
        neighbor_distance: range of its distance to either side, in symbol rates
    """

    share: float = 0.0
    samples_per_symbol: float = 8.0
    residual_carrier: list[float] = field(default_factory=lambda: [-0.02, 0.02])
    residual_rate: list[float] = field(default_factory=lambda: [-0.001, 0.001])
    neighbor_db: list[float] = field(default_factory=lambda: [-40.0, -20.0])
    neighbor_distance: list[float] = field(default_factory=lambda: [0.8, 2.0])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share <= 1:
            raise UserError(f"share, of impaired frames, must be 0 … 1, not {self.share}")
        if not 1 <= self.samples_per_symbol < math.inf:
            raise UserError(f"samples_per_symbol must be at least 1, not {self.samples_per_symbol}")
        if max(map(abs, self.residual_rate)) > 0.5 or max(map(abs, self.neighbor_db)) > 200:
            raise UserError("residual_rate must lie in -0.5 … 0.5, neighbor_db in -200 … 200 dB")


def impaired(
    iq: torch.Tensor, settings: AugmentSettings, generator: torch.Generator
) -> torch.Tensor:
    """Frames ``[n, 2, length]`` as another channel, receiver and front end would have left them.

    In this order: a neighbor (another frame of the batch, moved in frequency), echoes, errors of
    carrier and rate, phase noise, the mixer, the converter. The receiver is tuned to the signal:
    its offset and the image lie in the middle. The sum of a frame's magnitudes stays what it was.
    Differentiable; drawn by NumPy, from one number of `generator`.
    """
    rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
    count, _, length = iq.shape
    drawn = impairments.draw(
        settings, count, length, settings.samples_per_symbol, rng, settings.share
    ).like(iq)
    period = settings.samples_per_symbol

    def column(ends: list[float]) -> torch.Tensor:
        """Drawn for a share of the frames, 0 for the others."""
        there = rng.random((count, 1)) < settings.share
        return torch.as_tensor(there * rng.uniform(ends[0], ends[1], (count, 1))).to(iq)

    carrier, rate = column(settings.residual_carrier) / period, column(settings.residual_rate)
    distance = column(settings.neighbor_distance)
    level_db = rng.uniform(settings.neighbor_db[0], settings.neighbor_db[1], (count, 1))
    side = rng.choice([-1.0, 1.0], (count, 1))
    level = torch.as_tensor(10 ** (level_db / 20)).to(iq) * (distance > 0) * (count > 1)

    samples = torch.complex(iq[:, 0], iq[:, 1])
    power = effects.rms(samples)
    other = samples.roll(1, 0) / power.roll(1, 0).clamp(min=1e-20) * power
    place = distance * torch.as_tensor(side).to(iq) / period
    heard = drawn.channel(samples + level * effects.shifted(other, place))
    heard = effects.stretched(effects.shifted(heard, carrier), rate)
    heard = drawn.receiver(heard)
    made = torch.stack([heard.real, heard.imag], 1)
    before, after = (frames.magnitude(each).sum(1)[:, None, None] for each in (iq, made))
    return (made * before / after.clamp(min=1e-20)).to(iq)


def augment(iq: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Frames ``[n, 2, length]`` turned by a random phase each, half of them conjugated.

    A receiver knows no phase, and RML2016's modulations look the same with their spectrum
    reversed; only real AM-SSB (the generator's corrected mode) then has the other sideband.
    Norms stay as they are.
    """
    phase = 2 * math.pi * torch.rand(len(iq), 1, generator=generator).to(iq)
    mirror = torch.randint(2, (len(iq), 1), generator=generator).to(iq) * 2 - 1
    real, imaginary = iq[:, 0], iq[:, 1] * mirror
    cosine, sine = phase.cos(), phase.sin()
    return torch.stack([cosine * real - sine * imaginary, sine * real + cosine * imaginary], 1)
