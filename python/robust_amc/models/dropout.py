"""Dropout that draws one random byte an element."""

import torch
from torch import nn


class ByteDropout(nn.Module):
    """Dropout with one random byte an element instead of one draw.

    The random numbers of :class:`torch.nn.Dropout` are a large share of a training
    step on a CPU. `probability` is rounded to a multiple of 1/256 (0.5 is exact).
    """

    def __init__(self, probability):
        super().__init__()
        self.cut = round(probability * 256)

    def extra_repr(self):
        """Show the probability that is in force."""
        return f"p={self.cut / 256:g}"

    def forward(self, x):
        """Zero elements with the given probability and scale the rest; identity in eval mode."""
        if not self.training or self.cut == 0:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device).random_(
            -(2**63), None
        )
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.cut
        return x * keep * (256 / (256 - self.cut))
