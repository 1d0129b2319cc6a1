"""What every network is."""

from abc import ABC, abstractmethod

import torch
from torch import nn


class Network(nn.Module, ABC):
    """What the library asks of a network; any torch.nn.Module that has it all will do.

    One of another package is registered as an entry point of the group
    ``robust_amc.networks``; its name is then an architecture. It is made as
    ``Network(classes, frame_length, input_gain)``, for so many classes and frames of
    `frame_length` samples; `input_gain` multiplies a frame inside the network, before anything
    else. All that its weights need to be loaded again are these arguments, and further settings
    of its own with defaults, from the table ``[architecture]`` of a system's file or ``htrd train
    --set architecture.NAME=VALUE``. A model file keeps them. It is made on the device ``meta``
    first, to compare its weights with a file, so its constructor must not look into tensors.

    Attributes:
        feature_count: width of the last feature layer, which a rejector sees
    """

    feature_count: int

    @abstractmethod
    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, feature_count]``."""

    @abstractmethod
    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features, ``[n, feature_count]`` to ``[n, classes]``."""

    def part_logits(self, iq: torch.Tensor) -> torch.Tensor | None:
        """Class scores of frames by parts of the network, each alone, ``[n, parts, classes]``.

        For a network that weighs what its parts see, such as timing phases: a part of little
        weight has little gradient, and an attack on the whole does not find what can be done
        to it. The evaluation's checks attack each part by itself. None: there are no parts.
        """
        return None

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Class scores of frames ``[n, 2, length]``, ``[n, classes]``, at least in eval mode."""
        return self.logits(self.features(iq))
