"""A link that the transmitter does not know: what lies between its samples and a receiver's frames.

Drawn at random and differentiable in the samples, for attacks in expectation over it: Athalye et
al., Synthesizing robust adversarial examples, ICML 2018 (arXiv 1707.07397).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from ..errors import UserError
from ..impairments import ImpairmentSettings, draw, effects

UNKNOWN = ("timing", "phase", "carrier", "clock", "channel", "filter")
TRANSITION = 0.05  # of the receiver filter, cycles a sample: half a cosine
SAMPLES_PER_SYMBOL = 8.0  # that the delays of the echoes are relative to


@dataclass(frozen=True)
class LinkSettings:
    """What of a link is unknown, and how far it may be off; each is drawn evenly.

    Attributes:
        over: what is unknown, of UNKNOWN: ``timing``, where the receiver's frames begin, between
            samples too; ``phase``, any; ``carrier``; ``clock``; ``channel``, echoes beside the
            direct path, see :class:`robust_amc.impairments.ImpairmentSettings`; ``filter``, a low
            pass
        carrier: largest offset of the carrier, in cycles a sample; 0.0005 is 100 Hz at 200 kS/s
        clock: largest relative error of the sample clock
        passband: lowest and highest edge of the receiver filter, in cycles a sample

    Raises UserError for another name, or a range that cannot be.
    """

    over: tuple[str, ...] = ("timing", "phase", "carrier", "channel")
    carrier: float = 0.0005
    clock: float = 20e-6
    passband: tuple[float, float] = (0.25, 0.45)

    def __post_init__(self) -> None:
        for name in self.over:
            if name not in UNKNOWN:
                raise UserError(
                    f"{name[:40]!r} is nothing of a link; there are {', '.join(UNKNOWN)}"
                )
        if not (0 <= self.carrier <= 0.5 and 0 <= self.clock <= 0.01):
            raise UserError(
                "the carrier offset must lie in 0 … 0.5 cycles a sample, a clock error in 0 … 0.01"
            )
        if not 0 < self.passband[0] <= self.passband[1] <= 0.5:
            raise UserError(f"the edges of a filter must lie in 0 … 0.5, not {self.passband}")

    def frames_of(self, length: int, frame_length: int) -> int:
        """How many whole frames a burst of `length` samples holds, wherever the first begins.

        Raises UserError where it holds none.
        """
        room = length - (frame_length - 1 if "timing" in self.over else 0)
        if room < frame_length:
            least = "two frames" if "timing" in self.over else "a frame"
            raise UserError(
                f"a burst has {length} samples; {least} of {frame_length} are the least"
            )
        return room // frame_length


@dataclass(frozen=True)
class Link:
    """One link for each of n bursts, as drawn; tensors.

    Attributes:
        delay: ``[n, 1]``, samples before the first frame
        phase: ``[n, 1]``, radians
        carrier: ``[n, 1]``, cycles a sample
        clock: ``[n, 1]``, relative
        edge: ``[n, 1]`` of the low pass, cycles a sample
        delays, gains: ``[n, echoes]``, see :func:`robust_amc.impairments.effects.multipath`
    """

    delay: torch.Tensor
    phase: torch.Tensor
    carrier: torch.Tensor
    clock: torch.Tensor
    edge: torch.Tensor
    delays: torch.Tensor
    gains: torch.Tensor

    @classmethod
    def drawn(
        cls, settings: LinkSettings, count: int, frame_length: int, rng: np.random.Generator
    ) -> Self:
        """Links for `count` bursts, to a receiver that cuts frames of `frame_length` samples."""

        def one(name: str, low: float, high: float, known: float = 0.0) -> torch.Tensor:
            value = rng.uniform(low, high, (count, 1))
            value = value if name in settings.over else np.full_like(value, known)
            return torch.as_tensor(value, dtype=torch.float32)

        echoes = draw(ImpairmentSettings(), count, 0, SAMPLES_PER_SYMBOL, rng)
        heard = "channel" in settings.over
        return cls(
            delay=one("timing", 0, frame_length - 1),
            phase=one("phase", -np.pi, np.pi),
            carrier=one("carrier", -settings.carrier, settings.carrier),
            clock=one("clock", -settings.clock, settings.clock),
            edge=one("filter", *settings.passband, known=1.0),
            delays=torch.as_tensor(echoes.delays, dtype=torch.float32),
            gains=torch.as_tensor(echoes.gains * heard, dtype=torch.complex64),
        )

    def at(self, rows: torch.Tensor) -> Self:
        """The links of the bursts `rows`, indices ``[m]``."""
        return type(self)(**{name: value[rows.cpu()] for name, value in vars(self).items()})

    def received(self, iq: torch.Tensor, count: int, frame_length: int) -> torch.Tensor:
        """What the receivers cut of bursts ``[n, 2, length]``: frames ``[n·count, 2, length]``.

        Differentiable. The ends of a burst are each other's neighbors for filter and channel.
        """
        here = type(self)(**{name: value.to(iq.device) for name, value in vars(self).items()})
        first = here.delay.floor()
        frequency = torch.fft.fftfreq(iq.shape[2], device=iq.device)
        over = ((frequency.abs() - here.edge) / TRANSITION).clamp(0, 1)
        response = torch.exp(2j * np.pi * (here.delay - first) * frequency)
        response = response * (1 + torch.cos(np.pi * over)) / 2
        samples = torch.fft.ifft(torch.fft.fft(torch.complex(iq[:, 0], iq[:, 1])) * response)
        samples = effects.multipath(samples, here.delays, here.gains)
        if here.clock.any():
            samples = effects.stretched(samples, here.clock)
        samples = effects.shifted(samples, here.carrier) * torch.exp(1j * here.phase)
        place = first.long() + torch.arange(count * frame_length, device=iq.device)
        cut = samples.gather(1, place).view(-1, frame_length)
        return torch.stack([cut.real, cut.imag], 1)
