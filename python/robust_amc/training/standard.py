"""Standard training: the frames as they are, one-hot labels."""

import torch
import torch.nn.functional as F
from torch import nn

from .method import Method


class Standard(Method):
    """Makes a batch of standard training. Keeps no state."""

    def batch(
        self,
        network: nn.Module,
        iq: torch.Tensor,
        label: torch.Tensor,
        rows: torch.Tensor,
        classes: int,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and soft labels for a batch: the frames and one-hot labels."""
        return iq, F.one_hot(label, classes).float()
