"""Frames cut from a file of interleaved I and Q values, read when they are asked for."""

import re
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ... import reading
from ...arrays import Array, Floats, Integers
from ...errors import UserError
from ...files import AnyPath
from .. import lazy

_MOST_FRAMES = 1 << 26
_LONGEST_FRAME = 1 << 24  # samples
_GAP = 4096  # samples between frames that are read over rather than skipped
_SPAN = 1 << 20  # samples that are read in one piece


def parse_datatype(name: object) -> np.dtype[Any]:
    """Type of the I and Q values of a complex SigMF datatype (``cf32_le``, ``ci16_be``, ``cu8``).

    Returns a NumPy dtype; raises UserError for a real or unknown datatype.
    """
    match = re.fullmatch("c(f32|f64|i8|i16|i32|u8|u16|u32)(_le|_be)?", str(name))
    if not match:
        raise UserError(
            f"the datatype {str(name)[:40]!r} cannot be read; "
            "it must be complex: cf32_le, ci16_le, ci8, cu8, …"
        )
    number, order = match.groups()
    return np.dtype(f"{'>' if order == '_be' else '<'}{number[0]}{int(number[1:]) // 8}")


def count_samples(path: AnyPath, dtype: np.dtype[Any]) -> int:
    """Complex samples in a file; UserError when it is no regular file, or has half a sample."""
    size = reading.require_regular(path).st_size
    count, rest = divmod(size, 2 * dtype.itemsize)
    if rest:
        raise UserError(
            f"{path} has {size} bytes, which is not a whole number of samples of "
            f"{2 * dtype.itemsize} bytes; it is cut short, or of another datatype"
        )
    return count


def check_frame_length(length: object) -> int:
    """Return `length` if it is one that frames can have; else raise UserError."""
    if not (type(length) is int and 1 <= length <= _LONGEST_FRAME):
        raise UserError(
            f"the frame length must be 1 … {_LONGEST_FRAME} samples, not {str(length)[:40]}"
        )
    return length


class SampleFrames(lazy.LazyFrames):
    """Frames that follow each other in stretches of a file.

    Attributes:
        starts: first sample of each stretch, int ``[m]``
        counts: frames of each stretch, int ``[m]``, each at least 1

    Fixed-point values become fractions of full scale, as the SigMF package scales them.
    The file is opened for each fetch, so that the object can go to other processes.
    Raises UserError when the file cannot be read (any more), or for absurd numbers of frames.
    """

    def __init__(
        self,
        path: AnyPath,
        dtype: np.dtype[Any],
        starts: npt.ArrayLike,
        counts: npt.ArrayLike,
        length: int,
    ) -> None:
        total = int(np.sum(counts, dtype=object))
        if total > _MOST_FRAMES:
            raise UserError(
                f"{path} gives {total} frames of {length} samples, which is more than "
                f"{_MOST_FRAMES}; use longer frames, or part of the recording"
            )
        super().__init__(total, length)
        self.starts = np.asarray(starts, np.int64)
        self.counts = np.asarray(counts, np.int64)
        self._first = np.cumsum(self.counts) - self.counts  # frame of each stretch
        self._path = path
        self._dtype = dtype

    def fetch(self, rows: Integers) -> Floats:
        """Read frames; UserError when the file is gone or shorter than it was."""
        stretch = np.searchsorted(self._first, rows, "right") - 1
        length = self.shape[2]
        starts = self.starts[stretch] + (rows - self._first[stretch]) * length
        frames = np.empty((len(rows), 2, length), self.dtype)
        within = np.arange(length)
        try:
            with reading.opened(self._path) as file:
                for some in _neighbors(starts, length + _GAP):
                    begin = starts[some[0]]
                    samples = self._read(file, begin, starts[some[-1]] + length)
                    at = starts[some] - begin
                    frames[some] = samples[at[:, None] + within].swapaxes(1, 2)
        except OSError as error:
            raise UserError(f"cannot read {self._path}: {error.strerror}") from None
        return frames

    def _read(self, file: BinaryIO, begin: int, end: int) -> Floats:
        """The samples from `begin` to before `end`, float32 ``[k, 2]``."""
        file.seek(begin * 2 * self._dtype.itemsize)
        values = np.fromfile(file, self._dtype, 2 * (end - begin))
        if len(values) != 2 * (end - begin):
            raise UserError(f"{self._path} has become shorter since it was opened")
        return to_float(values).reshape(-1, 2)


def _neighbors(starts: Integers, gap: int) -> list[Integers]:
    """Indices of `starts` in ascending order, in groups that are worth reading in one piece."""
    order = np.argsort(starts, kind="stable")
    ascending = starts[order]
    apart = (np.diff(ascending) > gap) | (np.diff(ascending // _SPAN) > 0)
    return np.split(order, np.flatnonzero(apart) + 1) if len(order) else []


def to_float(values: Array) -> Floats:
    """Stored I and Q values as float32; fixed-point ones as fractions of full scale."""
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        result = values.astype(np.float32)
    if values.dtype.kind == "f":
        return result
    full_scale = np.float32(2 ** (8 * values.dtype.itemsize - 1))
    return (result - full_scale if values.dtype.kind == "u" else result) / full_scale
