"""What every rejector is: a module that scores frames, and settings that can make one.

A rejector is one file: a subclass of :class:`Rejector` and one of :class:`CalibrationSettings`,
registered in :data:`robust_amc.rejection.REJECTORS` or, from another package, by an entry point
of the group ``robust_amc.rejectors``. Nothing outside that file knows of its kind.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import nn

from ..arrays import Floats
from ..data import FrameDataset
from ..errors import UserError
from ..outputs import Outputs
from ..runtime.device import in_bfloat16
from . import threshold


class FeatureExtractor(Protocol):
    """What settings need of a Classifier to fit a rejector on it."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    def features(self, iq: Floats) -> Floats:
        """Last feature layer of frames ``[n, 2, length]``, float32 ``[n, features]``."""


def distance_to(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How much the largest other logit is above the target's, ``[n]``, or 0.

    `logits` are ``[n, classes]``, `target` ``[n]``.
    """
    own = logits.gather(1, target[:, None])[:, 0]
    other = logits.scatter(1, target[:, None], -torch.inf).max(1)[0]
    return (other - own).clamp(min=0)


class Rejector(nn.Module, ABC):
    """Makes the scores of a batch; a frame is rejected when the largest is below S0.

    Attributes:
        kind: its name, in model files and in the registry
        Settings: how one is made, a subclass of CalibrationSettings
        detects: False: the scores decide, as an SVM's. True: the network's class stands, and
            the largest score is minus how far off the frame is, as an autoencoder's
    """

    kind: ClassVar[str]
    Settings: ClassVar[type["CalibrationSettings"]]
    detects: bool = False

    @abstractmethod
    def forward(
        self, iq: torch.Tensor, features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Scores float32 ``[n, classes]``, differentiable.

        Args:
            iq: frames ``[n, 2, length]`` as the network takes them
            features: of the last feature layer ``[n, features]``
            logits: float32 ``[n, classes]``
        """

    def surrogates(self) -> tuple[Callable[[Outputs], torch.Tensor], ...]:
        """Functions from Outputs to scores ``[n, classes]`` for the white-box attack to try too.

        Their gradients have to reach where that of the scores vanishes, or the attack makes
        the defense look better than it is. The first one is also tried when a rejection wins.
        """
        return ()

    def targeted_margin(
        self, outputs: Outputs, label: torch.Tensor, target: torch.Tensor, threshold: float
    ) -> torch.Tensor:
        """How far frames are from being decided as `target` and accepted, ``[n]``, differentiable.

        The white-box attack makes it smaller for one wrong class after the other. Here it is
        max(s_y, S0) - s_t of the scores, or, for a rejector that detects, how far the network is
        from the target plus how far the largest score is below S0, each no less than 0.

        Args:
            outputs: of the batch
            label: true classes ``[n]``
            target: classes to be taken for ``[n]``
            threshold: S0
        """
        if self.detects:
            missing = threshold - outputs.scores.max(1)[0]
            return distance_to(outputs.logits, target) + missing.clamp(min=0)
        true, aimed_at = (outputs.scores.gather(1, each[:, None])[:, 0] for each in (label, target))
        return true.clamp(min=threshold) - aimed_at

    def reduced(self) -> "Rejector":
        """A copy for searching in bfloat16; here, one whose matrix layers hold their weights in it.

        Successes are judged by the rejector itself.
        """
        return in_bfloat16(self)

    def exportable(self) -> nn.Module:
        """The same function as a module that is the fastest to compute and exports to ONNX."""
        return copy.deepcopy(self)

    def halved(self) -> Self:
        """A copy that went through half precision, as a model file keeps it."""
        tensors = {name: value.float() for name, value in self.tensors().items()}
        return self.load(tensors, self.facts(), self.classes)

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes it scores."""

    def facts(self) -> dict[str, Any]:
        """What a model file says of it beside its tensors, for JSON: `kind` and what load needs."""
        return {"kind": self.kind}

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a model file holds; here, all buffers and parameters in half precision."""
        return {name: value.half().contiguous() for name, value in self.state_dict().items()}

    @classmethod
    @abstractmethod
    def load(
        cls, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], classes: int
    ) -> Self:
        """From the tensors (float32) and facts of a model file.

        Raises UserError, KeyError, TypeError, ValueError or RuntimeError when they do not fit.
        """


@dataclass(frozen=True)
class CalibrationSettings(ABC):
    """What every rejector needs; its own settings are fields of a subclass.

    Attributes:
        frames_per_class: training frames a class, at the most
        snr_db: SNR labels of its training frames (empty: all)
        calibration_snr_db: SNR labels of the frames that set the threshold (empty: all)
        target_rejection: share of benign calibration frames to reject
        seed: of the choice of frames, and of a rejector's own training
    """

    frames_per_class: int = 250
    snr_db: list[float] = field(default_factory=list)
    calibration_snr_db: list[float] = field(default_factory=list)
    target_rejection: float = threshold.TARGET
    seed: int = 0

    def __post_init__(self) -> None:
        if self.frames_per_class < 1:
            raise UserError("frames per class must be positive")

    @abstractmethod
    def fit(
        self, classifier: FeatureExtractor, train: FrameDataset
    ) -> tuple[Rejector, dict[str, Any]]:
        """A rejector for a Classifier's network, as it will be saved, and facts about it.

        `train` are the benign frames to fit it on, in memory, at most `frames_per_class` a
        class and at least one.
        """
