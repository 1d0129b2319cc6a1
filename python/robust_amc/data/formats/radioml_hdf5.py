"""RadioML 2018.01A: an HDF5 file of 20 GB, read a piece at a time.

The file has the sets `X` float32 ``[n, length, 2]`` (samples before I and Q), `Y` one-hot
``[n, 24]`` and `Z`, the SNR labels, ``[n, 1]``. It does not name its classes. The
`classes.txt` that is distributed with it begins with 32PSK, and users of the file found
that its order does not fit the frames; the order of the publication, which begins with
OOK, is the one in use, and the one used here. Parts of it that people made, with fewer
columns in `Y` or `Z` of one dimension, are read too; the names of other columns are not known.
"""

import logging
from collections.abc import Iterator, Sequence
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
_MOST_CLASSES = 1000
log = logging.getLogger(__name__)
_ORDER = "in the order of the publication; the file's classes.txt has a wrong one"
_ROWS = 1 << 16  # of Y and Z that are read at a time


def read(path: AnyPath, class_names: Sequence[str] | None = None) -> FrameDataset:
    """Open a RadioML 2018.01A file as a FrameDataset of lazy frames; labels are read.

    `class_names` are those of the columns of Y, where they are not the usual 24; columns that
    nobody names are called class 0, class 1, ….

    The file does not say which frames share a generator run: each frame is taken as a
    run of its own, and the metadata say so. Raises UserError when the file is damaged,
    points to other files, or has another form; so does reading frames later.
    """
    with _opened(path) as sets:
        count, length, _ = sets["X"].shape
        classes = _classes(sets["Y"].shape[1], class_names)
        label = np.concatenate([_label(rows, start) for start, rows in _pieces(sets["Y"])])
        with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
            levels = [rows.reshape(-1).astype("f4") for _, rows in _pieces(sets["Z"])]
        snr_db = np.concatenate(levels)
        iq = _Frames(path, count, length, sets["X"].dtype)
    if classes[0] == _nameless(0):
        log.warning(
            f"{path} does not name its {len(classes)} classes: they are called {classes[0]}, …; "
            "convert it with --class-names"
        )
    return FrameDataset(
        iq=lazy.as_array(iq),
        label=label,
        classes=classes,
        snr_db=snr_db,
        run_id=np.arange(count, dtype=np.int32),
        metadata={
            "source": Path(path).name,
            "format": "RadioML 2018.01A HDF5",
            "run_id": "unknown: each frame is taken as a run of its own",
            "classes": _ORDER if classes == CLASSES else "the file does not name them",
        },
    )


def _classes(columns: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the columns of Y; UserError when there are more or fewer `names`."""
    if names is not None:
        if len(names) != columns:
            raise UserError(f"Y has {columns} columns, but {len(names)} class names are given")
        return tuple(names)
    return CLASSES if columns == len(CLASSES) else tuple(map(_nameless, range(columns)))


def _nameless(column: int) -> str:
    return f"class {column}"


class _Frames(lazy.LazyFrames):
    """The frames of X. The file is open only while frames are read: that takes 1 ms."""

    def __init__(self, path: AnyPath, count: int, length: int, dtype: np.dtype[Any]) -> None:
        super().__init__(count, length, np.float16 if dtype.itemsize == 2 else np.float32)
        self._path, self._stored = path, dtype.newbyteorder("=")

    def fetch(self, rows: Integers) -> Floats:
        order = np.argsort(rows, kind="stable")
        iq = np.empty((len(rows), *self.shape[1:]), self._stored)
        with _opened(self._path) as sets:
            hdf5_sets.fill(iq.swapaxes(1, 2), sets["X"], rows[order], order)
        with np.errstate(over="ignore"):
            return iq.astype(self.dtype, copy=False)


@contextmanager
def _opened(path: AnyPath) -> Iterator[dict[str, h5py.Dataset]]:
    """The sets of the file, of the right shapes; see hdf5_sets.opened."""
    with hdf5_sets.opened(path, _KINDS, _FORM) as sets:
        shapes = {name: found.shape or () for name, found in sets.items()}
        count, length = (*shapes["X"], 0, 0)[:2]
        columns = min((*shapes["Y"], 0, 0)[1] or len(CLASSES), _MOST_CLASSES)
        wanted: dict[str, list[tuple[int, ...]]] = {
            "X": [(count, length, 2)],
            "Y": [(count, columns)],
            "Z": [(count, 1), (count,)],
        }
        for name, possible in wanted.items():
            if shapes[name] not in possible:
                raise UserError(f"{name} has the shape {shapes[name]}; {_FORM}")
        if not count * length:
            raise UserError("the file has no frames")
        if sets["X"].dtype.itemsize > 8:
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
    read=lambda path, frame_length, facts: read(path, facts.class_names),
    facts=frozenset({"class_names"}),
)
