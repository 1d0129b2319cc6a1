"""What an attack minimizes, by name.

Each objective takes a Classifier, its Outputs for a batch and the true labels ``[n]``,
and gives one value a frame ``[n]``, smaller being better for the attacker; or two
``[n, 2]``: the first is made smaller in directions that leave the second as it is.
"""

from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F

from ..errors import UserError
from .threat import Goal

SURROGATE_WIDTH = 0.2  # γ of the smoothed kernel, relative to the rejector's
INFINITE = 1e9
_CENTERS = WeakKeyDictionary()  # mean positive support vector of each class, by rejector


def true_and_wrong(scores, label):
    """Score of the true class and largest score of the others, each ``[n]``."""
    true = scores.gather(1, label[:, None])[:, 0]
    wrong = scores.scatter(1, label[:, None], -INFINITE).max(1)[0]
    return true, wrong


def _margin(scores, label):
    true, wrong = true_and_wrong(scores, label)
    return true - wrong


def cross_entropy(classifier, outputs, label):
    """Minus the cross entropy of the network's logits."""
    return -F.cross_entropy(outputs.logits, label, reduction="none")


def network_margin(classifier, outputs, label):
    """Logit of the true class minus the largest other one."""
    return _margin(outputs.logits, label)


def equation5(classifier, outputs, label):
    """Ψ = s_y - max over the wrong classes of s_j: Zhang et al., IEEE WCL 2022, Eq. 5."""
    return _margin(outputs.scores, label)


def equation5_threshold(classifier, outputs, label):
    """Eq. 5 with the rejection class scoring S0: max(s_y, S0) - max of the wrong classes.

    As printed, Eq. 5 ignores S0 while the true class is below it.
    """
    true, wrong = true_and_wrong(outputs.scores, label)
    return true.clamp(min=classifier.threshold) - wrong


def rejection_margin(classifier, outputs, label):
    """s_y - max(S0, wrong classes): negative once the true class is no longer decided."""
    true, wrong = true_and_wrong(outputs.scores, label)
    return true - wrong.clamp(min=classifier.threshold)


def true_score(classifier, outputs, label):
    """Score of the true class alone."""
    return true_and_wrong(outputs.scores, label)[0]


def surrogate_margin(classifier, outputs, label):
    """Eq. 5 under a wider kernel, whose gradient does not vanish far from the support vectors."""
    return _margin(classifier.rejector.scores(outputs.features, SURROGATE_WIDTH), label)


def feature_pull(classifier, outputs, label):
    """Distance to the nearest wrong class's support vectors, minus that to the true class's.

    Distances are to each class's mean positive support vector; no kernel, so no flat region.
    """
    rejector = classifier.rejector
    if rejector not in _CENTERS:
        weight = rejector.dual_coef.clamp(min=0)
        center = (weight.T @ rejector.support_vectors) / weight.sum(0)[:, None].clamp(min=1e-9)
        _CENTERS[rejector] = center
    scaled = outputs.features.float() * rejector.feature_scale
    return _margin(-torch.cdist(scaled, _CENTERS[rejector]), label)


def _error(classifier, outputs):
    """Relative reconstruction error of the autoencoder, see AutoencoderDetector."""
    if classifier.rejector is None or classifier.rejector.kind != "autoencoder":
        name = classifier.name or "this one"
        raise UserError(f"an attack on the two-fold defense needs its autoencoder: {name} has none")
    return -outputs.scores.max(1)[0]


def two_phase(classifier, outputs, label):
    """The network's margin while it is right; once it is wrong, the reconstruction error.

    Zhang et al., IEEE WCL 2022, Section III-A, the formula of the white-box attack on the
    two-fold defense (its prose names the phases the other way round).
    """
    margin = _margin(outputs.logits, label)
    return torch.where(margin > 0, margin, _error(classifier, outputs))


def orthogonal(classifier, outputs, label):
    """Two-phase, each phase in directions that leave the other's quantity as it is."""
    margin, error = _margin(outputs.logits, label), _error(classifier, outputs)
    right = margin > 0
    return torch.stack([torch.where(right, margin, error), torch.where(right, error, margin)], 1)


def raised_error(classifier, outputs, label):
    """Minus the reconstruction error: to be detected is to win."""
    return -_error(classifier, outputs)


def objectives_for(classifier, goal):
    """The objectives that a full white-box attack on `classifier` tries, in that order.

    For neural rejection each finds frames that the others miss, see docs/threat-model.md.
    The first is the system's own; the network's margin is last, so that a second round
    starts the others from where it ended.
    """
    if classifier.rejector is None:
        return (network_margin, cross_entropy)
    if classifier.rejector.kind == "autoencoder":
        if goal is Goal.EVASION:
            # Eq. 5 with S0 is the sum of both phases here
            return (two_phase, orthogonal, equation5_threshold, network_margin)
        return (rejection_margin, raised_error, network_margin)
    if goal is Goal.EVASION:
        return (equation5_threshold, equation5, surrogate_margin, feature_pull, network_margin)
    return (rejection_margin, true_score, surrogate_margin, network_margin)
