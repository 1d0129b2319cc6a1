"""l2 projected gradient descent: the one loop that every gradient attack and training uses."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .. import frames
from ..runtime.device import batch_size

SHRINK = 1 - 1e-6  # keeps the rounding of x + δ inside the ball
Evaluate = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
Confirm = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Descent:
    """Result of :func:`descend`.

    Attributes:
        iq: tensor ``[n, 2, length]``, the perturbed frames: the first success of a frame,
            else where its descent ended
        success: bool ``[n]``
        flat: bool ``[n]``; the gradient was zero at the start
    """

    iq: torch.Tensor
    success: torch.Tensor
    flat: torch.Tensor


def project(delta: torch.Tensor, epsilon: torch.Tensor) -> torch.Tensor:
    """Project perturbations ``[n, 2, length]`` on l2 balls of radius `epsilon` ``[n]``."""
    radius = epsilon[:, None, None] * SHRINK
    return delta * (radius / frames.flat_norm(delta).clamp(min=1e-30)).clamp(max=1)


def random_start(
    iq: torch.Tensor, epsilon: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Perturbations drawn uniformly from balls of radius `epsilon` ``[n]``."""
    direction = torch.randn(iq.shape, generator=generator).to(iq)
    radius = torch.rand(len(iq), generator=generator).to(iq) ** (1 / direction[0].numel())
    return direction / frames.flat_norm(direction) * (epsilon * radius)[:, None, None]


def direction(value: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
    """Gradient of `value` ``[n]`` by frames ``[n, 2, length]``; zero where it is not finite.

    Of two values ``[n, 2]``, the first one's gradient without its part along the second's.
    """
    if value.ndim == 1:
        (gradient,) = torch.autograd.grad(value.sum(), point)
        return torch.nan_to_num(gradient, 0.0, 0.0, 0.0)
    first, second = (
        torch.nan_to_num(gradient, 0.0, 0.0, 0.0)
        for column in (0, 1)
        for gradient in torch.autograd.grad(value[:, column].sum(), point, retain_graph=column == 0)
    )
    along = (first * second).sum((1, 2)) / (second * second).sum((1, 2)).clamp(min=1e-30)
    return first - along[:, None, None] * second


def descend(
    evaluate: Evaluate,
    iq: torch.Tensor,
    epsilon: torch.Tensor,
    *,
    steps: int,
    step_size: float,
    start: torch.Tensor | None = None,
    confirm: Confirm | None = None,
    stop_at_success: bool = True,
    decay: bool = False,
    weight: Callable[[float], float] | None = None,
    momentum: float = 0.0,
) -> Descent:
    """Minimize an objective in an l2 ball around each frame; stop a frame at its success.

    Normalized gradient steps of length `step_size`·ε/`steps`, or with `decay` of lengths that
    fall to zero and add up to the same; projection on the ball.

    Args:
        evaluate: ``(iq, rows) -> (value, success [m])`` of perturbed frames, with `rows`
            their indices; the value ``[m]``, or ``[m, 2]``, is differentiated (see
            :func:`direction`)
        iq: clean frames, tensor ``[n, 2, length]``
        epsilon: radii, tensor ``[n]``
        steps: gradient steps a frame
        step_size: total path length in units of ε
        start: perturbations to start from (None: zero)
        confirm: ``(iq, rows) -> success [m]``, judges what `evaluate` holds for a success
            (it may run in reduced precision); None: no second judge
        stop_at_success: False takes every step, for training, which wants a large loss;
            frames that are won before the first step are dropped all the same
        decay: shorter and shorter steps, which settle in fewer of them
        weight: of the second of two values ``[m, 2]`` after a share of the steps, 0 … 1: their
            weighted sum is minimized; None: see :func:`direction`

    A frame counts as won only if `confirm` agrees; a frame that is won before the first
    step comes back as it started. No box is ever clamped: IQ has none.
    """
    best = iq.clone()
    success = torch.zeros(len(iq), dtype=torch.bool, device=iq.device)
    flat = torch.zeros_like(success)
    perturbed = iq.clone() if start is None else iq + project(start, epsilon)
    active = torch.arange(len(iq), device=iq.device)
    size = batch_size(iq.device)
    before = torch.zeros_like(iq) if momentum else None
    for step in range(steps + 1):
        if not len(active):
            break
        won = []
        factor = 2 * (steps - step) / (steps + 1) if decay else 1
        for rows in active.split(size):
            point = perturbed[rows].requires_grad_()
            value, hit = evaluate(point, rows)
            if weight is not None:
                value = value[:, 0] + weight(step / steps) * value[:, 1]
            if step < steps:
                gradient = direction(value, point)
                norm = frames.flat_norm(gradient)
                if step == 0:
                    flat[rows] = norm[:, 0, 0] == 0
                if before is not None:
                    gradient = gradient / norm.clamp(min=1e-30) + momentum * before[rows]
                    before[rows], norm = gradient, frames.flat_norm(gradient)
                length = (step_size / steps * factor * epsilon[rows])[:, None, None]
                delta = point.detach() - gradient / norm.clamp(min=1e-30) * length - iq[rows]
                moved = iq[rows] + project(delta, epsilon[rows])
            else:
                moved = point.detach()
            if confirm is not None and hit.any():
                hit = hit.clone()
                hit[hit.clone()] = confirm(point.detach()[hit], rows[hit])
            best[rows] = point.detach()
            success[rows] = hit
            perturbed[rows] = moved
            won.append(hit if stop_at_success or step == 0 else torch.zeros_like(hit))
        active = active[~torch.cat(won)]
    return Descent(best, success, flat)
