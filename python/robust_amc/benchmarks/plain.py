"""The baselines: VT-CNN2, its training and PGD as one would write them in PyTorch.

Eager, float32, whole batches, every frame and every step. As good as such code usually is: the
gradient of an attack is taken by the frames alone, although the weights ask for theirs.
"""

from typing import Self

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from ..models.vtcnn2 import VTCNN2
from ..training import CATSettings, TrainSettings

PADDING = (2, 2, 0, 0)  # of the time axis


class PlainVTCNN2(nn.Module):
    """VT-CNN2 of layers only; it takes the weights of :class:`robust_amc.models.VTCNN2`."""

    def __init__(self, classes: int, frame_length: int = 128, input_gain: float = 1.0) -> None:
        super().__init__()
        self.input_gain = input_gain
        self.pad = nn.ZeroPad2d(PADDING)
        self.conv1 = nn.Conv2d(1, 256, (1, 3))
        self.conv2 = nn.Conv2d(256, 80, (2, 3))
        self.dense1 = nn.Linear(80 * (frame_length + 4), 256)
        self.dense2 = nn.Linear(256, classes)
        self.dropout = nn.Dropout(0.5)

    @classmethod
    def of(cls, network: nn.Module, frame_length: int = 128) -> Self:
        """One that computes what `network`, a VTCNN2, does; in eval mode."""
        assert isinstance(network, VTCNN2)
        plain = cls(network.dense2.out_features, frame_length, network.input_gain)
        plain.load_state_dict(network.state_dict())
        return plain.eval()

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """Class scores of frames ``[n, 2, length]``, ``[n, classes]``."""
        maps = self.input_gain * iq[:, None]
        maps = self.dropout(F.relu(self.conv1(self.pad(maps))))
        maps = self.dropout(F.relu(self.conv2(self.pad(maps))))
        features = self.dropout(F.relu(self.dense1(maps.flatten(1))))
        return self.dense2(features)


def pgd(
    network: nn.Module,
    iq: torch.Tensor,
    label: torch.Tensor,
    epsilon: torch.Tensor,
    *,
    steps: int,
    step_size: float,
) -> torch.Tensor:
    """l2 PGD on the cross entropy in balls of radius `epsilon` ``[n]``; all steps."""
    radius = epsilon[:, None, None]
    perturbed = iq.clone()
    for _ in range(steps):
        perturbed.requires_grad_()
        loss = F.cross_entropy(network(perturbed), label, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, perturbed)
        delta = perturbed.detach() - iq + step_size / steps * radius * _unit(gradient)
        perturbed = iq + delta * (radius / _norm(delta)).clamp(max=1)
    return perturbed.detach()


def standard_epoch(
    network: nn.Module, iq: torch.Tensor, label: torch.Tensor, settings: TrainSettings
) -> None:
    """One epoch over frames ``[n, 2, length]`` by TrainSettings."""
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    network.train()
    for rows in torch.randperm(len(iq)).split(settings.batch_size):
        _update(network, optimizer, iq[rows], label[rows])


def cat_epoch(
    network: nn.Module,
    iq: torch.Tensor,
    label: torch.Tensor,
    budget: torch.Tensor,
    settings: TrainSettings,
    cat: CATSettings,
) -> None:
    """One epoch of customized adversarial training by TrainSettings and CATSettings.

    `budget` ``[n]`` are the relative radii, which are changed in place, see
    :class:`robust_amc.training.CustomizedAdversarial`.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    for rows in torch.randperm(len(iq)).split(settings.batch_size):
        network.eval()
        inputs, target = cat_batch(network, iq[rows], label[rows], rows, budget, cat)
        network.train()
        _update(network, optimizer, inputs, target)


def cat_batch(
    network: nn.Module,
    iq: torch.Tensor,
    label: torch.Tensor,
    rows: torch.Tensor,
    budget: torch.Tensor,
    cat: CATSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attacked frames and the smoothed labels of one batch."""
    relative = budget[rows]
    epsilon = relative * _norm(iq)[:, 0, 0]
    perturbed = pgd(network, iq, label, epsilon, steps=cat.steps, step_size=cat.step_size)
    with torch.no_grad():
        logits = network(perturbed)
    grown = (relative + cat.growth).clamp(max=cat.r_max)
    budget[rows] = torch.where(logits.argmax(1) != label, relative, grown)
    alpha = (relative / cat.r_max * cat.smoothing_max)[:, None]
    classes = logits.shape[1]
    uniform = torch.distributions.Dirichlet(torch.ones(classes)).sample((len(iq),))
    return perturbed, (1 - alpha) * F.one_hot(label, classes) + alpha * uniform


def _update(
    network: nn.Module, optimizer: Optimizer, inputs: torch.Tensor, target: torch.Tensor
) -> None:
    optimizer.zero_grad()
    F.cross_entropy(network(inputs), target).backward()
    optimizer.step()


def _norm(iq: torch.Tensor) -> torch.Tensor:
    return iq.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None]


def _unit(gradient: torch.Tensor) -> torch.Tensor:
    return gradient / _norm(gradient)
