"""A compact residual network over time: more accurate than VT-CNN2, and several times faster."""

import torch
import torch.nn.functional as F
from torch import nn

from .network import Network

WIDTHS = (32, 64, 96)  # maps of the three stages
TINY = 1e-4  # keeps the gradient of a standard deviation finite
BRANCH = 0.2  # weight of a residual branch at the start, so that no normalization is needed


def convolution(narrow: int, wide: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution over time, as one over an image of one row: those are fast in channels-last."""
    layer = nn.Conv2d(narrow, wide, (1, kernel), (1, stride), (0, (kernel - 1) // 2))
    nn.init.kaiming_normal_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """x + w·conv(SiLU(conv(SiLU(x)))), with a learned weight w a channel, small at the start."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels, kernel)
        self.second = convolution(channels, channels, kernel)
        self.weight = nn.Parameter(torch.full((channels, 1, 1), BRANCH))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps ``[n, channels, 1, width]``, same shape."""
        branch = self.second(F.silu(self.first(F.silu(maps))))
        return maps + self.weight.to(branch.dtype) * branch


class ResidualNetwork(Network):
    """Residual network of our own: strided convolutions, no normalization layer, SiLU.

    Three stages, each a convolution at stride 2 and a residual block, so that a last map
    has a value a symbol of RML2016 (8 samples); the mean and the standard deviation of
    each map over time, dropout; dense 256, SiLU (the feature layer), dropout; dense to the
    classes. 176,331 parameters for 11 classes; 6.1 MFLOP a frame of 128 samples (VT-CNN2
    has 39).

    Made for adversarial training: smooth, so that its gradients mean what an attack takes
    them for; without batch statistics, which clean and attacked frames do not share, and
    which made it no more accurate; residual branches that start small replace them (after
    De and Smith, 2020, arXiv 2002.10444).

    `input_gain` as in VTCNN2.
    """

    feature_count = 256

    def __init__(self, classes: int, frame_length: int = 128, input_gain: float = 1.0) -> None:
        super().__init__()
        self.input_gain = input_gain
        first, second, third = WIDTHS
        body = nn.Sequential(
            convolution(2, first, 7, stride=2),
            ResidualBlock(first, 5),
            nn.SiLU(),
            convolution(first, second, 4, stride=2),
            ResidualBlock(second, 3),
            nn.SiLU(),
            convolution(second, third, 4, stride=2),
            ResidualBlock(third, 3),
            nn.SiLU(),
        )
        self.body = body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dense1 = nn.Linear(2 * third, self.feature_count)
        self.dense2 = nn.Linear(self.feature_count, classes)
        self.dropout = nn.Dropout(0.5)
        nn.init.kaiming_normal_(self.dense1.weight)
        nn.init.xavier_uniform_(self.dense2.weight)
        nn.init.zeros_(self.dense1.bias)
        nn.init.zeros_(self.dense2.bias)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, 256]``."""
        image = (iq * self.input_gain)[:, :, None].contiguous(memory_format=torch.channels_last)
        maps = self.body(image).flatten(2).float()
        mean = maps.mean(2, keepdim=True)
        spread = ((maps - mean).square().mean(2) + TINY).sqrt()  # var() is slow in channels-last
        return F.silu(self.dense1(self.dropout(torch.cat([mean[..., 0], spread], 1))))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features ``[n, 256]``, ``[n, classes]``."""
        return self.dense2(self.dropout(features))
