"""What every network is."""

import torch
from torch import nn


class Network(nn.Module):
    """A network in two halves: features, which rejectors look at too, and logits.

    Attributes:
        feature_count: width of the feature layer
    """

    feature_count: int

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, features]``."""
        raise NotImplementedError(f"{type(self).__name__} has no features()")

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features, ``[n, classes]``."""
        raise NotImplementedError(f"{type(self).__name__} has no logits()")

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Class scores of frames ``[n, 2, length]``, ``[n, classes]``."""
        return self.logits(self.features(iq))
