"""The attack of adversarial trainings: short l2 PGD with budgets relative to each frame."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .. import frames
from ..attacks.pgd import Descent, descend


def attack(
    network: nn.Module,
    iq: torch.Tensor,
    label: torch.Tensor,
    relative: torch.Tensor,
    *,
    steps: int,
    step_size: float,
    stop_at_success: bool,
) -> Descent:
    """l2 PGD on a network's cross entropy, with radii ε_i = r_i·‖x_i‖.

    The network is attacked as it is at run time: in eval mode and with frozen weights;
    afterwards it is as it was. bfloat16 where the caller's autocast says so.

    Args:
        network: see robust_amc.models
        iq: tensor ``[n, 2, length]``
        label: true classes, tensor ``[n]``
        relative: r, tensor ``[n]``
        steps: gradient steps
        step_size: total path length in units of ε
        stop_at_success: attack a frame only until it is misclassified

    Returns a Descent. Frames that are misclassified as they are come back unchanged.
    """
    training = network.training
    network.eval().requires_grad_(False)

    def evaluate(perturbed: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = network(perturbed).float()
        value = -F.cross_entropy(logits, label[rows], reduction="none")
        return value, logits.argmax(1) != label[rows]

    result = descend(
        evaluate,
        iq,
        relative * frames.flat_norm(iq)[:, 0, 0],
        steps=steps,
        step_size=step_size,
        stop_at_success=stop_at_success,
    )
    network.requires_grad_(True).train(training)
    return result


def effort(settings: Any) -> dict[str, Any]:
    """The part of a training's settings that says how hard :func:`attack` tries."""
    return {name: getattr(settings, name) for name in ("steps", "step_size", "stop_at_success")}
