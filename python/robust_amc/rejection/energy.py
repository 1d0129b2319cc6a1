"""The free energy of the logits as a detector of what was not trained.

Liu, Wang, Owens, Li, Energy-based Out-of-distribution Detection, NeurIPS 2020
(arXiv 2010.03759), Eq. 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from ..data import FrameDataset
from ..errors import UserError
from ..fields import real
from .base import CalibrationSettings, FeatureExtractor, Rejector

HOTTEST = 1e6


class EnergyDetector(Rejector):
    """The network's class stands; the largest score is minus the free energy.

    -E = T·log Σ_c exp(logit_c / T). Scores are the logits, shifted so that the largest is -E.
    """

    kind = "energy"
    detects = True

    def __init__(self, classes: int, temperature: float = 1.0) -> None:
        super().__init__()
        self._classes, self.temperature = classes, temperature

    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores of a batch, see the class."""
        best = logits.max(1, keepdim=True)[0]
        above = ((logits - best) / self.temperature).exp().sum(1, keepdim=True).log()
        return logits + self.temperature * above

    @property
    def classes(self) -> int:
        """How many classes it scores."""
        return self._classes

    def facts(self) -> dict[str, Any]:
        """What a model file says of it beside its tensors."""
        return {"kind": self.kind, "temperature": self.temperature}

    @classmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From a model file, which needs no tensors of it; UserError for an odd temperature."""
        real(above=0, high=HOTTEST)(facts["temperature"], "the temperature")
        return cls(classes, float(facts["temperature"]))


@dataclass(frozen=True)
class EnergySettings(CalibrationSettings):
    """How the detector is made.

    Attributes:
        temperature: T of the energy
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.temperature <= HOTTEST:
            raise UserError(f"the temperature must be positive, at most {HOTTEST:g}")

    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """An EnergyDetector and no facts; the frames are not looked at."""
        return EnergyDetector(len(classifier.classes), self.temperature), {}


EnergyDetector.Settings = EnergySettings
