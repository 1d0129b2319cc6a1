"""What a training method is, and those that there are."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..plugins import Registry

METHODS = Registry(
    "robust_amc.training_methods",
    "training method",
    {
        "standard": "robust_amc.training.standard:Standard",
        "ls_gna": "robust_amc.training.ls_gna:LSGNA",
        "adversarial": "robust_amc.training.adversarial:Adversarial",
        "cat": "robust_amc.training.customized:CustomizedAdversarial",
        "trades": "robust_amc.training.trades:Trades",
    },
)


class Method(ABC):
    """How a training makes its batches: base class of the methods.

    A method of another package is a subclass, registered as an entry point of the group
    ``robust_amc.training_methods``. Its name is that of the table of its settings too, in a
    system's file (``[cat]``) and on the command line (``--set cat.r_max=0.1``).

    Attributes:
        Settings: dataclass of the method's own settings, each with a default; None: it has none
        robust_radius: of TrainSettings, where nothing else is said: the relative radius of the
            attack whose robust accuracy chooses the epoch (0: clean accuracy does)
        settings: a Settings, or None
    """

    Settings: ClassVar[type | None] = None
    robust_radius: ClassVar[float] = 0.0

    def __init__(self, settings: Any = None, frame_count: int = 0) -> None:
        """Take the settings (None: the defaults) for a training on `frame_count` frames."""
        self.settings = self.Settings() if settings is None and self.Settings else settings

    @abstractmethod
    def batch(
        self,
        network: nn.Module,
        iq: Tensor,
        label: Tensor,
        rows: Tensor,
        classes: int,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Make a batch: inputs ``[m, 2, length]`` and soft labels ``[m, classes]``.

        Args:
            network: see robust_amc.models; in training mode, and so it must be left
            iq: frames ``[m, 2, length]``
            label: their classes, integers ``[m]``
            rows: their places in the training set, integers ``[m]``
            classes: how many there are
            generator: of every random choice, on the CPU
        """

    def state_dict(self) -> dict[str, Tensor]:
        """What is kept between epochs: tensors ``[frames]``, one value for each training frame."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:  # noqa: B027
        """Go on with what :meth:`state_dict` gave; here, nothing."""
