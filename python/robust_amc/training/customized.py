"""Customized adversarial training (CAT)."""

from dataclasses import dataclass
from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import UserError
from .attack import attack, effort
from .method import Method


class Rule(StrEnum):
    """When a frame's budget grows."""

    UNTIL_SUCCESS = "until_success"  # the paper's words: it grows where the attack has failed
    AFTER_SUCCESS = "after_success"  # the code of CAT's authors: it grows where it succeeded


@dataclass(frozen=True)
class CATSettings:
    """Settings of CAT, in budgets relative to the frame: ε_i = r_i·‖x_i‖.

    Attributes:
        r_max: largest relative budget
        growth: η, what a budget grows by
        rule: when it grows, a Rule
        smoothing_max: α at r_max, that is c·r_max of Eq. 1
        steps: PGD steps
        step_size: total path length of PGD in units of ε
        stop_at_success: attack a frame only until it is misclassified
    """

    r_max: float = 0.20
    growth: float = 0.033
    rule: str = Rule.UNTIL_SUCCESS.value
    smoothing_max: float = 0.1
    steps: int = 5
    step_size: float = 2.0
    stop_at_success: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.growth <= self.r_max and 0 <= self.smoothing_max <= 1 and self.steps > 0):
            raise UserError(
                "CAT needs 0 < growth <= r_max, 0 <= smoothing_max <= 1 and at least one step"
            )
        if self.rule not in [rule.value for rule in Rule]:
            raise UserError(f"unknown rule {self.rule!r}; there are {', '.join(Rule)}")


class CustomizedAdversarial(Method):
    """Makes a batch of CAT and keeps each training frame's budget across epochs.

    Cheng et al. (arXiv 2002.06789) with the l2 PGD and the rule of Zhang et al., IEEE
    WCL 2022 (arXiv 2407.06807), Section II-A and Eq. 1-2: a frame's budget stays where
    the attack on it has succeeded and grows by η otherwise, up to r_max (the code that
    Cheng et al. published does the opposite, see Rule). The attack uses
    the true label, the loss the smoothed one, (1 - c·ε)·y + c·ε·u with u drawn from a
    Dirichlet(1) distribution.
    """

    settings: CATSettings

    Settings = CATSettings
    robust_radius = 0.095  # PNR -10 dB at 10 dB SNR

    def __init__(self, settings: CATSettings | None = None, frame_count: int = 0) -> None:
        super().__init__(settings, frame_count)
        self.budget = torch.zeros(frame_count)

    def batch(
        self,
        network: nn.Module,
        iq: torch.Tensor,
        label: torch.Tensor,
        rows: torch.Tensor,
        classes: int,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Attack the frames `rows` of the training set; inputs ``[m, 2, length]``, soft labels.

        Frames that are misclassified without any perturbation need no attack.
        """
        relative = self.budget[rows].to(iq)
        result = attack(network, iq, label, relative, **effort(self.settings))
        grown = (relative + self.settings.growth).clamp(max=self.settings.r_max)
        keeps = result.success
        if self.settings.rule == Rule.AFTER_SUCCESS:
            keeps = ~keeps
        self.budget[rows] = torch.where(keeps, relative, grown).cpu()
        alpha = (relative / self.settings.r_max * self.settings.smoothing_max)[:, None]
        uniform = _dirichlet(len(rows), classes, generator).to(iq)
        return result.iq, (1 - alpha) * F.one_hot(label, classes) + alpha * uniform

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The budgets r_i ``[frames]``."""
        return {"budget": self.budget}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Restore the budgets."""
        self.budget = state["budget"]


def _dirichlet(count: int, classes: int, generator: torch.Generator) -> torch.Tensor:
    """Draws from Dirichlet(1), ``[count, classes]``: normalized exponentials."""
    draws = torch.rand(count, classes, generator=generator).clamp(min=1e-12).log().neg()
    return draws / draws.sum(1, keepdim=True)
