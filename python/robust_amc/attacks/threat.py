"""What the attacker wants."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ..classifier import Classifier


class Goal(StrEnum):
    """When an attack on a frame has succeeded.

    EVASION: a wrong class is decided and accepted (the paper's goal).
    EVASION_OR_REJECTION: anything but the true class, a rejection included: the
    transmitter only wants not to be recognized.
    """

    EVASION = "evasion"
    EVASION_OR_REJECTION = "evasion_or_rejection"

    def reached(
        self, classifier: Classifier, scores: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        """Which frames have been won, bool ``[n]``, from scores ``[n, classes]``."""
        decided = classifier.label_of(scores)
        wrong = decided != label
        if self is Goal.EVASION:
            wrong &= decided >= 0
        return wrong & torch.isfinite(scores).all(1)
