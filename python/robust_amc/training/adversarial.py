"""Adversarial training with one budget for all frames, or with one drawn for each."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import UserError
from .attack import attack, effort
from .method import Method


@dataclass(frozen=True)
class AdversarialSettings:
    """Settings of adversarial training, with budgets relative to the frame: ε_i = r·‖x_i‖.

    Attributes:
        radius: r; 0.095 is PNR -10 dB at 10 dB SNR
        drawn: r of each frame is drawn anew, uniformly from 0 … radius
        share: of the frames of a batch that are attacked; the others stay clean
        steps: PGD steps
        step_size: total path length of PGD in units of ε
        stop_at_success: attack a frame only until it is misclassified
    """

    radius: float = 0.095
    drawn: bool = False
    share: float = 1.0
    steps: int = 5
    step_size: float = 2.0
    stop_at_success: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.radius < float("inf") and 0 < self.share <= 1 and self.steps > 0):
            raise UserError(
                "adversarial training needs a positive radius, a share in 0 … 1 and at least "
                "one step"
            )


class Adversarial(Method):
    """Makes a batch of adversarial training. Keeps no state.

    Madry et al. (arXiv 1706.06083), with the l2 PGD of Zhang et al., IEEE WCL 2022
    (arXiv 2407.06807), Section II-A.
    """

    settings: AdversarialSettings

    Settings = AdversarialSettings
    robust_radius = 0.095  # PNR -10 dB at 10 dB SNR

    def batch(
        self,
        network: nn.Module,
        iq: torch.Tensor,
        label: torch.Tensor,
        rows: torch.Tensor,
        classes: int,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs ``[m, 2, length]``, a share of them attacked, and one-hot labels."""
        chosen = torch.rand(len(iq), generator=generator).to(iq) < self.settings.share
        relative = self.settings.radius * chosen
        if self.settings.drawn:
            relative = relative * torch.rand(len(iq), generator=generator).to(iq)
        result = attack(network, iq, label, relative, **effort(self.settings))
        return result.iq, F.one_hot(label, classes).float()
