"""The order in which the frames of a data set are played, pass after pass."""

import threading
from collections.abc import Callable
from enum import StrEnum
from numbers import Real
from typing import Any

import numpy as np

from .. import frames
from ..arrays import Complexes, Integers
from ..errors import UserError
from .dataset import FrameDataset

BLOCK = 1024  # frames of the order that are read from a large file at a time


class Order(StrEnum):
    """The order of a pass."""

    FILE = "file"
    SHUFFLED = "shuffled"  # anew in each pass
    BALANCED = "balanced"  # every class equally often, drawn anew in each pass


class ReplayOrder:
    """Row numbers in the order of playing. One thread takes them; any thread may seek.

    A pass in ``balanced`` order has as many frames of each class as the rarest class has,
    drawn anew, and the classes take turns: the same random sequence of them again and again,
    so that any window of as many frames as there are classes has each class once.

    Attributes:
        rows: integers ``[len]``, the order of the current pass; a new array for each pass

    Args:
        label: class of each row, integers ``[n]``; classes without rows do not count
        order: see Order
        repeat: begin a new pass after each
        start: position in the order at which the first pass begins; the others begin at 0
        seed: of everything random

    Raises UserError for no rows, an unknown order, a negative seed or a start outside the order.
    """

    rows: Integers

    def __init__(
        self,
        label: Integers,
        order: str = Order.FILE,
        repeat: bool = False,
        start: int = 0,
        seed: int = 0,
    ) -> None:
        if order not in [member.value for member in Order]:
            known = ", ".join(member.value for member in Order)
            raise UserError(f"unknown order {order!r}; there are {known}")
        if not len(label):
            raise UserError("there are no frames to play; select more")
        if seed < 0:
            raise UserError(f"the seed of the order must not be negative, not {seed}")
        self._rng = np.random.default_rng(seed)
        self._draw = self._drawing(np.asarray(label), Order(order))
        self._repeat = repeat
        self._lock = threading.Lock()
        self._position = 0
        self.rows = self._draw()
        self.seek(start)

    def __len__(self) -> int:
        """Frames in a pass."""
        return len(self.rows)

    def seek(self, position: float) -> None:
        """Go on at `position` in the order of the current pass, from the next `take` on.

        The current pass lasts until the first frame of the next one is taken. Raises
        UserError when there is no such position.
        """
        is_number = isinstance(position, Real)
        if not (is_number and 0 <= position < len(self) and position == int(position)):
            raise UserError(
                f"there is no position {position} in the order; give one of 0 … {len(self) - 1}"
            )
        with self._lock:
            self._position = int(position)

    def take(self, most: int, block: int | None = None) -> slice:
        """The next positions in `rows`: a slice of at most `most`, empty when all is played.

        A slice lies in one pass and, where `block` is given, between two of its multiples.
        """
        with self._lock:
            if self._position == len(self) and self._repeat:
                self.rows, self._position = self._draw(), 0
            begin = self._position
            end = min(begin + most, len(self))
            if block:
                end = min(end, (begin // block + 1) * block)
            self._position = end
        return slice(begin, end)

    def _drawing(self, label: Integers, order: Order) -> Callable[[], Integers]:
        """The function that makes the rows of a pass."""
        if order is Order.FILE:
            rows = np.arange(len(label))
            return lambda: rows
        if order is Order.SHUFFLED:
            return lambda: self._rng.permutation(len(label))
        turns = self._rng.permutation(np.unique(label))
        members = [np.flatnonzero(label == turn) for turn in turns]
        count = min(map(len, members))
        return lambda: np.stack(
            [self._rng.permutation(rows)[:count] for rows in members], axis=1
        ).ravel()


class Replayer:
    """Frames of a FrameDataset in the order of a ReplayOrder, as complex samples.

    Frames in memory are converted once and kept (8 bytes a sample). Lazy ones are read when
    they are due, BLOCK of the order at a time, and go out as they are, NaN included.
    """

    def __init__(self, dataset: FrameDataset, playlist: ReplayOrder) -> None:
        self._playlist = playlist
        self._lazy: Any = dataset.iq if dataset.is_lazy else None  # LazyFrames
        empty = np.empty((0, dataset.frame_length), np.complex64)
        self._kept = empty if dataset.is_lazy else frames.to_complex(dataset.iq)
        self._block: Integers = np.empty(0, int)  # rows of the frames in _kept, where lazy

    def take(self, most: int) -> tuple[Integers, Complexes]:
        """The next frames, at most `most`: rows ``[k]`` and samples, complex64 ``[k, length]``.

        None are left when all is played. Raises what the reader of a large file raises.
        """
        span = self._playlist.take(most, BLOCK if self._lazy is not None else None)
        rows = self._playlist.rows[span]
        if self._lazy is None:
            return rows, np.take(self._kept, rows, axis=0)
        first = span.start // BLOCK * BLOCK
        self._read(self._playlist.rows[first : first + BLOCK])
        return rows, self._kept[span.start - first : span.stop - first]

    def _read(self, block: Integers) -> None:
        if not np.array_equal(block, self._block):
            self._kept = frames.to_complex(self._lazy.fetch(block))
            self._block = block
