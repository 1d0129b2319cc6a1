"""A training method: mixup, Zhang et al., ICLR 2018 (arXiv 1710.09412)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from robust_amc.errors import UserError
from robust_amc.training import Method


@dataclass(frozen=True)
class MixupSettings:
    """Settings of mixup.

    Attributes:
        alpha: both parameters of the beta distribution that the shares are drawn from
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise UserError("mixup's alpha must be positive")


class Mixup(Method):
    """Sums of two frames each, and of their labels, in the same shares."""

    Settings = MixupSettings

    def batch(self, network, iq, label, rows, classes, generator):
        """Mixed frames ``[m, 2, length]`` and soft labels."""
        # A beta variate from two gamma variates, by the generator that the training is given
        alpha = torch.full((2, len(iq)), self.settings.alpha)
        first, second = torch._standard_gamma(alpha, generator=generator)
        share = (first / (first + second).clamp(min=1e-30)).to(iq)
        other = torch.randperm(len(iq), generator=generator).to(iq.device)
        hard = F.one_hot(label, classes).float()
        mixed = share[:, None, None] * iq + (1 - share)[:, None, None] * iq[other]
        return mixed, share[:, None] * hard + (1 - share)[:, None] * hard[other]
