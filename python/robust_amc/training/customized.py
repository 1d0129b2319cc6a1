"""Customized adversarial training (CAT)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .. import frames
from ..attacks.pgd import descend
from ..errors import UserError


@dataclass(frozen=True)
class CATSettings:
    """Settings of CAT, in budgets relative to the frame: ε_i = r_i·‖x_i‖.

    Attributes:
        r_max: largest relative budget
        growth: η, what a budget grows by when its attack has failed
        smoothing_max: α at r_max, that is c·r_max of Eq. 1
        steps: PGD steps
        step_size: total path length of PGD in units of ε
        stop_at_success: attack a frame only until it is misclassified
    """

    r_max: float = 0.15
    growth: float = 0.02
    smoothing_max: float = 0.2
    steps: int = 5
    step_size: float = 2.0
    stop_at_success: bool = False

    def __post_init__(self):
        if not (0 < self.growth <= self.r_max and 0 <= self.smoothing_max <= 1 and self.steps > 0):
            raise UserError(
                "CAT needs 0 < growth <= r_max, 0 <= smoothing_max <= 1 and at least one step"
            )


class CustomizedAdversarial:
    """Makes a batch of CAT and keeps each training frame's budget across epochs.

    Cheng et al. (arXiv 2002.06789) with the l2 PGD and the rule of Zhang et al., IEEE
    WCL 2022 (arXiv 2407.06807), Section II-A and Eq. 1-2: a frame's budget stays where
    the attack on it has succeeded and grows by η otherwise, up to r_max. The attack uses
    the true label, the loss the smoothed one, (1 - c·ε)·y + c·ε·u with u drawn from a
    Dirichlet(1) distribution.
    """

    name = "cat"

    def __init__(self, frame_count, settings=None):
        self.settings = settings or CATSettings()
        self.budget = torch.zeros(frame_count)

    def batch(self, network, iq, label, rows, classes, generator):
        """Attack the frames `rows` of the training set; inputs ``[m, 2, length]``, soft labels.

        `network` is attacked as it is at run time, in eval mode and with frozen weights.
        Frames that are misclassified without any perturbation need no attack.
        """
        relative = self.budget[rows].to(iq)
        result = attack(network, iq, label, relative, self.settings)
        grown = (relative + self.settings.growth).clamp(max=self.settings.r_max)
        self.budget[rows] = torch.where(result.success, relative, grown).cpu()
        alpha = (relative / self.settings.r_max * self.settings.smoothing_max)[:, None]
        uniform = _dirichlet(len(rows), classes, generator).to(iq)
        return result.iq, (1 - alpha) * F.one_hot(label, classes) + alpha * uniform

    def state_dict(self):
        """The budgets r_i ``[frames]``."""
        return {"budget": self.budget}

    def load_state_dict(self, state):
        """Restore the budgets."""
        self.budget = state["budget"]


def attack(network, iq, label, relative, settings):
    """l2 PGD on a network's cross entropy with budgets relative to each frame, for training.

    Runs in eval mode with frozen weights, in bfloat16 where the caller's autocast says
    so. Returns a Descent.
    """
    training = network.training
    network.eval().requires_grad_(False)

    def evaluate(perturbed, rows):
        logits = network(perturbed).float()
        value = -F.cross_entropy(logits, label[rows], reduction="none")
        return value, logits.argmax(1) != label[rows]

    epsilon = relative * frames.flat_norm(iq)[:, 0, 0]
    result = descend(
        evaluate,
        iq,
        epsilon,
        steps=settings.steps,
        step_size=settings.step_size,
        stop_at_success=settings.stop_at_success,
    )
    network.requires_grad_(True).train(training)
    return result


def _dirichlet(count, classes, generator):
    """Draws from Dirichlet(1), ``[count, classes]``: normalized exponentials."""
    draws = torch.rand(count, classes, generator=generator).clamp(min=1e-12).log().neg()
    return draws / draws.sum(1, keepdim=True)
