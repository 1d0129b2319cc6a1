"""NumPy's `.npy` files of frames or samples of one modulation."""

from pathlib import Path

import numpy as np

from ... import reading
from ...errors import UserError
from ...files import AnyPath
from ..dataset import FrameDataset
from . import frame_arrays
from .base import Format, RawFacts


def read(path: AnyPath, facts: RawFacts, frame_length: int | None = None) -> FrameDataset:
    """Read an array as a FrameDataset, see frame_arrays; UserError when it is damaged."""
    reading.require_regular(path)
    try:
        # Mapped, so that its size is compared with that of the file before anything is allocated
        with np.errstate(over="ignore"):
            array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # a damaged header can fail anywhere in NumPy
        reason = str(error).split("\n")[0][:100] or type(error).__name__
        raise UserError(f"{path} is not a sound .npy file ({reason}); copy it again") from None
    return frame_arrays.labeled(path, array, facts, frame_length, {"format": "npy"})


FORMAT = Format(
    description="a .npy array of frames",
    suffixes=(".npy",),
    sniff=lambda start, path: start.startswith(b"\x93NUMPY"),
    read=lambda path, frame_length, facts: read(Path(path), facts, frame_length),
    facts=frame_arrays.FACTS,
)
