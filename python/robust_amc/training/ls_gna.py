"""Label smoothing and Gaussian noise augmentation (LS-GNA)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .. import frames
from ..errors import UserError
from .method import Method


@dataclass(frozen=True)
class LSGNASettings:
    """Settings of LS-GNA. The authors publish neither value: these are ours.

    Attributes:
        smoothing: α of the label smoothing
        noise: amplitude of the noise relative to the frame, ‖n‖ = noise·‖x‖ on average;
            0.095 is PNR -10 dB at 10 dB SNR
    """

    smoothing: float = 0.1
    noise: float = 0.05

    def __post_init__(self) -> None:
        if not (0 <= self.smoothing <= 1 and 0 <= self.noise < float("inf")):
            raise UserError("LS-GNA needs 0 <= smoothing <= 1 and noise that is not negative")


class LSGNA(Method):
    """Makes a batch of LS-GNA training. Keeps no state.

    Zhang et al., IEEE WCL 2021 (arXiv 2407.06796).
    """

    settings: LSGNASettings

    Settings = LSGNASettings

    def batch(
        self,
        network: nn.Module,
        iq: torch.Tensor,
        label: torch.Tensor,
        rows: torch.Tensor,
        classes: int,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Noisy frames ``[m, 2, length]`` and labels smoothed toward the uniform one."""
        noise = torch.randn(iq.shape, generator=generator).to(iq)
        sigma = self.settings.noise * frames.flat_norm(iq) / iq[0].numel() ** 0.5
        alpha = self.settings.smoothing
        return iq + sigma * noise, (1 - alpha) * F.one_hot(label, classes) + alpha / classes
