"""Adam in an l2 ball: an optimizer of another kind than those of the battery, to check it by.

Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015 (arXiv 1412.6980),
Algorithm 1, with a projection. Each sample has a step length of its own here, which normalized
gradient steps do not give.
"""

import torch

from ..runtime.device import batch_size
from .pgd import Confirm, Descent, Evaluate, direction, project

FIRST_STEP = 0.2  # l2 norm of the first step, in units of ε; falls to zero
DECAYS = 0.9, 0.99  # of the means of the gradient and of its square


def adam(
    evaluate: Evaluate,
    iq: torch.Tensor,
    epsilon: torch.Tensor,
    *,
    steps: int,
    start: torch.Tensor | None = None,
    confirm: Confirm | None = None,
) -> Descent:
    """Minimize an objective in an l2 ball around each frame; stop a frame at its success.

    Arguments as those of :func:`apgd.apgd`. Returns a Descent: the first success of a frame, else
    where it ended.
    """
    point = iq.clone() if start is None else iq + project(start, epsilon)
    best = point.clone()
    mean, square = torch.zeros_like(iq), torch.zeros_like(iq)
    success = torch.zeros(len(iq), dtype=torch.bool, device=iq.device)
    flat = torch.zeros_like(success)
    per_sample = FIRST_STEP / iq[:1].numel() ** 0.5 if len(iq) else 0.0
    active = torch.arange(len(iq), device=iq.device)
    for step in range(steps + 1):
        if not len(active):
            break
        won = []
        for rows in active.split(batch_size(iq.device)):
            here = point[rows].requires_grad_()
            value, hit = evaluate(here, rows)
            gradient = direction(value, here)
            here = here.detach()
            # Adam does not mind the scale of a gradient, but must not lose the small ones
            largest = gradient.abs().amax((1, 2), keepdim=True)
            if step == 0:
                flat[rows] = largest[:, 0, 0] == 0
            gradient = gradient / largest.clamp(min=1e-30)
            if confirm is not None and hit.any():
                hit = hit.clone()
                hit[hit.clone()] = confirm(here[hit], rows[hit])
            best[rows], success[rows] = here, hit
            won.append(hit)
            mean[rows] += (1 - DECAYS[0]) * (gradient - mean[rows])
            square[rows] += (1 - DECAYS[1]) * (gradient**2 - square[rows])
            first, second = (1 - decay ** (step + 1) for decay in DECAYS)
            move = (mean[rows] / first) / ((square[rows] / second).sqrt() + 1e-8)
            length = per_sample * (1 - step / steps) * epsilon[rows]
            delta = here - length[:, None, None] * move - iq[rows]
            point[rows] = iq[rows] + project(delta, epsilon[rows])
        active = active[~torch.cat(won)]
    return Descent(best, success, flat)
