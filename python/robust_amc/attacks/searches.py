"""What is tried on the frames that the objectives left over: an objective, and how to minimize it.

An untargeted margin takes the maximum over the wrong classes, and follows whichever class that
is at each step. Aiming at one class after the other wins frames that it leaves. A Search is
registered beside the objectives and is chosen as they are, by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F

from ..classifier import Classifier
from ..outputs import Outputs
from . import objectives
from .adam import adam
from .apgd import apgd
from .pgd import Confirm, Descent, Evaluate, descend
from .threat import Goal

GUIDED_SHARE, GUIDANCE = 0.25, 50.0  # of the steps; weight of the distance in the first
SHARPNESS = 10.0  # of the smooth maximum, in units of the spread over the classes


@dataclass(frozen=True)
class Aim:
    """What a Search knows of a batch of `n` frames, beside labels and outputs.

    Attributes:
        target: the class to be taken for, ``[n]``, a wrong one
        clean: logits of the frames without perturbation, ``[n, classes]``
    """

    target: torch.Tensor
    clean: torch.Tensor


class Minimizer(Protocol):
    """An optimizer in l2 balls, such as :func:`apgd.apgd`."""

    def __call__(
        self,
        evaluate: Evaluate,
        iq: torch.Tensor,
        epsilon: torch.Tensor,
        *,
        steps: int,
        start: torch.Tensor | None = None,
        confirm: Confirm | None = None,
    ) -> Descent:
        """A Descent for clean frames ``[n, 2, length]`` and radii ``[n]``."""


@dataclass(frozen=True)
class Search:
    """An objective and the optimizer that minimizes it.

    Attributes:
        objective: ``(classifier, outputs, label, aim) -> value``, ``[n]`` or ``[n, 2]`` as the
            optimizer takes it, smaller being better for the attacker
        minimize: the optimizer
        targeted: tried for each wrong class, the one of the largest clean score first; else once
        start: ``clean`` or ``random``
    """

    objective: Callable[[Classifier, Outputs, torch.Tensor, Aim], torch.Tensor]
    minimize: Minimizer = apgd
    targeted: bool = True
    start: str = "clean"


def _picked(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return scores.gather(1, label[:, None])[:, 0]


def _margin_of(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """How far frames are from being decided as `target` and accepted, ``[n]``."""
    if classifier.rejector is None or classifier.threshold is None:
        return _picked(outputs.logits, label) - _picked(outputs.logits, target)
    return classifier.rejector.targeted_margin(outputs, label, target, classifier.threshold)


def _targeted_margin(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, aim: Aim
) -> torch.Tensor:
    """What the rejector has between a frame and the target, see Rejector.targeted_margin()."""
    return _margin_of(classifier, outputs, label, aim.target)


def _targeted_dlr(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, aim: Aim
) -> torch.Tensor:
    """(z_y - z_t) / (z_1 - (z_3 + z_4)/2), z_i the i-th largest logit.

    The targeted DLR loss of Croce and Hein, ICML 2020 (arXiv 2003.01690).
    With three classes z_3 alone, with two z_2, stand where z_3 and z_4 do.
    """
    z = outputs.logits
    ranked = z.sort(1, descending=True)[0]
    below = ranked[:, 2:4] if ranked.shape[1] > 2 else ranked[:, 1:]
    scale = (ranked[:, 0] - below.mean(1)).clamp(min=1e-12)
    return (_picked(z, label) - _picked(z, aim.target)) / scale


def _guided_margin(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, aim: Aim
) -> torch.Tensor:
    """Margin of the probabilities, and minus their squared distance from the clean frame's.

    Two columns; Sriramanan et al., Guided adversarial attack for evaluating and enhancing
    adversarial defenses, NeurIPS 2020 (arXiv 2011.14969), the loss of GAMA-PGD.
    """
    p, clean = outputs.logits.softmax(1), aim.clean.softmax(1)
    true, wrong = objectives.true_and_wrong(p, label)
    return torch.stack([true - wrong, -((p - clean) ** 2).sum(1)], 1)


def guidance(share: float) -> float:
    """Weight of the distance after that share of the steps: falls to zero in the first quarter."""
    return GUIDANCE * max(0.0, 1 - share / GUIDED_SHARE)


def _rejection_margin(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, aim: Aim
) -> torch.Tensor:
    return objectives.rejection_margin(classifier, outputs, label)


def _smooth_margin(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor, aim: Aim
) -> torch.Tensor:
    """A smooth minimum of the targeted margins of all wrong classes."""
    count = outputs.scores.shape[1]
    margins = torch.stack(
        [
            _margin_of(classifier, outputs, label, torch.full_like(label, each))
            for each in range(count)
        ],
        1,
    )
    is_true = F.one_hot(label, count).bool()
    # to be taken for what one is costs nothing: it is left out
    spread = margins.detach().std(1, keepdim=True).clamp(min=1e-9)
    scaled = (-SHARPNESS * margins / spread).masked_fill(is_true, -objectives.INFINITE)
    return -scaled.logsumexp(1)


targeted_margin = Search(_targeted_margin)
targeted_dlr = Search(_targeted_dlr)
guided_margin = Search(
    _guided_margin,
    partial(descend, step_size=10.0, decay=True, weight=guidance),
    targeted=False,
    start="random",
)
adaptive_rejection = Search(_rejection_margin, targeted=False)
smooth_margin = Search(_smooth_margin, adam, targeted=False)


def searches_for(classifier: Classifier, goal: Goal) -> tuple[Search, ...]:
    """The Searches that a full white-box attack tries on what the objectives leave, in order."""
    if classifier.rejector is None:
        return (targeted_dlr, guided_margin)
    if goal is Goal.EVASION:
        return (targeted_margin,)
    return (adaptive_rejection,)
