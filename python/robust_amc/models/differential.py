"""Features at the rate of samples: how phase and amplitude go on, as FM, FSK and AM show them."""

import torch
import torch.nn.functional as F
from torch import nn

from .cartesian import magnitude, times_conjugate
from .residual import TINY, ResidualBlock, convolution

PAIRS = 6  # of filters whose outputs are multiplied
TAPS = 9  # of each filter
WIDTHS = (32, 48)  # maps of the two stages
OFFSET = 4  # largest difference in delay, in samples, that a pair starts with


class DifferentialFeatures(nn.Module):
    """Frames ``[n, 2, length]`` to features ``[n, count]`` of their samples.

    Pairs of learned complex filters; the output of one times the conjugate of that of the
    other, and the magnitude of the first. At the start the filters of a pair are delays of
    1 … 4 samples to each other, which makes the products those of a differential detector:
    their angle is the instantaneous frequency. Turning a frame by a phase does not change
    them. Then two stages, each a convolution at stride 2 and a residual block; mean and
    standard deviation over time. The filters' outputs are taken four times a symbol.
    """

    def __init__(self, samples_per_symbol: int = 8) -> None:
        super().__init__()
        self.stride = max(1, samples_per_symbol // 4)
        taps = 0.1 * torch.randn(2, PAIRS, 2, TAPS)  # of a pair, which, real and imaginary
        taps[0, :, 0, TAPS // 2] += 1
        for pair in range(PAIRS):
            taps[1, pair, 0, TAPS // 2 + 1 + pair % OFFSET] += 1
        self.taps = nn.Parameter(taps)
        first, second = WIDTHS
        body = nn.Sequential(
            convolution(3 * PAIRS, first, 5, stride=2),
            ResidualBlock(first, 3),
            nn.SiLU(),
            convolution(first, second, 4, stride=2),
            ResidualBlock(second, 3),
            nn.SiLU(),
        )
        self.body = body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.count = 2 * second

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """See the class; frames of mean power 1."""
        with torch.autocast(iq.device.type, enabled=False):
            products = self.products(iq.float())
        image = products[:, :, None].contiguous(memory_format=torch.channels_last)
        maps = self.body(image).flatten(2).float()
        mean = maps.mean(2, keepdim=True)
        spread = ((maps - mean).square().mean(2) + TINY).sqrt()
        return torch.cat([mean[..., 0], spread], 1)

    def products(self, iq: torch.Tensor) -> torch.Tensor:
        """``[n, 3 · pairs, time]``: products, real and imaginary parts, and magnitudes."""
        real, imag = self.taps.flatten(0, 1).unbind(1)
        kernel = torch.cat([torch.stack([real, -imag], 1), torch.stack([imag, real], 1)])
        filtered = F.conv1d(iq, kernel, stride=self.stride, padding=TAPS // 2)
        filtered = filtered.view(-1, 4, PAIRS, filtered.shape[2])
        one, other = (filtered[:, 0], filtered[:, 2]), (filtered[:, 1], filtered[:, 3])
        return torch.cat([*times_conjugate(other, one), magnitude(one)], 1)
