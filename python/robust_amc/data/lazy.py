"""Frames that stay in their file until they are asked for."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..arrays import Bools, Floats, Integers

Index = slice | Integers | Bools | list[int] | list[bool]


class LazyFrames(ABC):
    """Looks like an array ``[n, 2, length]``; indexing it along n reads those frames.

    Attributes:
        shape: ``(n, 2, length)``
        dtype: of the frames that come back
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    ndim = 3

    def __init__(self, count: int, length: int, dtype: npt.DTypeLike = np.float32) -> None:
        self.shape = (count, 2, length)
        self.dtype = np.dtype(dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index | int) -> Floats:
        """Frames ``[k, 2, length]`` of a slice, integers or a mask; one frame of an integer."""
        if not isinstance(index, slice) and np.ndim(index) == 0:
            return self.fetch(_rows([index], len(self)))[0]
        return self.fetch(_rows(index, len(self)))

    @property
    def size(self) -> int:
        """Number of values."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @abstractmethod
    def fetch(self, rows: Integers) -> Floats:
        """Read the frames `rows`, integers ``[k]`` in any order, as an array ``[k, 2, length]``."""

    def take(self, index: Index) -> "LazyFrames":
        """The frames at `index` (a slice, integers or a mask), still lazy."""
        return _Taken(self, _rows(index, len(self)))

    def cut(self, length: int) -> "LazyFrames":
        """Each frame cut into ``shape[2] // length`` frames, still lazy."""
        return _Cut(self, length)


def _rows(index: Any, count: int) -> Integers:
    """Numbers of the frames at `index`, of `count` frames; a small slice of many costs little."""
    if isinstance(index, slice):
        return np.arange(*index.indices(count))
    return np.arange(count)[index]


class _Taken(LazyFrames):
    """Some frames of others."""

    def __init__(self, frames: LazyFrames, rows: Integers) -> None:
        super().__init__(len(rows), frames.shape[2], frames.dtype)
        self._frames = frames
        self._rows = rows

    def fetch(self, rows: Integers) -> Floats:
        return self._frames.fetch(self._rows[rows])

    def take(self, index: Index) -> LazyFrames:
        return _Taken(self._frames, self._rows[index])


class _Cut(LazyFrames):
    """Shorter frames, cut from others."""

    def __init__(self, frames: LazyFrames, length: int) -> None:
        self._pieces = frames.shape[2] // length
        super().__init__(len(frames) * self._pieces, length, frames.dtype)
        self._frames = frames

    def fetch(self, rows: Integers) -> Floats:
        parents, where = np.unique(rows // self._pieces, return_inverse=True)
        pieces = cut(self._frames.fetch(parents), self.shape[2])
        return pieces[where * self._pieces + rows % self._pieces]


def as_array(frames: LazyFrames) -> Floats:
    """The same object, under the type of what it looks like."""
    return cast(Floats, frames)


def take(iq: Floats | LazyFrames, index: Index) -> Floats:
    """The frames of ``[n, 2, length]`` at `index`; lazy ones stay so."""
    return as_array(iq.take(index)) if isinstance(iq, LazyFrames) else iq[index]


def cut(iq: Floats | LazyFrames, length: int) -> Floats:
    """Cut frames ``[n, 2, long]`` into ``[n * (long // length), 2, length]``; the rest is lost."""
    if isinstance(iq, LazyFrames):
        return as_array(iq.cut(length))
    pieces = iq.shape[2] // length
    split = iq[:, :, : pieces * length].reshape(len(iq), 2, pieces, length)
    return split.swapaxes(1, 2).reshape(-1, 2, length)


def spans(rows: Integers, gap: int = 64, most: int = 4096) -> Iterator[tuple[int, int, slice]]:
    """Group ascending `rows` into spans that are worth reading in one piece.

    Yields (first row, one past the last row, slice into `rows`); rows of a span lie at
    most `gap` apart, and a span covers at most `most` rows of the file.
    """
    start = 0
    for end in range(1, len(rows) + 1):
        ends = (
            end == len(rows) or rows[end] - rows[end - 1] > gap or rows[end] - rows[start] >= most
        )
        if ends:
            yield int(rows[start]), int(rows[end - 1]) + 1, slice(start, end)
            start = end
