"""A classifier as one module that exports: network, scaling, rejector and threshold."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .. import frames
from ..classifier import Classifier
from ..frames import Scaling
from ..models.cartesian import Pair
from ..models.network import Network
from ..models.symbols import SPREAD_FLOOR, SymbolFeatures
from ..models.vtcnn2 import VTCNN2
from ..outputs import Outputs

REJECT_NONE = -torch.inf  # the threshold of a model without a rejector
OUTPUTS, LOGITS = ("label", "scores"), "logits"


class DecisionGraph(nn.Module):
    """What :meth:`Classifier.decide` computes, of a tensor, without any branch in Python.

    Frames ``[n, 2, length]`` and a threshold (scalar) to labels int64 ``[n]``, -1 for a
    rejected frame, and scores float32 ``[n, classes]``. Frames that are not finite or all
    zero are rejected with scores of -inf. With `with_logits` also the network's logits,
    float32 ``[n, classes]``, of any frame. What is exported of the submodules `features`,
    `logits` and `rejector` carries those names: only the first may lose precision.
    """

    def __init__(
        self,
        classifier: Classifier,
        scaling: Scaling | str = Scaling.NONE,
        with_logits: bool = False,
    ) -> None:
        super().__init__()
        network = convolutional(classifier.network)
        self.features = _Features(network)
        self.logits = _Logits(network)
        rejector = classifier.rejector
        self.rejector = None if rejector is None else rejector.exportable()
        self.scaling = Scaling(scaling)
        self.with_logits = with_logits
        self.eval().requires_grad_(False)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Of what :meth:`forward` returns."""
        return (*OUTPUTS, LOGITS) if self.with_logits else OUTPUTS

    def forward(self, iq: torch.Tensor, threshold: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Labels and scores, see the class."""
        outputs = self.outputs(frames.scale(iq, self.scaling))
        decided = self.decided(iq, outputs.scores, threshold)
        return (*decided, outputs.logits) if self.with_logits else decided

    def outputs(self, iq: torch.Tensor) -> Outputs:
        """Outputs of frames as the network takes them; differentiable."""
        features = self.features(iq)
        logits = self.logits(features)
        scores = logits if self.rejector is None else self.rejector(iq, features, logits)
        return Outputs(iq, features, logits, scores)

    def decided(
        self, iq: torch.Tensor, scores: torch.Tensor, threshold: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels and scores of frames, from the scores that :meth:`outputs` gives."""
        energy = frames.energy(iq)
        valid = (energy > 0) & (energy < torch.inf)
        scores = torch.where(valid[:, None], scores, -torch.inf)
        best, label = scores.max(1)
        # A sum tells NaN and infinity alike in every runtime, a maximum does not
        sure = (scores.abs().sum(1) < torch.inf) & (best >= threshold)
        return torch.where(sure, label, -1), scores


class _Features(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        return self.network.features(iq).float()


class _Logits(_Features):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.network.logits(features)


def convolutional(network: Network) -> Network:
    """A copy of a network with some parts as plain convolutions."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if type(module) in _CONVOLUTIONAL:  # the same parameters, another form
            module.__class__ = _CONVOLUTIONAL[type(module)]
    return network


class _ConvolutionalVTCNN2(VTCNN2):
    """VT-CNN2 as its layers say: the runtimes' convolutions beat our matrix products there."""

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        maps = (iq * self.input_gain)[:, None]
        for layer in (self.conv1, self.conv2):
            maps = F.relu(F.conv2d(maps, layer.weight, layer.bias, padding=(0, 2)))
        return F.relu(self.dense1(maps.flatten(1)))


class _ConvolutionalSymbolFeatures(SymbolFeatures):
    """The dense network on symbols as convolutions: what a symbol has of each is then a map.

    OpenVINO takes a tenth of the network's time to put values of a symbol beside each other.
    """

    def seen(self, each: list[torch.Tensor]) -> Pair:
        maps = torch.stack(each, 1)
        for layer in self.of_symbol:
            if isinstance(layer, nn.Linear):
                maps = F.conv2d(maps, layer.weight[:, :, None, None], layer.bias)
            else:
                maps = layer(maps)
        mean = maps.mean(3)
        spread = ((maps - mean[..., None]).square().mean(3) + SPREAD_FLOOR).sqrt()
        return mean.transpose(1, 2), spread.transpose(1, 2)


_CONVOLUTIONAL: dict[type[nn.Module], type[nn.Module]] = {
    VTCNN2: _ConvolutionalVTCNN2,
    SymbolFeatures: _ConvolutionalSymbolFeatures,
}
