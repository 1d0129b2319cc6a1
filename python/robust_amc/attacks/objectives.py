"""What an attack minimizes, by name.

Each objective takes a Classifier, its Outputs for a batch and the true labels ``[n]``,
and gives one value a frame ``[n]``, smaller being better for the attacker; or two
``[n, 2]``: the first is made smaller in directions that leave the second as it is.
One of your own is such a function, given to AttackSettings as it is or by the name of an
entry point of the group ``robust_amc.objectives``. A :class:`searches.Search`, an objective with
an optimizer of its own, may stand where an objective does.
"""

from collections.abc import Callable
from functools import partial, update_wrapper

import torch
import torch.nn.functional as F

from ..classifier import Classifier
from ..errors import UserError
from ..outputs import Outputs
from ..plugins import Registry
from .threat import Goal

INFINITE = 1e9

Objective = Callable[[Classifier, Outputs, torch.Tensor], torch.Tensor]
# The objectives by name
OBJECTIVES = Registry(
    "robust_amc.objectives",
    "attack objective",
    {
        name: f"robust_amc.attacks.objectives:{name}"
        for name in (
            "cross_entropy",
            "network_margin",
            "equation5",
            "equation5_threshold",
            "rejection_margin",
            "true_score",
            "two_phase",
            "orthogonal",
            "raised_error",
        )
    }
    | {
        name: f"robust_amc.attacks.searches:{name}"
        for name in (
            "targeted_margin",
            "targeted_dlr",
            "guided_margin",
            "adaptive_rejection",
            "smooth_margin",
        )
    },
)


def true_and_wrong(scores: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Score of the true class and largest score of the others, each ``[n]``."""
    true = scores.gather(1, label[:, None])[:, 0]
    wrong = scores.scatter(1, label[:, None], -INFINITE).max(1)[0]
    return true, wrong


def _margin(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    true, wrong = true_and_wrong(scores, label)
    return true - wrong


def cross_entropy(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Minus the cross entropy of the network's logits."""
    return -F.cross_entropy(outputs.logits, label, reduction="none")


def network_margin(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Logit of the true class minus the largest other one."""
    return _margin(outputs.logits, label)


def equation5(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Ψ = s_y - max over the wrong classes of s_j: Zhang et al., IEEE WCL 2022, Eq. 5."""
    return _margin(outputs.scores, label)


def equation5_threshold(
    classifier: Classifier, outputs: Outputs, label: torch.Tensor
) -> torch.Tensor:
    """Eq. 5 with the rejection class scoring S0: max(s_y, S0) - max of the wrong classes.

    As printed, Eq. 5 ignores S0 while the true class is below it.
    """
    true, wrong = true_and_wrong(outputs.scores, label)
    return true.clamp(min=classifier.threshold) - wrong


def rejection_margin(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """s_y - max(S0, wrong classes): negative once the true class is no longer decided."""
    true, wrong = true_and_wrong(outputs.scores, label)
    return true - wrong.clamp(min=classifier.threshold)


def true_score(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Score of the true class alone."""
    return true_and_wrong(outputs.scores, label)[0]


def surrogate_margin(
    number: int, classifier: Classifier, outputs: Outputs, label: torch.Tensor
) -> torch.Tensor:
    """Eq. 5 on the rejector's surrogate scores of that number, see Rejector.surrogates()."""
    assert classifier.rejector is not None  # see objectives_for()
    return _margin(classifier.rejector.surrogates()[number](outputs), label)


def part_margin(
    number: int, classifier: Classifier, outputs: Outputs, label: torch.Tensor
) -> torch.Tensor:
    """The margin of that part of the network alone, see Network.part_logits()."""
    parts = classifier.network.part_logits(outputs.iq)
    assert parts is not None  # see parts()
    return _margin(parts[:, number].float(), label)


def parts(classifier: Classifier, iq: torch.Tensor) -> tuple[Objective, ...]:
    """:func:`part_margin` of each part of the network; none where it has no parts.

    `iq` is a tensor of at least one frame ``[n, 2, length]``.
    """
    # a network of another package need not be a Network
    ask = getattr(classifier.network, "part_logits", lambda iq: None)
    with torch.no_grad():
        found = ask(iq[:1])
    count = 0 if found is None else found.shape[1]
    return tuple(
        update_wrapper(partial(part_margin, number), part_margin) for number in range(count)
    )


def _error(classifier: Classifier, outputs: Outputs) -> torch.Tensor:
    """How far off the frames are, such as an autoencoder's relative reconstruction error."""
    if classifier.rejector is None or not classifier.rejector.detects:
        name = classifier.name or "this one"
        raise UserError(
            f"an attack on the two-fold defense needs a rejector that detects, such as an "
            f"autoencoder: {name} has none"
        )
    return -outputs.scores.max(1)[0]


def two_phase(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """The network's margin while it is right; once it is wrong, the reconstruction error.

    Zhang et al., IEEE WCL 2022, Section III-A, the formula of the white-box attack on the
    two-fold defense (its prose names the phases the other way round).
    """
    margin = _margin(outputs.logits, label)
    return torch.where(margin > 0, margin, _error(classifier, outputs))


def orthogonal(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Two-phase, each phase in directions that leave the other's quantity as it is."""
    margin, error = _margin(outputs.logits, label), _error(classifier, outputs)
    right = margin > 0
    return torch.stack([torch.where(right, margin, error), torch.where(right, error, margin)], 1)


def raised_error(classifier: Classifier, outputs: Outputs, label: torch.Tensor) -> torch.Tensor:
    """Minus the reconstruction error: to be detected is to win."""
    return -_error(classifier, outputs)


def objectives_for(classifier: Classifier, goal: Goal) -> tuple[Objective, ...]:
    """The objectives that a full white-box attack on `classifier` tries, in that order.

    For neural rejection each finds frames that the others miss, see docs/threat-model.md.
    The first is the system's own; the network's margin is last, so that a second round
    starts the others from where it ended.
    """
    rejector = classifier.rejector
    if rejector is None:
        return (network_margin, cross_entropy)
    if rejector.detects:
        if goal is Goal.EVASION:
            # Eq. 5 with S0 is the sum of both phases here
            return (two_phase, orthogonal, equation5_threshold, network_margin)
        return (rejection_margin, raised_error, network_margin)
    surrogates = tuple(
        update_wrapper(partial(surrogate_margin, number), surrogate_margin)
        for number in range(len(rejector.surrogates()))
    )
    if goal is Goal.EVASION:
        return (equation5_threshold, equation5, *surrogates, network_margin)
    # Any loss of the true score wins here: what aims at a wrong class need not be tried twice
    return (rejection_margin, true_score, *surrogates[:1], network_margin)
