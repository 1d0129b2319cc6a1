"""A rejector: the entropy of the network's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from robust_amc.errors import UserError
from robust_amc.rejection.base import CalibrationSettings, Rejector


@dataclass(frozen=True)
class EntropySettings(CalibrationSettings):
    """How the rejector is made.

    Attributes:
        temperature: the logits are divided by it
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise UserError("the temperature must be positive")

    def fit(self, classifier: Any, train: Any) -> tuple[Rejector, dict[str, Any]]:
        """Nothing is learned: the threshold is all."""
        return EntropyRejector(len(classifier.classes), self.temperature), {}


class EntropyRejector(Rejector):
    """The network's class stands; the largest score is minus the entropy."""

    kind = "entropy"
    Settings = EntropySettings
    detects = True

    def __init__(self, classes: int, temperature: float) -> None:
        super().__init__()
        self._classes, self.temperature = classes, temperature

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Logits, shifted so that the largest is Σ p·log p of their softmax p."""
        log_p = (logits / self.temperature).log_softmax(1)
        negative = (log_p.exp() * log_p).sum(1, keepdim=True)
        return logits - logits.max(1, keepdim=True)[0] + negative

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return self._classes

    def facts(self) -> dict[str, Any]:
        """The kind and the temperature."""
        return {"kind": self.kind, "temperature": self.temperature}

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> "EntropyRejector":
        """From a model file."""
        return cls(classes, float(facts["temperature"]))
