"""Frames that are none of the classes, made of those that are: outlier exposure.

Hendrycks, Mazeika, Dietterich, Deep Anomaly Detection with Outlier Exposure, ICLR 2019
(arXiv 1812.04606), Sec. 3: the target of an outlier is the same probability for every class. The
paper takes outliers of another data set; these are spoiled frames of the batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .. import frames
from ..errors import UserError

SWEEP = (0.1, 0.6)  # cycles a sample, from one end of a frame to the other
KEYED = (3, 24)  # samples that a keyed frame is on or off
SHUFFLED = (3, 8)  # samples of the pieces that are put in another order
TONE = 0.2  # cycles a sample, that a tone is off at the most
TONE_NOISE = (-30.0, 0.0)  # dB of its power
SWEPT_BAND = (0.06, 0.2)  # cycles a sample, that a swept carrier stays in
SWEPT = (0.004, 0.4)  # cycles a sample, that it moves in a frame
SWEPT_NOISE = (-30.0, -4.0)  # dB of its power
NOISE_BAND = (0.09, 0.11)  # cycles a sample, where the front end's filter falls: normalize.KEPT
LEVEL_DB = 6.0  # between the two of a mixture, at the most
Make = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class OutlierSettings:
    """Outliers that a network is trained on; table ``[outliers]`` of a system.

    Attributes:
        share: outliers for each frame, 0 … 1; 0: none
    """

    share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UserError(f"share, of outliers, must be 0 … 1, not {self.share}")


def mixture(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Two frames on top of each other."""
    other = samples.roll(1, 0)
    size = other.abs().square().mean(1, keepdim=True).sqrt().clamp(min=1e-20)
    own = samples.abs().square().mean(1, keepdim=True).sqrt()
    level = 10 ** (_uniform(samples, generator, -LEVEL_DB, LEVEL_DB) / 20)
    return samples + level * other / size * own


def noise(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise with the spectrum of a frame."""
    return torch.fft.ifft(torch.fft.fft(samples).abs() * _gaussian(samples, generator))


def chirped(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A frame whose frequency runs up or down."""
    length = samples.shape[1]
    time = torch.linspace(-0.5, 0.5, length, device=samples.device)
    sweep = _uniform(samples, generator, *SWEEP) * _sign(samples, generator)
    return samples * torch.exp(1j * math.pi * length * sweep * time**2)


def keyed(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A frame that is switched on and off."""
    count, length = samples.shape
    period = _uniform(samples, generator, *KEYED)
    slots = int(length / KEYED[0]) + 2
    gate = torch.rand(count, slots, generator=generator).to(samples.device) < 0.5
    gate[:, ::4] = True  # so that something is left
    place = (torch.arange(length, device=samples.device) / period).long()
    return samples * gate.gather(1, place)


def shuffled(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The pieces of a frame in another order, the same in all frames."""
    low, high = SHUFFLED
    piece = int(torch.randint(low, high + 1, (1,), generator=generator))
    pieces = samples.split(piece, 1)
    order = torch.randperm(len(pieces), generator=generator)
    return torch.cat([pieces[place] for place in order.tolist()], 1)


def tone(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A carrier in noise; of the frame is left how many there are."""
    time = torch.arange(samples.shape[1], device=samples.device)
    frequency = _uniform(samples, generator, -TONE, TONE)
    level = 10 ** (_uniform(samples, generator, *TONE_NOISE) / 20)
    phase = _uniform(samples, generator, 0.0, 2 * math.pi)
    carrier = torch.exp(1j * (2 * math.pi * frequency * time + phase))
    return carrier + level * _gaussian(samples, generator)


def swept(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A carrier that runs through a band again and again, and may jump, in the front end's noise.

    Chirps as of radar and spread spectrum; of the frame is left how many there are.
    """
    length = samples.shape[1]
    time = torch.arange(length, device=samples.device) / length
    width = _uniform(samples, generator, *SWEPT_BAND)
    low, high = map(math.log, SWEPT)
    sweep = _uniform(samples, generator, low, high).exp() * _sign(samples, generator)
    jumps = time > _uniform(samples, generator, 0.0, 2.0)  # in half of the frames
    passed = _uniform(samples, generator, 0.0, 1.0) + sweep / width * time
    passed = passed + jumps * _uniform(samples, generator, 0.0, 1.0)
    turns = (width * (passed.remainder(1) - 0.5)).cumsum(1)
    level = 10 ** (_uniform(samples, generator, *SWEPT_NOISE) / 20)
    start = _uniform(samples, generator, 0.0, 1.0)
    return torch.exp(2j * math.pi * (turns + start)) + level * _band_noise(samples, generator)


KINDS: dict[str, Make] = {
    "mixture": mixture,
    "noise": noise,
    "chirped": chirped,
    "keyed": keyed,
    "shuffled": shuffled,
    "tone": tone,
    "swept": swept,
}


def outliers(iq: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """`count` outliers ``[count, 2, length]`` from frames ``[n, 2, length]``, of every kind alike.

    The magnitudes of each add up to what those of its frame do.
    """
    rows = torch.randint(len(iq), (count,), generator=generator).to(iq.device)
    source = iq[rows].float()
    samples = torch.complex(source[:, 0], source[:, 1])
    turn = int(torch.randint(len(KINDS), (1,), generator=generator))  # who gets the odd ones
    kinds = list(KINDS.values())
    kinds = kinds[turn:] + kinds[:turn]
    parts = samples.tensor_split(len(kinds))
    made = torch.cat(
        [make(part, generator) for make, part in zip(kinds, parts, strict=True) if len(part)]
    )
    found = torch.stack([made.real, made.imag], 1)
    before, after = (frames.magnitude(each).sum(1)[:, None, None] for each in (source, found))
    return (found * before / after.clamp(min=1e-20)).to(iq)


def with_outliers(
    inputs: torch.Tensor,
    target: torch.Tensor,
    iq: torch.Tensor,
    settings: OutlierSettings,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch with outliers of its frames `iq` behind its inputs and one-hot targets."""
    count = round(settings.share * len(iq))
    if not count:
        return inputs, target
    classes = target.shape[1]
    made = outliers(iq, count, generator).to(inputs)
    flat = torch.full((count, classes), 1 / classes).to(target)
    return torch.cat([inputs, made]), torch.cat([target, flat])


def _uniform(
    like: torch.Tensor, generator: torch.Generator, low: float, high: float
) -> torch.Tensor:
    """A number for each frame, ``[n, 1]``."""
    drawn = torch.rand(len(like), 1, generator=generator).to(like.device)
    return low + (high - low) * drawn


def _gaussian(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Complex numbers of mean power 1, of the shape of `like`."""
    parts = torch.randn(*like.shape, 2, generator=generator).to(like.device)
    return torch.view_as_complex(parts) / math.sqrt(2)


def _band_noise(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The same, with the spectrum that the front end's filter leaves of white noise."""
    length = like.shape[1]
    spectrum = torch.fft.fft(_gaussian(like.repeat(1, 2), generator))  # longer: it goes in circles
    low, high = NOISE_BAND
    distance = torch.fft.fftfreq(2 * length, device=like.device).abs()
    gain = ((high - distance) / (high - low)).clamp(0, 1)
    return torch.fft.ifft(spectrum * gain / gain.square().mean().sqrt())[:, :length]


def _sign(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(2, (len(like), 1), generator=generator).to(like.device) * 2.0 - 1
