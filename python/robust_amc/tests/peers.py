"""The l2 PGD of two public toolboxes on our frames, each with its own radius.

A toolbox takes one radius for all. It therefore gets frames in units of their own ε, with ε
in one more sample, which the network's wrapper takes off again without a gradient: the
radius is 1, and the perturbation never reaches that sample.

Needs the extra `peers`. Every function takes a network in eval mode on the CPU, frames float32
``[n, 2, length]``, labels ``[n]`` and radii ``[n]``, and returns the perturbed frames.
"""

import numpy as np
import torch
from torch import nn

from robust_amc.attacks.pgd import descend

BATCH = 64


def art(network, iq, label, epsilon, *, steps, step_size, classes):
    """PGD of adversarial-robustness-toolbox: cross entropy, no restarts, all steps."""
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


def foolbox(network, iq, label, epsilon, *, steps, step_size, classes):
    """PGD of foolbox: cross entropy, from the clean frame, all steps."""
    from foolbox import PyTorchModel
    from foolbox.attacks import L2ProjectedGradientDescentAttack

    model = PyTorchModel(_InUnitsOfEpsilon(network).eval(), bounds=(-1e9, 1e9), device="cpu")
    attack = L2ProjectedGradientDescentAttack(
        abs_stepsize=step_size / steps, steps=steps, random_start=False
    )
    packed = torch.as_tensor(_pack(iq, epsilon))
    label = torch.as_tensor(label, dtype=torch.long)
    found = [
        attack(model, own, own_label, epsilons=1.0)[1]
        for own, own_label in zip(packed.split(BATCH), label.split(BATCH))
    ]
    return _unpack(torch.cat(found).numpy())


def ours(network, iq, label, epsilon, *, steps, step_size, classes):
    """This project's loop with the same objective, start and steps; it stops at a success."""
    label = torch.as_tensor(label, dtype=torch.long)

    def evaluate(point, rows):
        logits = network(point)
        value = -nn.functional.cross_entropy(logits, label[rows], reduction="none")
        return value, logits.argmax(1) != label[rows]

    epsilon = torch.as_tensor(epsilon, dtype=torch.float32)
    found = descend(evaluate, torch.as_tensor(iq), epsilon, steps=steps, step_size=step_size)
    return found.iq.numpy()


PEERS = {"art": art, "foolbox": foolbox}


class _InUnitsOfEpsilon(nn.Module):
    """A network for what _pack() makes of frames."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, packed):
        return self.network(packed[:, :, :-1] * packed[:, :1, -1:].detach())


def _pack(iq, epsilon):
    """Frames ``[n, 2, length]`` to ``[n, 2, length + 1]``."""
    epsilon = np.asarray(epsilon, np.float32)[:, None, None]
    return np.concatenate([iq / epsilon, epsilon.repeat(2, axis=1)], axis=2)


def _unpack(packed):
    return packed[:, :, :-1] * packed[:, :1, -1:]
