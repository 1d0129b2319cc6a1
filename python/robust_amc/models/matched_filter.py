"""A small network that sees what a receiver sees: symbols through a matched filter."""

import torch
import torch.nn.functional as F
from torch import nn

from .cartesian import unit_power
from .differential import DifferentialFeatures
from .network import Network
from .symbols import SymbolFeatures


class MatchedFilterNetwork(Network):
    """Network of our own: features of symbols beside features of samples, and a dense head.

    :class:`SymbolFeatures` for the linear modulations, :class:`DifferentialFeatures` for
    FSK, FM and AM; dropout; dense 128, SiLU (the feature layer), dropout; dense to the
    classes. A network of convolutions has to learn from noise that there are symbols at all,
    and those that ship in this package never told QAM16 from QAM64; here the first layers
    are those of a receiver, and what is learned starts from there.

    Does not change its mind when a frame is turned by a phase or amplified, and is smooth.
    `input_gain` is there as every network has it; frames are scaled to a mean power of 1
    after it, so that it only matters to frames of almost none.

    `samples_per_symbol` is that of the digital modulations, 8 in RML2016.
    """

    feature_count = 128

    def __init__(
        self,
        classes: int,
        frame_length: int = 128,
        input_gain: float = 1.0,
        samples_per_symbol: int = 8,
    ) -> None:
        super().__init__()
        self.input_gain = input_gain
        self.symbols = SymbolFeatures(frame_length, samples_per_symbol)
        self.samples = DifferentialFeatures(samples_per_symbol)
        self.dense1 = nn.Linear(self.symbols.count + self.samples.count, self.feature_count)
        self.dense2 = nn.Linear(self.feature_count, classes)
        self.dropout = nn.Dropout(0.2)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, 128]``."""
        scaled = unit_power(iq * self.input_gain)
        seen = torch.cat([self.symbols(scaled), self.samples(scaled)], 1)
        return F.silu(self.dense1(self.dropout(seen)))

    def part_logits(self, iq: torch.Tensor) -> torch.Tensor:
        """Class scores by each timing phase alone, ``[n, samples_per_symbol, classes]``."""
        scaled = unit_power(iq * self.input_gain)
        phases, samples = self.symbols.of_phases(scaled), self.samples(scaled)
        samples = samples[:, None].expand(-1, phases.shape[1], -1)
        seen = torch.cat([phases, phases, samples], 2)
        return self.logits(F.silu(self.dense1(self.dropout(seen))))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features ``[n, 128]``, ``[n, classes]``."""
        return self.dense2(self.dropout(features))
