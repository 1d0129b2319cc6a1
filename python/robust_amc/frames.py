"""The layout of a frame: the only file that knows it.

Two forms of the same thing: complex64 ``[n, length]`` (GNU Radio, recordings) and
real ``[n, 2, length]`` with I in row 0 and Q in row 1 (networks, files).
"""

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from .arrays import Bools, Complexes, Floats
from .errors import UserError

if TYPE_CHECKING:  # it takes seconds to import, and most users of this file need none of it
    import torch

FRAME_LENGTH = 128
ArrayOrTensor = TypeVar("ArrayOrTensor", Floats, "torch.Tensor")
AS_MODEL = "as_model"  # a choice of scaling: the one that the model was trained with
AUTO = "auto"  # a choice: that one, for frames that do not have it already
_NEARLY = 0.01  # of a frame's amplitude; what half precision rounds is far less
UNSCALED = (
    "the model expects frames scaled as {}, and most of these are far from it: hardly one is "
    "decided right. Let them be scaled: by --scaling auto of htrd classify, scaling='auto' of a "
    "block, or Classifier.decide(iq, scaling='auto')"
)


class Scaling(StrEnum):
    """How the samples of a frame are scaled before the network sees them."""

    NONE = "none"
    SUM_ABS = "sum_abs"  # RML2016: the magnitudes of a frame's samples add up to 1


def scaling_of(choice: Scaling | str, own: Scaling) -> Scaling:
    """The Scaling for `choice`: the model's `own`, or a member or value of Scaling.

    AS_MODEL is the model's own for every frame; AUTO for those that are not scaled already, see
    :func:`scale_where_needed`. Raises UserError for anything else.
    """
    known = [AUTO, AS_MODEL, *(scaling.value for scaling in Scaling)]
    if not isinstance(choice, str) or choice not in known:
        raise UserError(f"unknown scaling {str(choice)[:40]!r}; there are {', '.join(known)}")
    return own if choice in (AUTO, AS_MODEL) else Scaling(choice)


def require_length(name: str, length: int, wanted: int) -> None:
    """Raise UserError where the model `name` takes frames of another `length` than `wanted`."""
    if length != wanted:
        raise UserError(f"{name} takes frames of {length} samples, not {wanted}")


def to_iq(samples: npt.ArrayLike) -> Floats:
    """Complex ``[n, length]`` to float32 ``[n, 2, length]``."""
    samples = np.asarray(samples)
    if samples.ndim != 2 or not np.iscomplexobj(samples):
        raise UserError(f"frames must be complex [n, length], not {samples.dtype} {samples.shape}")
    return np.stack([samples.real, samples.imag], axis=1).astype(np.float32, copy=False)


def to_complex(iq: npt.ArrayLike) -> Complexes:
    """Real ``[n, 2, length]`` to complex64 ``[n, length]``."""
    iq = check(iq)
    samples = np.empty((len(iq), iq.shape[2]), np.complex64)
    samples.real, samples.imag = iq[:, 0], iq[:, 1]  # exact, for infinite samples too
    return samples


def check(iq: npt.ArrayLike) -> Floats:
    """Return `iq` as an array if it has the form ``[n, 2, length]``; else raise UserError."""
    iq = np.asarray(iq)
    if iq.ndim != 3 or iq.shape[1] != 2 or iq.dtype.kind != "f":
        raise UserError(f"frames must be real [n, 2, length], not {iq.dtype} {iq.shape}")
    return iq


def check_finite(iq: Floats, first: int = 0) -> None:
    """UserError that names frames of ``[n, 2, length]`` with NaN or infinite samples.

    `first` is the number of the first frame, where these are part of more.
    """
    bad = np.flatnonzero(~np.isfinite(iq).all(axis=(1, 2)))
    if len(bad):
        named = ", ".join(str(first + row) for row in bad[:5]) + (" …" if len(bad) > 5 else "")
        raise UserError(
            f"{len(bad)} of {len(iq)} frames have NaN or infinite samples (frames {named}); "
            "remove them"
        )


def magnitude(iq: "torch.Tensor") -> "torch.Tensor":
    """Magnitude of each sample, tensor ``[n, 2, length]`` to ``[n, length]``.

    Its gradient is 0 where a sample is 0.
    """
    # linalg.vector_norm over two values takes many times as long on a CPU
    square = iq.square().sum(1)
    some = square > 0
    return square.where(some, 1.0).sqrt().where(some, 0.0)


def energy(iq: ArrayOrTensor) -> ArrayOrTensor:
    """‖x‖² of each frame, array or tensor ``[n, 2, length]`` to ``[n]``."""
    return (iq * iq).sum((1, 2))


def flat_norm(iq: "torch.Tensor") -> "torch.Tensor":
    """‖x‖ of each frame, tensor ``[n, 2, length]`` to ``[n, 1, 1]``, ready to multiply frames."""
    import torch

    return torch.linalg.vector_norm(iq.flatten(1), dim=1)[:, None, None]


def scale(iq: "torch.Tensor", scaling: Scaling | str) -> "torch.Tensor":
    """Scale a tensor of frames ``[n, 2, length]``; differentiable.

    Frames without energy come back as they are (see :func:`valid`).
    """
    if Scaling(scaling) is Scaling.NONE:
        return iq
    total = magnitude(iq).sum(dim=1)
    return iq / total.where(total > 0, 1.0)[:, None, None]


def unscaled(iq: Floats, scaling: Scaling | str) -> Bools:
    """Which valid frames of float32 ``[n, 2, length]`` a scaling would change, bool ``[n]``."""
    return valid(iq) & ~(np.abs(_gain(iq, scaling) - 1) <= _NEARLY)


def mostly_unscaled(iq: Floats, scaling: Scaling | str, as_is: Bools | None = None) -> bool:
    """Whether a scaling would change most of the valid frames that are not `as_is` a lot.

    By a factor of more than 2: frames that were scaled and then perturbed are not meant.
    """
    judged = valid(iq) if as_is is None else valid(iq) & ~as_is
    far = np.abs(np.log2(_gain(iq[judged], scaling))) > 1
    return bool(2 * np.count_nonzero(far) > len(far))


def _gain(iq: Floats, scaling: Scaling | str) -> Floats:
    """What a scaling would multiply each frame with, ``[n]``; not finite for some not valid."""
    if Scaling(scaling) is Scaling.NONE:
        return np.ones(len(iq))
    with np.errstate(divide="ignore"):
        return 1 / magnitude(_tensor(iq)).sum(dim=1).numpy()


def scale_where_needed(iq: Floats, scaling: Scaling | str, as_is: Bools | None = None) -> Floats:
    """Scale the frames of float32 ``[n, 2, length]`` that are not scaled already.

    Those that are stay as they are, to the last bit, and so do frames that are not valid and
    those `as_is` (bool ``[n]``): they were scaled before something was added to them.
    """
    rows = unscaled(iq, scaling)
    if as_is is not None:
        rows &= ~as_is
    if not rows.any():
        return iq
    made = iq.copy()
    made[rows] = scale(_tensor(iq[rows]), scaling).numpy()
    return made


def _tensor(iq: Floats) -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.require(iq, np.float32, ["C", "W"]))  # W: or PyTorch warns


def valid(iq: npt.ArrayLike) -> Bools:
    """Which frames can be classified, bool ``[n]``: finite, not all zero, energy in range.

    The energy of a frame must be a positive float32: samples near 1e19 overflow it.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = energy(np.asarray(iq, np.float32))
    return np.isfinite(total) & (total > 0)
