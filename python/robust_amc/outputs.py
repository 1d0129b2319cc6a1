"""What a classifier computes on the way to a decision."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Outputs:
    """Of a batch of `n` frames, tensors.

    Attributes:
        iq: the frames ``[n, 2, length]``
        features: of the last feature layer ``[n, features]``
        logits: of the network ``[n, classes]``
        scores: what is decided by ``[n, classes]``: the rejector's, or the logits without one
    """

    iq: torch.Tensor
    features: torch.Tensor
    logits: torch.Tensor
    scores: torch.Tensor
