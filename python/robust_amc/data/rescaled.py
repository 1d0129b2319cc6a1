"""Frames in another scale or precision, changed when they are read."""

from dataclasses import replace

import numpy as np

from .. import frames
from ..arrays import Floats, Integers
from ..errors import UserError
from . import lazy
from .dataset import FrameDataset

_HALF = np.finfo(np.float16)


def rescaled(
    dataset: FrameDataset, scaling: frames.Scaling | str | None = None, half: bool = False
) -> FrameDataset:
    """A FrameDataset whose frames are scaled, or stored in half precision.

    `scaling` (frames.Scaling, None: as they are) is applied to each frame and said in the
    metadata. Frames that half precision cannot hold raise UserError when they are read.
    """
    if scaling is None and not half:
        return dataset
    iq = lazy.as_array(_Rescaled(dataset.iq, scaling, half))
    if scaling is None:
        return replace(dataset, iq=iq)
    known = {"scaling": frames.Scaling(scaling).value}
    return replace(dataset, iq=iq, metadata=dataset.metadata | known, received=False)


class _Rescaled(lazy.LazyFrames):
    def __init__(self, iq: Floats, scaling: frames.Scaling | str | None, half: bool) -> None:
        super().__init__(len(iq), iq.shape[2], np.float16 if half else iq.dtype)
        self._iq = iq
        self._scaling = scaling
        self._half = half

    def fetch(self, rows: Integers) -> Floats:
        iq = self._iq[rows]
        if self._scaling is not None:  # in double precision nothing overflows
            import torch  # takes seconds, and this is seldom asked for

            iq = frames.scale(torch.from_numpy(iq.astype(np.float64)), self._scaling).numpy()
        if self._half:
            _check_half(iq)
        return iq.astype(self.dtype)


def _check_half(iq: Floats) -> None:
    """UserError unless half precision holds the frames that are finite and not all zero."""
    peak = np.abs(iq).max(axis=(1, 2))
    peak = peak[np.isfinite(peak) & (peak > 0)]
    if len(peak) and not _HALF.tiny <= peak.min() <= peak.max() <= _HALF.max:
        raise UserError(
            f"frames with peaks of {peak.min():.3g} … {peak.max():.3g} do not fit half precision "
            f"({_HALF.tiny:.3g} … {_HALF.max:g}); scale them (sum_abs), or keep single precision"
        )
