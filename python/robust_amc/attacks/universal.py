"""One perturbation for all frames: what a transmitter can send without seeing them first.

After Sadeghi and Larsson, IEEE WCL 2019 (arXiv 1808.07713), Algorithm 2: the principal
direction of the normalized gradients of a set of frames.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from .. import frames, reading
from ..arrays import Complexes, Floats
from ..classifier import Classifier
from ..errors import UserError
from ..files import AnyPath
from ..frames import Scaling
from ..runtime.device import batch_size
from . import objectives
from .objectives import Objective
from .pgd import direction
from .targets import Targets, targets
from .threat import Goal

LARGEST = 1 << 26  # bytes of a waveform's file


@dataclass(frozen=True)
class Universal:
    """A universal perturbation.

    Attributes:
        waveform: float32 ``[2, length]``, ‖v‖ = 1
        objective: name of the objective whose gradients it was made from
        energy_share: share of the gradients' energy that lies along the waveform, 0 … 1;
            1/(2·length) would be no common direction at all. None: it was made in another way
        frames: how many frames it was made from
        success_rate: share of those frames that it wins at the radii given to `craft`
    """

    waveform: Floats
    objective: str
    energy_share: float | None
    frames: int
    success_rate: float

    def added(self, iq: Floats, epsilon: npt.ArrayLike) -> Floats:
        """Frames ``[n, 2, length]`` with the waveform added at l2 norms `epsilon` ``[n]``."""
        epsilon = np.asarray(epsilon, np.float32)
        return iq + epsilon[:, None, None] * self.waveform

    @property
    def unit_power(self) -> Complexes:
        """The waveform as complex64 samples ``[length]`` whose mean power is 1."""
        samples = frames.to_complex(self.waveform[None])[0]
        return samples * np.float32(len(samples) ** 0.5)


def craft(
    classifier: Classifier,
    iq: Floats,
    label: npt.ArrayLike,
    epsilon: npt.ArrayLike,
    *,
    goal: Goal = Goal.EVASION,
    scaling: Scaling | str = Scaling.NONE,
) -> Universal:
    """The Universal perturbation of a classifier, from frames that will not be evaluated.

    Gradients at the clean frames of the network's cross entropy and of the system's own
    objective, each normalized; the principal direction of either, with both signs (the
    decomposition leaves the sign open): the one of the four that wins most of the given
    frames, and of those that win as many, lowers the system's own objective most.

    Args:
        classifier: the Classifier under attack, or the one that stands for it
        iq: float ``[n, 2, length]``; frames that are not valid do not count
        label: true classes, integers ``[n]``
        epsilon: l2 radii ``[n]`` at which the four are compared
        goal: what counts as a win
        scaling: the input scaling in force behind the perturbation

    Raises UserError when there is no frame with a gradient to learn from.
    """
    target = targets(classifier, iq, label, epsilon)
    own = objectives.objectives_for(classifier, goal)[0]
    best, best_harm = None, None
    for objective in dict.fromkeys((objectives.cross_entropy, own)):
        gradients = _gradients(classifier, target, objective, scaling)
        if not len(gradients):
            continue
        waveform, share = principal_direction(gradients)
        for signed in (waveform, -waveform):
            harm = _harm(classifier, target, signed, goal, own, scaling)
            if best is None or best_harm is None or harm > best_harm:
                waves = signed.float().cpu().numpy()
                best = Universal(waves, objective.__name__, share, len(gradients), harm[0])
                best_harm = harm
    if best is None:
        raise UserError("no universal perturbation: no frame to craft it on has a gradient")
    return best


def read_waveform(path: AnyPath) -> Complexes:
    """The samples of a waveform's file, complex64 ``[length]`` of mean power 1.

    Raises UserError when it cannot be read, is too large, or holds no finite samples with power.
    """
    content = reading.content(path, LARGEST, "a waveform")
    samples = np.frombuffer(content[: len(content) // 8 * 8], "<c8")
    power = float((np.abs(samples.astype(np.complex128)) ** 2).mean()) if len(samples) else 0.0
    if len(content) % 8 or not 0 < power < np.inf:
        raise UserError(f"{path} is not a waveform: complex float32 samples are expected")
    return (samples / power**0.5).astype(np.complex64)


def principal_direction(gradients: torch.Tensor) -> tuple[torch.Tensor, float]:
    """First right singular vector of unit gradients ``[n, 2, length]``, and its energy's share.

    The vector is ``[2, length]`` with norm 1.
    """
    flat = gradients.flatten(1).double()
    energy, vectors = torch.linalg.eigh(flat.T @ flat)
    return vectors[:, -1].view(gradients.shape[1:]), float(energy[-1] / energy.sum())


def _gradients(
    classifier: Classifier, target: Targets, objective: Objective, scaling: Scaling | str
) -> torch.Tensor:
    """Normalized gradients of an objective at the clean frames; the flat ones are left out."""
    found = []
    for iq, label in _batches(target.clean, target):
        point = iq.clone().requires_grad_()
        outputs = classifier.outputs(frames.scale(point, scaling))
        gradient = direction(objective(classifier, outputs, label), point)
        norm = frames.flat_norm(gradient)
        found.append((gradient / norm)[norm[:, 0, 0] > 0])
    return torch.cat(found) if found else target.clean


@torch.no_grad()
def _harm(
    classifier: Classifier,
    target: Targets,
    waveform: torch.Tensor,
    goal: Goal,
    objective: Objective,
    scaling: Scaling | str,
) -> tuple[float, float]:
    """Share of the frames that a waveform wins, and minus the mean of the objective."""
    perturbed = target.clean + target.epsilon[:, None, None] * waveform.to(target.clean)
    won, value = 0, 0.0
    for iq, label in _batches(perturbed, target):
        outputs = classifier.outputs(frames.scale(iq, scaling))
        won += int(goal.reached(classifier, outputs.scores, label).sum())
        values = objective(classifier, outputs, label)
        value += float(values.sum() if values.ndim == 1 else values[:, 0].sum())
    return won / len(perturbed), -value / len(perturbed)


def _batches(iq: torch.Tensor, target: Targets) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Frames and labels in batches; none where there are no frames."""
    size = batch_size(iq.device)
    return zip(iq.split(size), target.label.split(size)) if len(iq) else ()
