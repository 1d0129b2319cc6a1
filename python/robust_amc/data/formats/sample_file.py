"""Samples in a file, read at any place when they are asked for, and frames cut from them."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ... import reading
from ...arrays import Array, Floats, Integers
from ...errors import UserError
from ...files import AnyPath
from .. import lazy

INT24 = np.dtype("V3")  # little-endian integers of 24 bits, as WAV files have them

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
    return whole_samples(path, dtype, reading.require_regular(path).st_size)


def whole_samples(path: AnyPath, dtype: np.dtype[Any], size: int) -> int:
    """Complex samples in `size` bytes of the file `path`; UserError for half a sample."""
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


@dataclass(frozen=True)
class FilePart:
    """Part of a file: its first byte, and its size in bytes (None: to the end of the file)."""

    path: Path
    first: int = 0
    size: int | None = None

    def samples(self, dtype: np.dtype[Any]) -> "StoredSamples":
        """Its samples of I and Q values; UserError when it is missing or has half a sample."""
        if self.size is None:
            return StoredSamples.whole(self.path, dtype)
        count = whole_samples(self.path, dtype, self.size)
        return StoredSamples(self.path, dtype, [(self.first, count)])

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Its bytes, in blocks of at most `size`; UserError when it cannot be read."""
        left = self.size
        with reading.opened(self.path) as file:
            file.seek(self.first)
            while block := file.read(size if left is None else min(size, left)):
                left = None if left is None else left - len(block)
                yield block


class Samples(Protocol):
    """Complex samples that can be read at any place; ``len()`` is their number."""

    def __len__(self) -> int: ...

    def read(self, begin: int, end: int) -> Floats:
        """I and Q of the samples from `begin` to before `end`, float32 ``[k, 2]``.

        Raises UserError when they cannot be read.
        """


class StoredSamples:
    """Samples as numbers in one or more parts of a file.

    The file is opened for each read, so that the object can go to other processes.

    Args:
        path: of the file
        dtype: of a value, a NumPy dtype or INT24
        parts: (first byte, number of samples) of each part, in order
        channels: values of a sample
    """

    def __init__(
        self,
        path: AnyPath,
        dtype: np.dtype[Any],
        parts: Sequence[tuple[int, int]],
        channels: int = 2,
    ) -> None:
        self.path = path
        self._dtype, self._channels = dtype, channels
        self._bytes = [first for first, _ in parts]
        self._ends = list(accumulate(count for _, count in parts))

    @classmethod
    def whole(cls, path: AnyPath, dtype: np.dtype[Any]) -> "StoredSamples":
        """All of a file of I and Q values; UserError when it has half a sample."""
        return cls(path, dtype, [(0, count_samples(path, dtype))])

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, begin: int, end: int) -> Floats:
        """The values of the samples from `begin` to before `end`, float32 ``[k, channels]``.

        Fixed-point values become fractions of full scale, as the SigMF package scales them.
        Raises UserError when the file is gone or shorter than it was.
        """
        blocks = [np.empty((0, self._channels), np.float32)]
        try:
            with reading.opened(self.path) as file:
                part = bisect_right(self._ends, begin)
                while begin < end and part < len(self._ends):
                    stop = min(end, self._ends[part])
                    first = self._ends[part - 1] if part else 0
                    size = self._channels * self._dtype.itemsize
                    file.seek(self._bytes[part] + (begin - first) * size)
                    values = np.fromfile(file, self._dtype, self._channels * (stop - begin))
                    if len(values) != self._channels * (stop - begin):
                        raise UserError(f"{self.path} has become shorter since it was opened")
                    blocks.append(to_float(values).reshape(-1, self._channels))
                    begin, part = stop, part + 1
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror or error}") from None
        return blocks[1] if len(blocks) == 2 else np.concatenate(blocks)


class SampleFrames(lazy.LazyFrames):
    """Frames that follow each other in stretches of samples.

    Attributes:
        starts: first sample of each stretch, int ``[m]``
        counts: frames of each stretch, int ``[m]``, each at least 1

    Args:
        name: of the file, for errors
        sources: Samples, of all stretches or of each
        starts, counts: see above
        length: samples in a frame

    Raises UserError when samples cannot be read (any more), or for absurd numbers of frames.
    """

    def __init__(
        self,
        name: AnyPath,
        sources: Samples | Sequence[Samples],
        starts: npt.ArrayLike,
        counts: npt.ArrayLike,
        length: int,
    ) -> None:
        total = int(np.sum(counts, dtype=object))
        if total > _MOST_FRAMES:
            raise UserError(
                f"{name} gives {total} frames of {length} samples, which is more than "
                f"{_MOST_FRAMES}; use longer frames, or part of the recording"
            )
        super().__init__(total, length)
        self.starts = np.asarray(starts, np.int64)
        self.counts = np.asarray(counts, np.int64)
        self._first = np.cumsum(self.counts) - self.counts  # frame of each stretch
        each = sources if isinstance(sources, Sequence) else [sources] * len(self.starts)
        self._sources = list({id(source): source for source in each}.values())
        place = {id(source): number for number, source in enumerate(self._sources)}
        self._source_of = np.array([place[id(source)] for source in each], np.int64)

    def fetch(self, rows: Integers) -> Floats:
        """Read frames; UserError when the file is gone or shorter than it was."""
        stretch = np.searchsorted(self._first, rows, "right") - 1
        length = self.shape[2]
        starts = self.starts[stretch] + (rows - self._first[stretch]) * length
        sources = self._source_of[stretch]
        frames = np.empty((len(rows), 2, length), self.dtype)
        within = np.arange(length)
        for some in _neighbors(sources, starts, length + _GAP):
            begin = int(starts[some[0]])
            samples = self._sources[sources[some[0]]].read(begin, int(starts[some[-1]]) + length)
            at = starts[some] - begin
            frames[some] = samples[at[:, None] + within].swapaxes(1, 2)
        return frames


def _neighbors(sources: Integers, starts: Integers, gap: int) -> list[Integers]:
    """Indices of `starts` by source, ascending, in groups that are worth reading in one piece."""
    order = np.lexsort((starts, sources))
    ascending = starts[order]
    apart = (np.diff(ascending) > gap) | (np.diff(ascending // _SPAN) > 0)
    apart |= np.diff(sources[order]) != 0
    return np.split(order, np.flatnonzero(apart) + 1) if len(order) else []


def to_float(values: Array) -> Floats:
    """Stored values as float32; fixed-point ones as fractions of full scale."""
    if values.dtype == INT24:
        # As the upper bytes of 32 bits: the sign comes by itself
        wide = np.zeros((len(values), 4), np.uint8)
        wide[:, 1:] = values.view(np.uint8).reshape(-1, 3)
        values = wide.view("<i4")[:, 0]
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        result = values.astype(np.float32)
    if values.dtype.kind == "f":
        return result
    full_scale = np.float32(2 ** (8 * values.dtype.itemsize - 1))
    return (result - full_scale if values.dtype.kind == "u" else result) / full_scale
