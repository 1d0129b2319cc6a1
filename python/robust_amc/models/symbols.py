"""Features at the rate of symbols: what a matched filter sees."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..arrays import Floats
from ..pulse import root_raised_cosine
from . import cartesian
from .cartesian import TINY, Pair, magnitude, over, square, times_conjugate

SPAN = 4  # symbols that the matched filter is long
EDGES = 3  # symbols of a frame that are left out, because the filter reaches beyond it
FREQUENCIES = 16  # of the characteristic function
LOWEST, HIGHEST = 0.6, 5.0  # of them, in cycles per root of the symbols' mean power
FLOOR = 0.01  # of a moment's squared magnitude, below which its angle counts less and less
SPREAD_FLOOR = 1e-4  # keeps the gradient of a standard deviation finite
PER_SYMBOL, PER_PHASE = 12, 4  # what is computed of a symbol, and of a timing phase


def matched_taps(samples_per_symbol: int, span: int = SPAN) -> Floats:
    """Root raised cosine of energy 1, ``[span * samples_per_symbol + 1]``."""
    half = span * samples_per_symbol // 2
    taps = root_raised_cosine(np.arange(-half, half + 1) / samples_per_symbol)
    return taps / np.linalg.norm(taps)


class SymbolFeatures(nn.Module):
    """Frames ``[n, 2, length]`` to features ``[n, count]`` of their symbols.

    1. A filter matched to the pulse, at the start a root raised cosine of roll-off 0.35,
       learned from there. A receiver does not know when a symbol is due, so its output is
       taken at every sample as `samples_per_symbol` timing phases, each a row of symbols of
       mean power 1.
    2. Of each symbol: its magnitude r, r², r⁴; its step from the symbol before, r·exp(jkΔφ)
       for k = 1, 2, 4; and r·exp(jkφ) for k = 2, 4, 8 turned by the angle of the mean k-th
       power, which is how a receiver recovers the carrier's phase. A small dense network on
       them; mean and standard deviation over the symbols.
    3. Of each timing phase: magnitudes of those mean powers and the kurtosis (the cumulants
       of classical classifiers), and the characteristic function of the constellation,
       turned by the fourth-power angle, at learned frequencies: a grid of points is a peak
       of it, which tells QAM16 from QAM64.
    4. A second dense network on all of that; mean over the timing phases, and a weighted mean
       whose weights it learns to give.

    All of it is smooth and does not change when a frame is turned by a phase, conjugated or
    amplified. Float32 up to the dense networks, whatever the precision of the caller.
    """

    tap: torch.Tensor
    inside: torch.Tensor

    def __init__(
        self, frame_length: int = 128, samples_per_symbol: int = 8, width: int = 48
    ) -> None:
        super().__init__()
        self.phases = samples_per_symbol
        self.symbols = max(2, frame_length // samples_per_symbol - EDGES)
        taps = matched_taps(samples_per_symbol).astype(np.float32)
        self.taps = nn.Parameter(torch.from_numpy(taps))
        first = (frame_length - self.symbols * self.phases) // 2
        instant = torch.arange(self.symbols * self.phases).view(self.symbols, self.phases).T + first
        tap = torch.arange(frame_length)[:, None] - instant.flatten() + len(taps) // 2
        inside = (tap >= 0) & (tap < len(taps))
        self.register_buffer("tap", tap.clamp(0, len(taps) - 1), persistent=False)
        self.register_buffer("inside", inside.float(), persistent=False)
        self.frequency = nn.Parameter(torch.linspace(LOWEST, HIGHEST, FREQUENCIES))
        self.of_symbol = _dense(PER_SYMBOL, width, width)
        self.of_phase = _dense(2 * width + PER_PHASE + FREQUENCIES, 2 * width, width)
        self.weight = nn.Linear(width, width)
        self.count = 2 * width

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """See the class; frames of mean power 1."""
        seen = self.of_phases(iq)
        weight = self.weight(seen).float().softmax(1)
        return torch.cat([seen.mean(1), (weight * seen).sum(1)], 1)

    def of_phases(self, iq: torch.Tensor) -> torch.Tensor:
        """What is seen in each timing phase, ``[n, phases, count / 2]``.

        If there were that one alone, :meth:`forward` would give it twice.
        """
        with torch.autocast(iq.device.type, enabled=False):
            symbols = self.matched(iq.float())
            each, statistics = self.statistics(symbols)
        return self.of_phase(torch.cat([*self.seen(each), statistics], 2)).float()

    def seen(self, each: list[torch.Tensor]) -> Pair:
        """The dense network's mean and standard deviation, two of ``[n, phases, width]``.

        Over the symbols, of each of which 12 values ``[n, phases, symbols]`` are given.
        """
        seen = self.of_symbol(torch.stack(each, 3)).float()
        mean = seen.mean(2)
        return mean, ((seen - mean[:, :, None]).square().mean(2) + SPREAD_FLOOR).sqrt()

    def matched(self, iq: torch.Tensor) -> Pair:
        """Symbols of every timing phase, a pair of ``[n, phases, symbols]``, mean power 1."""
        # One product with a matrix made of the taps: faster than a convolution of one map
        filtered = iq @ (self.taps[self.tap] * self.inside)
        real, imag = filtered.view(-1, 2, self.phases, self.symbols).unbind(1)
        power = (real * real + imag * imag).mean(2, keepdim=True) + TINY
        return over((real, imag), power.sqrt())

    def statistics(self, symbols: Pair) -> tuple[list[torch.Tensor], torch.Tensor]:
        """12 of ``[n, phases, symbols]`` of each symbol, and ``[n, phases, 20]`` of each phase."""
        r = magnitude(symbols)
        r2 = r * r
        powers = {2: square(symbols)}
        powers[4] = square(powers[2])
        turning = square(square(square(over(symbols, r))))
        powers[8] = over(turning, 1 / r)  # r⁸ would leave only the outermost symbols
        moments = {order: cartesian.mean(power, 2) for order, power in powers.items()}
        each = [r, r2, 0.2 * r2 * r2]
        for order, flat in ((2, r), (4, r * r2 + TINY), (8, 1)):
            moment = moments[order]
            reference = over(moment, magnitude(moment, FLOOR))
            turned = times_conjugate(over(powers[order], flat), reference)
            each += [turned[0], turned[1].square()][: 1 if order == 8 else 2]
        each += self._steps(symbols)
        statistics = [magnitude(moment) for moment in moments.values()]
        statistics.append(r2.square().mean(2, keepdim=True))
        statistics.append(self._characteristic(symbols, moments[4]))
        return each, torch.cat(statistics, 2)

    def _steps(self, symbols: Pair) -> list[torch.Tensor]:
        """From each symbol to the next: √(r·r')·cos(kΔφ), k = 1, 2, 4, and √(r·r')."""
        real, imag = symbols
        before, after = (real[..., :-1], imag[..., :-1]), (real[..., 1:], imag[..., 1:])
        step = times_conjugate(after, before)
        size = magnitude(step)
        step = over(step, size)
        double = square(step)
        root = size.sqrt()
        steps = (step[0] * root, double[0] * root, square(double)[0] * root, root)
        return [F.pad(each, (1, 0)) for each in steps]

    def _characteristic(self, symbols: Pair, moment: Pair) -> torch.Tensor:
        """Mean of cos(2πfI) + cos(2πfQ) over the symbols, ``[n, phases, frequencies]``.

        Symbols are turned so that the mean fourth power becomes negative, which puts the
        grids of QAM upright. The angle is known up to quarter turns, which change nothing.
        """
        angle = torch.atan2(-moment[1], -moment[0]) / 4
        upright = torch.stack(times_conjugate(symbols, (angle.cos(), angle.sin())), 3)
        waves = (upright[..., None] * (2 * math.pi * self.frequency)).cos()
        return waves.mean(2).sum(2)


def _dense(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs), nn.SiLU()
    )
