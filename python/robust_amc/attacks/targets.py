"""The frames that an attack is about, checked, as tensors where its classifier is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from .. import frames
from ..arrays import Bools, Floats, Integers
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

    Raises UserError when there are not as many labels and radii as frames, when the label of a
    valid frame is none of the classifier's classes, and when its radius is negative or not finite.
    """
    iq = frames.check(iq).astype(np.float32)
    usable = frames.valid(iq)
    known = labels(label, len(iq), usable, len(classifier.classes))
    radius = _radii(epsilon, len(iq))[usable]
    if not (np.isfinite(radius).all() and (radius >= 0).all()):
        raise UserError("the perturbation radius must be finite and not negative")
    device = classifier.device
    return Targets(
        iq,
        usable,
        torch.as_tensor(iq[usable], device=device),
        torch.as_tensor(known[usable], device=device, dtype=torch.long),
        torch.as_tensor(radius.copy(), device=device),
    )


def labels(label: npt.ArrayLike, count: int, usable: Bools, classes: int) -> Integers:
    """Labels ``[count]`` as integers; UserError unless those of `usable` frames are classes."""
    try:
        found = np.asarray(label)
    except ValueError:  # lists of different lengths
        found = np.empty(0, object)
    if found.shape != (count,) or (count and found.dtype.kind not in "iu"):
        raise UserError(
            f"the labels must be {count} whole numbers, one a frame, not {found.dtype} "
            f"of shape {found.shape}"
        )
    if not ((found[usable] >= 0) & (found[usable] < classes)).all():
        raise UserError(f"the labels must lie in 0 … {classes - 1}: there are {classes} classes")
    return found.astype(np.int64)


def _radii(epsilon: npt.ArrayLike, count: int) -> Floats:
    """Radii ``[count]`` of one for all or of as many."""
    try:
        return np.broadcast_to(np.asarray(epsilon, np.float32), (count,))
    except (TypeError, ValueError):
        shape = np.shape(epsilon) if isinstance(epsilon, np.ndarray) else ""
        raise UserError(
            f"the perturbation radii must be {count} numbers, one a frame, or one for all"
            + (f", not an array of shape {shape}" if shape else "")
        ) from None
