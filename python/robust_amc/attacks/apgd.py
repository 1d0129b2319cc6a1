"""APGD: l2 projected gradient descent with momentum that chooses its step lengths itself.

Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks, ICML 2020 (arXiv 2003.01690), Algorithm 1, for a minimum.
"""

import math

import torch

from .. import frames
from ..runtime.device import batch_size
from .pgd import Confirm, Descent, Evaluate, direction, project

MOMENTUM = 0.75  # the paper's α
FIRST_STEP = 2.0  # length of the first step, in units of ε
ENOUGH = 0.75  # the paper's ρ: share of the steps that have to lower the objective


def checkpoints(steps: int) -> list[int]:
    """Steps after which the length may be halved, ascending, 0 left out.

    w_j = ⌈p_j·steps⌉ with p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06);
    the paper's Section 3.1. In hundredths, so that no rounding of p_j counts.
    """
    found, place, period = [], 22, 22
    while (step := -(-place * steps // 100)) <= steps:
        found.append(step)
        period = max(period - 3, 6)
        place += period
    return sorted(set(found))


def apgd(
    evaluate: Evaluate,
    iq: torch.Tensor,
    epsilon: torch.Tensor,
    *,
    steps: int,
    start: torch.Tensor | None = None,
    confirm: Confirm | None = None,
) -> Descent:
    """Minimize an objective in an l2 ball around each frame; stop a frame at its success.

    Normalized gradient steps of 2ε at first, with momentum; at each of the
    :func:`checkpoints` the length of a frame is halved, and it goes back to its best point,
    where too few of the steps since the last one lowered its objective, or where neither length
    nor best value has changed.

    Args:
        evaluate: ``(iq, rows) -> (value, success [m])`` as :func:`pgd.descend` has it; of a
            value ``[m, 2]`` the first column is what has to become smaller
        iq: clean frames, tensor ``[n, 2, length]``
        epsilon: radii, tensor ``[n]``
        steps: gradient steps a frame, at least 1
        start: perturbations to start from (None: zero)
        confirm: judges what `evaluate` holds for a success, see :func:`pgd.descend`

    Returns a Descent: the first success of a frame, else its point of the lowest value, which
    is never above that of its start.
    """
    state = _Frames(iq, epsilon, start)
    success = torch.zeros(len(iq), dtype=torch.bool, device=iq.device)
    flat = torch.zeros_like(success)
    marks, before = checkpoints(steps), 0
    active = torch.arange(len(iq), device=iq.device)
    size = batch_size(iq.device)
    for step in range(steps + 1):
        if not len(active):
            break
        won = []
        for rows in active.split(size):
            point = state.point[rows].requires_grad_()
            value, hit = evaluate(point, rows)
            gradient = direction(value, point)
            if step == 0:
                flat[rows] = frames.flat_norm(gradient)[:, 0, 0] == 0
            if confirm is not None and hit.any():
                hit = hit.clone()
                hit[hit.clone()] = confirm(point.detach()[hit], rows[hit])
            value = value.detach() if value.ndim == 1 else value.detach()[:, 0]
            state.seen(rows, value, gradient, hit, first=step == 0)
            if step in marks:
                state.checked(rows, step - before)
            if step < steps:
                state.move(rows, first=step == 0)
            success[rows] = hit
            won.append(hit)
        before = step if step in marks else before
        active = active[~torch.cat(won)]
    return Descent(state.best, success, flat)


class _Frames:
    """Where each of ``[n]`` frames is in its descent; `rows` are indices of some of them."""

    def __init__(self, iq: torch.Tensor, epsilon: torch.Tensor, start: torch.Tensor | None) -> None:
        self.clean, self.epsilon = iq, epsilon
        self.point = iq.clone() if start is None else iq + project(start, epsilon)
        self.previous = self.point.clone()
        self.best = self.point.clone()
        self.gradient, self.best_gradient = torch.zeros_like(iq), torch.zeros_like(iq)
        self.value = torch.full_like(epsilon, math.inf)
        self.lowest = self.value.clone()
        self.step = FIRST_STEP * epsilon
        self.lowered = torch.zeros_like(epsilon)  # steps since the last checkpoint
        self.lowest_before = self.value.clone()  # at the last checkpoint
        self.was_halved = torch.zeros(len(iq), dtype=torch.bool, device=iq.device)

    def seen(
        self,
        rows: torch.Tensor,
        value: torch.Tensor,
        gradient: torch.Tensor,
        hit: torch.Tensor,
        first: bool,
    ) -> None:
        """Keep what was found at the points; a success is the best that there is."""
        value = torch.nan_to_num(value.to(self.value), nan=math.inf)
        point = self.point[rows].detach()
        self.lowered[rows] += value < self.value[rows]
        self.value[rows], self.gradient[rows] = value, gradient
        better = hit | (value < self.lowest[rows])
        chosen = rows[better]
        self.best[chosen], self.best_gradient[chosen] = point[better], gradient[better]
        self.lowest[chosen] = value[better]
        if first:
            self.lowered[rows] = 0.0
            self.lowest_before[rows] = self.lowest[rows]

    def checked(self, rows: torch.Tensor, taken: int) -> None:
        """Halve the steps and go back to the best point where the last `taken` did too little."""
        too_few = self.lowered[rows] < ENOUGH * taken
        stuck = ~self.was_halved[rows] & (self.lowest[rows] == self.lowest_before[rows])
        halved = too_few | stuck
        self.was_halved[rows] = halved
        self.lowest_before[rows] = self.lowest[rows]
        self.lowered[rows] = 0.0
        back = rows[halved]
        self.step[back] /= 2
        self.point[back], self.gradient[back] = self.best[back], self.best_gradient[back]
        self.value[back] = self.lowest[back]

    def move(self, rows: torch.Tensor, first: bool) -> None:
        """A step along the gradient and, but for the first one, the last movement."""
        clean, epsilon, point = self.clean[rows], self.epsilon[rows], self.point[rows].detach()
        gradient = self.gradient[rows]
        norm = frames.flat_norm(gradient).clamp(min=1e-30)
        delta = point - gradient / norm * self.step[rows][:, None, None] - clean
        moved = clean + project(delta, epsilon)
        if not first:
            mixed = MOMENTUM * moved + (1 - MOMENTUM) * (2 * point - self.previous[rows])
            # x + α(z - x) + (1 - α)(x - x_before)
            moved = clean + project(mixed - clean, epsilon)
        self.previous[rows], self.point[rows] = point, moved
