"""The spectrum of a frame as a layer."""

import torch
from torch import nn


class Fourier(nn.Module):
    """Discrete Fourier transform of frames, orthonormal, the zero frequency in the middle.

    Frames ``[n, 2, length]`` to spectra of the same shape, real parts in row 0. One product
    with a constant matrix: at the length of a frame that is as fast as an FFT, and every
    export format knows it. The matrix is no part of a model file.
    """

    matrix: torch.Tensor

    def __init__(self, frame_length: int) -> None:
        super().__init__()
        time = torch.arange(frame_length, dtype=torch.float64)
        cycles = torch.outer(time, time - frame_length // 2) % frame_length / frame_length
        angle = -2 * torch.pi * cycles
        real, imaginary = angle.cos(), angle.sin()
        rows = torch.cat([torch.cat([real, imaginary], 1), torch.cat([-imaginary, real], 1)])
        matrix = (rows / frame_length**0.5).float()
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Spectra of frames, float32 whatever the precision of the caller."""
        with torch.autocast(iq.device.type, enabled=False):
            return (iq.float().flatten(1) @ self.matrix).view_as(iq)
