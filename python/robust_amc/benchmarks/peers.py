"""The l2 PGD of public toolboxes on our frames, each with its own radius.

A toolbox takes one radius for all. It therefore gets frames in units of their own ε, with ε
in one more sample, which the network's wrapper takes off again without a gradient: the
radius is 1, and the perturbation never reaches that sample.

Every function takes a network in eval mode on the CPU, frames float32 ``[n, 2, length]``, labels
``[n]`` and radii ``[n]``, and returns the perturbed frames: cross entropy, from the clean frame,
all steps. What they need is imported when they are called (docs/benchmarks.md).
"""

from importlib import metadata

import numpy as np
import torch
from torch import nn

from ..arrays import Floats, Integers

BATCH = 64


def art(
    network: nn.Module,
    iq: Floats,
    label: Integers,
    epsilon: Floats,
    *,
    steps: int,
    step_size: float,
    classes: int,
) -> Floats:
    """PGD of adversarial-robustness-toolbox."""
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    model = PyTorchClassifier(
        _InUnitsOfEpsilon(network),
        nn.CrossEntropyLoss(reduction="sum"),
        input_shape=(2, iq.shape[2] + 1),
        nb_classes=classes,
        device_type="cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        model,
        norm=2,
        eps=1.0,
        eps_step=step_size / steps,
        max_iter=steps,
        num_random_init=0,
        batch_size=BATCH,
        verbose=False,
    )
    target = np.eye(classes, dtype=np.float32)[label]
    return _unpack(attack.generate(_pack(iq, epsilon), target))


def foolbox(
    network: nn.Module,
    iq: Floats,
    label: Integers,
    epsilon: Floats,
    *,
    steps: int,
    step_size: float,
    classes: int,
) -> Floats:
    """PGD of foolbox."""
    from foolbox import PyTorchModel
    from foolbox.attacks import L2ProjectedGradientDescentAttack

    model = PyTorchModel(_InUnitsOfEpsilon(network).eval(), bounds=(-1e9, 1e9), device="cpu")
    attack = L2ProjectedGradientDescentAttack(
        abs_stepsize=step_size / steps, steps=steps, random_start=False
    )
    packed = torch.as_tensor(_pack(iq, epsilon))
    truth = torch.as_tensor(label, dtype=torch.long)
    found = [
        attack(model, own, own_label, epsilons=1.0)[1]
        for own, own_label in zip(packed.split(BATCH), truth.split(BATCH))
    ]
    return _unpack(torch.cat(found).numpy())


def torchattacks(
    network: nn.Module,
    iq: Floats,
    label: Integers,
    epsilon: Floats,
    *,
    steps: int,
    step_size: float,
    classes: int,
) -> Floats:
    """PGD of torchattacks.

    It takes images ``[n, channels, height, width]`` with values in 0 … 1 and clips what leaves
    that range. So a frame's zero becomes 1/2, and the unit so large that nothing leaves it.
    """
    from torchattacks import PGDL2

    packed = torch.as_tensor(_pack(iq, epsilon))
    unit = 2 * float(packed.abs().max()) + 2  # a sample grows by 1 at most
    zero = torch.full(packed.shape[2:], 0.5)
    zero[-1] = 0  # ε is positive, and so keeps its precision
    attack = PGDL2(
        _OfImages(_InUnitsOfEpsilon(network), zero, unit).eval(),
        eps=1 / unit,
        alpha=step_size / steps / unit,
        steps=steps,
        random_start=False,
    )
    images = (packed / unit + zero)[:, None]
    truth = torch.as_tensor(label, dtype=torch.long)
    found = [attack(*batch) for batch in zip(images.split(BATCH), truth.split(BATCH))]
    return _unpack(((torch.cat(found)[:, 0] - zero) * unit).numpy())


PEERS = {"art": art, "foolbox": foolbox, "torchattacks": torchattacks}
_PACKAGES = {"art": "adversarial-robustness-toolbox"}  # whose name is not the module's


def versions() -> dict[str, str | None]:
    """Installed version of each toolbox, None where there is none."""
    return {name: _version(_PACKAGES.get(name, name)) for name in PEERS}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


class _InUnitsOfEpsilon(nn.Module):
    """A network for what _pack() makes of frames."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, packed: torch.Tensor) -> torch.Tensor:
        return self.network(packed[:, :, :-1] * packed[:, :1, -1:].detach())


class _OfImages(nn.Module):
    """A network for images ``[n, 1, height, width]`` of what `network` takes."""

    def __init__(self, network: nn.Module, zero: torch.Tensor, unit: float) -> None:
        super().__init__()
        self.network, self.zero, self.unit = network, zero, unit

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network((images[:, 0] - self.zero) * self.unit)


def _pack(iq: Floats, epsilon: Floats) -> Floats:
    """Frames ``[n, 2, length]`` to ``[n, 2, length + 1]``."""
    epsilon = np.asarray(epsilon, np.float32)[:, None, None]
    return np.concatenate([iq / epsilon, epsilon.repeat(2, axis=1)], axis=2)


def _unpack(packed: Floats) -> Floats:
    return packed[:, :, :-1] * packed[:, :1, -1:]
