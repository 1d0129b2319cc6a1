"""TRADES: accuracy on clean frames against agreement of clean and attacked ones."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .. import frames
from ..attacks.pgd import descend, random_start
from ..errors import UserError
from .method import Method

NUDGE = 0.01  # radius of the random start, of ε: where both agree there is no gradient


@dataclass(frozen=True)
class TradesSettings:
    """Settings of TRADES, with budgets relative to the frame: ε = radius·‖x‖.

    Attributes:
        beta: weight of the divergence, the paper's 1/λ
        radius: 0.095 is PNR -10 dB at 10 dB SNR
        steps: PGD steps
        step_size: total path length of PGD in units of ε
    """

    beta: float = 6.0
    radius: float = 0.095
    steps: int = 5
    step_size: float = 2.0

    def __post_init__(self) -> None:
        if not (0 <= self.beta < float("inf") and 0 < self.radius < float("inf")):
            raise UserError("TRADES needs a positive radius, and a beta that is not negative")
        if self.steps < 1:
            raise UserError("TRADES needs at least one step")


class Trades(Method):
    """Makes a batch of TRADES: each frame twice, clean and attacked. Keeps no state.

    Zhang et al., ICML 2019 (arXiv 1901.08573), Eq. 5: cross entropy of the clean frame plus
    β·KL(p(x) ‖ p(x')), x' the frame within ε whose prediction differs most from p(x).
    """

    settings: TradesSettings

    Settings = TradesSettings
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
        """Inputs ``[2m, 2, length]``, the frames and then the attacked ones, and soft labels.

        The labels are such that the gradient of their cross entropy is that of the paper's loss,
        both its terms, at the network's present predictions (without dropout).
        """
        training = network.training
        network.eval().requires_grad_(False)
        log_p = network(iq).float().log_softmax(1)
        attacked = self._attack(network, iq, log_p, generator)
        log_q = network(attacked).float().log_softmax(1)
        network.requires_grad_(True).train(training)
        p = log_p.exp()
        ratio = log_p - log_q
        divergence = (p * ratio).sum(1, keepdim=True)
        # ∂KL/∂z of the clean logits is p·(ratio - divergence); of the attacked ones it is q - p
        clean = F.one_hot(label, classes) - self.settings.beta * p * (ratio - divergence)
        return torch.cat([iq, attacked]), torch.cat([clean, self.settings.beta * p])

    def _attack(
        self, network: nn.Module, iq: torch.Tensor, log_p: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """The frames within ε that the network sees most differently, ``[m, 2, length]``."""

        def evaluate(
            perturbed: torch.Tensor, rows: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            log_q = network(perturbed).float().log_softmax(1)
            agreement = (log_p[rows].exp() * log_q).sum(1)
            return agreement, torch.zeros(len(rows), dtype=torch.bool, device=iq.device)

        epsilon = self.settings.radius * frames.flat_norm(iq)[:, 0, 0]
        found = descend(
            evaluate,
            iq,
            epsilon,
            steps=self.settings.steps,
            step_size=self.settings.step_size,
            start=random_start(iq, NUDGE * epsilon, generator),
            stop_at_success=False,
        )
        return found.iq
