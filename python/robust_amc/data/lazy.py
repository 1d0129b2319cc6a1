"""Frames that stay in their file until they are asked for."""

from abc import ABC, abstractmethod

import numpy as np


class LazyFrames(ABC):
    """Looks like an array ``[n, 2, length]``; indexing it along n reads those frames.

    Attributes:
        shape: ``(n, 2, length)``
        dtype: of the frames that come back
    """

    ndim = 3

    def __init__(self, count, length, dtype=np.float32):
        self.shape = (count, 2, length)
        self.dtype = np.dtype(dtype)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Frames ``[k, 2, length]`` of a slice, integers or a mask; one frame of an integer."""
        if np.ndim(index) == 0 and not isinstance(index, slice):
            return self.fetch(_rows([index], len(self)))[0]
        return self.fetch(_rows(index, len(self)))

    @property
    def size(self):
        """Number of values."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @abstractmethod
    def fetch(self, rows):
        """Read the frames `rows`, integers ``[k]`` in any order, as an array ``[k, 2, length]``."""

    def take(self, index):
        """The frames at `index` (a slice, integers or a mask), still lazy."""
        return _Taken(self, _rows(index, len(self)))

    def cut(self, length):
        """Each frame cut into ``shape[2] // length`` frames, still lazy."""
        return _Cut(self, length)


def _rows(index, count):
    """Numbers of the frames at `index`, of `count` frames; a small slice of many costs little."""
    if isinstance(index, slice):
        return np.arange(*index.indices(count))
    return np.arange(count)[index]


class _Taken(LazyFrames):
    """Some frames of others."""

    def __init__(self, frames, rows):
        super().__init__(len(rows), frames.shape[2], frames.dtype)
        self._frames = frames
        self._rows = rows

    def fetch(self, rows):
        return self._frames.fetch(self._rows[rows])

    def take(self, index):
        return _Taken(self._frames, self._rows[index])


class _Cut(LazyFrames):
    """Shorter frames, cut from others."""

    def __init__(self, frames, length):
        self._pieces = frames.shape[2] // length
        super().__init__(len(frames) * self._pieces, length, frames.dtype)
        self._frames = frames

    def fetch(self, rows):
        parents, where = np.unique(rows // self._pieces, return_inverse=True)
        pieces = cut(self._frames.fetch(parents), self.shape[2])
        return pieces[where * self._pieces + rows % self._pieces]


def cut(iq, length):
    """Cut frames ``[n, 2, long]`` into ``[n * (long // length), 2, length]``; the rest is lost."""
    if isinstance(iq, LazyFrames):
        return iq.cut(length)
    pieces = iq.shape[2] // length
    split = iq[:, :, : pieces * length].reshape(len(iq), 2, pieces, length)
    return split.swapaxes(1, 2).reshape(-1, 2, length)


def spans(rows, gap=64, most=4096):
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
