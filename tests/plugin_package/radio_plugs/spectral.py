"""A network: a small perceptron on the logarithm of a frame's power spectrum."""

import torch
from torch import nn

FLOOR = 1e-3  # of the relative power; the logarithm stays smooth below it


class SpectralNetwork(nn.Module):
    """One hidden layer of `width` units, which is the feature layer."""

    def __init__(
        self, classes: int, frame_length: int = 128, input_gain: float = 1.0, width: int = 32
    ) -> None:
        super().__init__()
        self.feature_count, self.input_gain = width, input_gain
        # The transform as a product: it exports to ONNX as it is
        angle = 2 * torch.pi * torch.outer(torch.arange(frame_length), torch.arange(frame_length))
        self.register_buffer("cosine", torch.cos(angle / frame_length), persistent=False)
        self.register_buffer("sine", torch.sin(angle / frame_length), persistent=False)
        self.hidden = nn.Linear(frame_length, width)
        self.last = nn.Linear(width, classes)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Frames ``[n, 2, length]`` to ``[n, width]``."""
        i, q = (iq * self.input_gain).unbind(1)
        real = i @ self.cosine + q @ self.sine
        imag = q @ self.cosine - i @ self.sine
        power = real**2 + imag**2
        relative = power / (power.mean(1, keepdim=True) + 1e-12)
        return nn.functional.silu(self.hidden((relative + FLOOR).log()))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Features to class scores ``[n, classes]``."""
        return self.last(features)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Class scores of frames."""
        return self.logits(self.features(iq))
