"""AWN, the adaptive wavelet network: a good small classifier of the field, as a baseline."""

import torch
import torch.nn.functional as F
from torch import nn

from .network import Network

MAPS = 64
SLOPE = 0.01  # of the leaky ReLUs


class Lifting(nn.Module):
    """One level of a learned wavelet transform by the lifting scheme.

    Maps ``[n, channels, width]`` are split into even and odd samples; the approximation is
    even + U(odd), the detail odd - P(approximation), both half as wide. U and P are two
    convolutions of 3, a leaky ReLU between and tanh after. The last sample of an odd width
    is left out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.update = _operator(channels)
        self.predict = _operator(channels)

    def forward(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Approximation and detail."""
        half = maps.shape[2] // 2
        even, odd = maps[:, :, : 2 * half : 2], maps[:, :, 1 : 2 * half : 2]
        approximation = even + self.update(odd)
        return approximation, odd - self.predict(approximation)


class AWN(Network):
    """The adaptive wavelet network of Zhang, Wang, Feng, Yang (IEEE TCCN 2023).

    "Toward the Automatic Modulation Classification With Adaptive Wavelet Network".

    Convolution 2×7 over I and Q and one of 5, 64 maps each, batch normalization, leaky ReLU;
    `levels` of :class:`Lifting`; the means of every detail and of the last approximation over
    time, weighted by a squeeze-and-excitation gate; dense 320, leaky ReLU (the feature
    layer); dense to the classes. 124,043 parameters for 11 classes with one level, as for
    RML2016.10a. The paper's two penalties on details and approximations are no part of the
    network, and our training has none. `input_gain` as in VTCNN2.
    """

    feature_count = 320

    def __init__(
        self, classes: int, frame_length: int = 128, input_gain: float = 1.0, levels: int = 1
    ) -> None:
        super().__init__()
        self.input_gain = input_gain
        self.front = nn.Sequential(
            nn.Conv1d(2, MAPS, 7, padding=3, bias=False),
            nn.BatchNorm1d(MAPS),
            nn.LeakyReLU(SLOPE),
            nn.Conv1d(MAPS, MAPS, 5, padding=2, bias=False),
            nn.BatchNorm1d(MAPS),
            nn.LeakyReLU(SLOPE),
        )
        self.levels = nn.ModuleList(Lifting(MAPS) for _ in range(levels))
        width = MAPS * (levels + 1)
        self.gate = nn.Sequential(
            nn.Linear(width, width // 4, bias=False),
            nn.Dropout(0.5),
            nn.ReLU(),
            nn.Linear(width // 4, width, bias=False),
            nn.Sigmoid(),
        )
        self.dense1 = nn.Linear(width, self.feature_count)
        self.dense2 = nn.Linear(self.feature_count, classes)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, 320]``."""
        maps, means = self.front(iq * self.input_gain), []
        for level in self.levels:
            maps, detail = level(maps)
            means.append(detail.mean(2))
        pooled = torch.cat([*means, maps.mean(2)], 1)
        return F.leaky_relu(self.dense1(self.gate(pooled) * pooled), SLOPE)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features ``[n, 320]``, ``[n, classes]``."""
        return self.dense2(features)


def _operator(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReflectionPad1d(2),
        nn.Conv1d(channels, channels, 3),
        nn.LeakyReLU(SLOPE),
        nn.Conv1d(channels, channels, 3),
        nn.Tanh(),
    )
