"""VT-CNN2, the classifier of the paper."""

import torch
import torch.nn.functional as F
from torch import nn

from .dropout import RectifiedDropout
from .network import Network


class VTCNN2(Network):
    """VT-CNN2 of O'Shea et al. (2016), as used by Zhang et al., IEEE WCL 2022.

    Zero-pad 2 each side in time; 256 filters 1×3, ReLU, dropout; zero-pad 2; 80 filters
    2×3, ReLU, dropout; dense 256, ReLU (the feature layer), dropout; dense to the
    classes. 2,830,427 parameters for 11 classes and 128 samples.

    `input_gain` multiplies the frame first, so that RML2016's values near 0.008 train
    at ordinary step sizes; it is part of the network, so ε keeps its meaning.

    Both convolutions are computed as matrix products, which is what makes them fast on
    a CPU: conv2's kernel is as high as its input, so its output has one row and it is
    one product of the 2·256 maps with 3·80 columns, followed by three shifted sums.
    """

    feature_count = 256

    def __init__(self, classes: int, frame_length: int = 128, input_gain: float = 1.0) -> None:
        super().__init__()
        self.input_gain = input_gain
        self.conv1 = nn.Conv2d(1, 256, (1, 3))
        self.conv2 = nn.Conv2d(256, 80, (2, 3))
        self.dense1 = nn.Linear(80 * (frame_length + 4), self.feature_count)
        self.dense2 = nn.Linear(self.feature_count, classes)
        self.rectify = RectifiedDropout()
        self.dropout = nn.Dropout(0.5)
        for layer in (self.conv1, self.conv2, self.dense2):
            nn.init.xavier_uniform_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.kaiming_normal_(self.dense1.weight)
        nn.init.zeros_(self.dense1.bias)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, 256]``."""
        maps = self.rectify(self._conv1(iq * self.input_gain))
        maps = self.rectify(self._conv2(maps))
        return F.relu(self.dense1(maps.transpose(1, 2).flatten(1)))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features ``[n, 256]``, ``[n, classes]``."""
        return self.dense2(self.dropout(features))

    def _conv1(self, iq: torch.Tensor) -> torch.Tensor:
        """``[n, 2, length]`` to ``[n, length + 2, 2·256]``, the rows side by side."""
        windows = F.pad(iq, (2, 2)).unfold(2, 3, 1).transpose(1, 2)  # [n, length + 2, 2, 3]
        maps = F.linear(windows.reshape(-1, 3), self.conv1.weight.view(256, 3), self.conv1.bias)
        return maps.view(iq.shape[0], -1, 512)

    def _conv2(self, maps: torch.Tensor) -> torch.Tensor:
        """``[n, width, 2·256]`` to ``[n, width + 2, 80]``."""
        # Column block k holds every map's product with tap k; output t is the sum over k
        # of block k at t + k - 2. The zero padding takes no part in the product.
        weight = self.conv2.weight.permute(3, 0, 2, 1).reshape(240, 512)
        taps = F.linear(maps.flatten(0, 1), weight).view(maps.shape[0], -1, 240)
        left, middle, right = taps.split(80, dim=2)
        assert self.conv2.bias is not None
        return (
            F.pad(right, (0, 0, 0, 2))
            + F.pad(middle, (0, 0, 1, 1))
            + F.pad(left, (0, 0, 2, 0))
            + self.conv2.bias.to(taps.dtype)
        )
