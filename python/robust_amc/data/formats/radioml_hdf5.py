"""RadioML 2018.01A: an HDF5 file of 20 GB, read a piece at a time.

The file has the sets `X` float32 ``[n, length, 2]`` (samples before I and Q), `Y` one-hot
``[n, 24]`` and `Z`, the SNR labels, ``[n, 1]``. It does not name its classes. The
`classes.txt` that is distributed with it begins with 32PSK, and users of the file found
that its order does not fit the frames; the order of the publication, which begins with
OOK, is the one in use, and the one used here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...arrays import Array, Floats, Integers
from ...errors import UserError
from ...files import AnyPath
from .. import lazy
from ..dataset import FrameDataset
from . import hdf5_sets
from .base import Format

CLASSES = (
    "OOK", "4ASK", "8ASK", "BPSK", "QPSK", "8PSK", "16PSK", "32PSK",
    "16APSK", "32APSK", "64APSK", "128APSK", "16QAM", "32QAM", "64QAM", "128QAM", "256QAM",
    "AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM", "GMSK", "OQPSK",
)  # fmt: skip

_KINDS = {"X": "f", "Y": "iufb", "Z": "iuf"}
_FORM = (
    f"a RadioML 2018.01A file holds X float32 [n, length, 2], Y one-hot [n, {len(CLASSES)}] "
    "and Z, the SNR, [n, 1]"
)
_MOST_LABELS = 4  # how many times larger labels may be than frames
_ROWS = 1 << 16  # of Y and Z that are read at a time


def read(path: AnyPath) -> FrameDataset:
    """Open a RadioML 2018.01A file as a FrameDataset of lazy frames; labels are read.

    The file does not say which frames share a generator run: each frame is taken as a
    run of its own, and the metadata say so. Raises UserError when the file is damaged,
    points to other files, or has another form; so does reading frames later.
    """
    with _opened(path) as sets:
        count, length, _ = sets["X"].shape
        label = np.concatenate([_label(rows, start) for start, rows in _pieces(sets["Y"])])
        with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
            snr_db = np.concatenate([rows[:, 0].astype("f4") for _, rows in _pieces(sets["Z"])])
        iq = _Frames(path, count, length, sets["X"].dtype)
    return FrameDataset(
        iq=lazy.as_array(iq),
        label=label,
        classes=CLASSES,
        snr_db=snr_db,
        run_id=np.arange(count, dtype=np.int32),
        metadata={
            "source": Path(path).name,
            "format": "RadioML 2018.01A HDF5",
            "run_id": "unknown: each frame is taken as a run of its own",
            "classes": "in the order of the publication; the file's classes.txt has a wrong one",
        },
    )


class _Frames(lazy.LazyFrames):
    """The frames of X. The file is open only while frames are read: that takes 1 ms."""

    def __init__(self, path: AnyPath, count: int, length: int, dtype: np.dtype[Any]) -> None:
        super().__init__(count, length, dtype.newbyteorder("="))
        self._path = path

    def fetch(self, rows: Integers) -> Floats:
        order = np.argsort(rows, kind="stable")
        iq = np.empty((len(rows), *self.shape[1:]), self.dtype)
        with _opened(self._path) as sets:
            hdf5_sets.fill(iq.swapaxes(1, 2), sets["X"], rows[order], order)
        return iq


@contextmanager
def _opened(path: AnyPath) -> Iterator[dict[str, h5py.Dataset]]:
    """The sets of the file, of the right shapes; see hdf5_sets.opened."""
    with hdf5_sets.opened(path, _KINDS, _FORM) as sets:
        shapes = {name: found.shape or () for name, found in sets.items()}
        count, length = (*shapes["X"], 0, 0)[:2]
        wanted = {"X": (count, length, 2), "Y": (count, len(CLASSES)), "Z": (count, 1)}
        for name, shape in wanted.items():
            if shapes[name] != shape:
                raise UserError(f"{name} has the shape {shapes[name]}; {_FORM}")
        if not count * length:
            raise UserError("the file has no frames")
        if sets["X"].dtype.itemsize > 4:
            raise UserError(f"X is {sets['X'].dtype}; store it as float16 or float32")
        hdf5_sets.check_stored(sets["X"], "X")
        largest = max(hdf5_sets.MAY_EXPAND, hdf5_sets.size_of(sets["X"]))
        if hdf5_sets.size_of(sets["Y"]) > _MOST_LABELS * largest:
            raise UserError("Y is far larger than X, the frames; copy the file again")
        yield sets


def _pieces(found: h5py.Dataset) -> Iterator[tuple[int, Array]]:
    """A small set in pieces ``(first row, rows)``."""
    for start in range(0, len(found), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(found)))
        piece = np.empty((len(rows), *found.shape[1:]), found.dtype)
        hdf5_sets.fill(piece, found, rows, rows - start)
        yield start, piece


def _label(rows: Array, start: int) -> Integers:
    """Class of each one-hot row ``[k, 24]``; int16 ``[k]``."""
    is_one = rows == 1
    wrong = np.flatnonzero((is_one.sum(1) != 1) | ((rows != 0).sum(1) != 1))
    if len(wrong):
        raise UserError(
            f"Y does not mark one class in frame {start + wrong[0]}; each row is one 1 among zeros"
        )
    return is_one.argmax(1).astype(np.int16)


FORMAT = Format(
    description="RadioML 2018.01A",
    suffixes=(".hdf5",),
    sniff=lambda start, path: start.startswith(b"\x89HDF\r\n\x1a\n"),
    read=lambda path, frame_length, facts: read(path),
)
