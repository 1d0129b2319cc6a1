"""Attacks that see only a network: black-box, on another model's, and grey-box, on one's own."""

import numpy.typing as npt
import torch
import torch.nn.functional as F

from .. import frames
from ..arrays import Floats
from ..classifier import Classifier
from ..frames import Scaling
from ..reduced import ReducedClassifier
from .pgd import descend
from .settings import AttackSettings
from .targets import targets


def transfer(
    source: Classifier,
    iq: Floats,
    label: npt.ArrayLike,
    epsilon: npt.ArrayLike,
    *,
    settings: AttackSettings | None = None,
    scaling: Scaling | str = Scaling.NONE,
) -> Floats:
    """Perturb frames by what the network of `source` tells, whatever judges them later.

    l2 PGD on the cross entropy of the network's logits, from the clean frame, through all of
    its steps: a perturbation that ends at the source's own boundary hardly crosses another
    model's. Nothing is known of the judge, so there is one try and no success to stop at.

    With a source that is another model this is the black-box attack; with the classifier
    itself, whose rejector takes no part, it is the grey-box attack of Zhang et al., IEEE WCL
    2022, Section III.

    Args:
        source: a Classifier; only its network is used
        iq: float ``[n, 2, length]``; frames that are not valid come back unchanged
        label: true classes, integers ``[n]``
        epsilon: l2 radii ``[n]``
        settings: AttackSettings; steps, step_size and fast count
        scaling: the input scaling in force behind the perturbation; differentiated through

    Returns float32 ``[n, 2, length]``. Raises UserError when a radius is negative or not finite.
    """
    settings = settings or AttackSettings()
    target = targets(source, iq, label, epsilon)
    reduced = ReducedClassifier(source, settings.fast)

    def evaluate(point: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = reduced.logits(frames.scale(point, scaling))
        value = -F.cross_entropy(logits, target.label[rows], reduction="none")
        return value, torch.zeros_like(rows, dtype=torch.bool)

    result = descend(
        evaluate,
        target.clean,
        target.epsilon,
        steps=settings.steps,
        step_size=settings.step_size,
        stop_at_success=False,
    )
    return target.filled(result.iq)
