"""What may be done to a frame without changing its modulation: new frames from known ones."""

import math

import torch


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
