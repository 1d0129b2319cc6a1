"""The frames that an attack is about, checked, as tensors where its classifier is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from .. import frames
from ..arrays import Bools, Floats
from ..classifier import Classifier
from ..errors import UserError


@dataclass(frozen=True)
class Targets:
    """Frames under attack.

    Attributes:
        iq: all of them, float32 array ``[n, 2, length]``
        usable: which of them are valid, bool array ``[n]``; the others are left alone
        clean: the valid ones, tensor ``[m, 2, length]``
        label: their true classes, tensor ``[m]``
        epsilon: their l2 radii, tensor ``[m]``
    """

    iq: Floats
    usable: Bools
    clean: torch.Tensor
    label: torch.Tensor
    epsilon: torch.Tensor

    def filled(self, perturbed: torch.Tensor) -> Floats:
        """All frames ``[n, 2, length]``, the valid ones replaced by the tensor `perturbed`."""
        iq = self.iq.copy()
        iq[self.usable] = perturbed.cpu().numpy()
        return iq


def targets(
    classifier: Classifier, iq: Floats, label: npt.ArrayLike, epsilon: npt.ArrayLike
) -> Targets:
    """Targets from arrays of frames ``[n, 2, length]``, labels ``[n]`` and radii (``[n]``).

    Raises UserError when the radius of a valid frame is negative or not finite.
    """
    iq = frames.check(iq).astype(np.float32)
    epsilon = np.broadcast_to(np.asarray(epsilon, np.float32), len(iq))
    usable = frames.valid(iq)
    radius = epsilon[usable]
    if not (np.isfinite(radius).all() and (radius >= 0).all()):
        raise UserError("the perturbation radius must be finite and not negative")
    device = classifier.device
    return Targets(
        iq,
        usable,
        torch.as_tensor(iq[usable], device=device),
        torch.as_tensor(np.asarray(label)[usable], device=device, dtype=torch.long),
        torch.as_tensor(radius.copy(), device=device),
    )
