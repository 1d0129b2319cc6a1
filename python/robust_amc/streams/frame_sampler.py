"""Frames of a stream that comes in pieces: the grid and the squelch of the block frame_sampler."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .. import power
from ..arrays import Bools, Complexes, Floats, Integers
from ..data.formats.sample_file import to_float
from ..errors import UserError

HYSTERESIS_DB = 3.0


@dataclass(frozen=True)
class Frames:
    """Frames of a stream.

    Attributes:
        samples: complex64 ``[n, length]``
        offset: int64 ``[n]``, position of each frame's first sample in the stream
        power: float64 ``[n]``, mean of the squared magnitudes of its samples
    """

    samples: Complexes
    offset: Integers
    power: Floats

    def __len__(self) -> int:
        return len(self.offset)

    def __getitem__(self, index: slice | Integers | Bools) -> Self:
        return type(self)(self.samples[index], self.offset[index], self.power[index])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One of several."""
        names = ("samples", "offset", "power")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Decoder:
    """Bytes to complex64 samples; a sample may come in two pieces.

    `dtype` is that of an I or Q value; `keep` is called with the bytes of whole samples.
    Attribute `rest`: the bytes of a sample that is not whole yet.
    """

    def __init__(self, dtype: np.dtype[Any], keep: Callable[[bytes], None] | None = None) -> None:
        self._dtype = dtype
        self._keep = keep
        self.rest = b""

    def decode(self, block: bytes) -> Complexes:
        """The samples ``[n]`` that are whole with the bytes of `block`."""
        block = self.rest + block
        whole = len(block) - len(block) % (2 * self._dtype.itemsize)
        block, self.rest = block[:whole], block[whole:]
        if self._keep is not None:
            self._keep(block)
        return to_float(np.frombuffer(block, self._dtype)).view(np.complex64)


class FrameSampler:
    """Cuts frames of `length` samples that begin every `hop` samples, whatever the pieces.

    Frames that find the squelch closed are left out. Attributes: how many `samples` came, how
    many `frames` they have, and how many of those were `squelched`. Raises UserError when the
    hop is not positive.
    """

    def __init__(
        self, length: int, hop: int | None = None, squelch: "Squelch | None" = None
    ) -> None:
        self._length = length
        self._hop = length if hop is None else hop
        if self._hop < 1:
            raise UserError(f"the hop must be at least 1 sample, not {hop}")
        self._squelch = squelch
        self._rest = np.empty(0, np.complex64)
        self._next = 0  # where the next frame begins in the stream
        self.samples = 0
        self.frames = 0
        self.squelched = 0

    def push(self, samples: Complexes) -> Frames:
        """The frames that are whole with `samples`, complex64 ``[n]``: Frames."""
        begin = self.samples - len(self._rest)
        at_hand = np.concatenate([self._rest, samples])
        self.samples += len(samples)
        count = max(0, (self.samples - self._length - self._next) // self._hop + 1)
        offset = self._next + self._hop * np.arange(count)
        self._next += self._hop * count
        self.frames += count
        self._rest = at_hand[self._next - begin :].copy()
        return self._passing(_cut(at_hand, offset - begin, self._length), offset)

    def _passing(self, cut: Complexes, offset: Integers) -> Frames:
        found = Frames(cut, offset, mean_power(cut))
        if self._squelch is None:
            return found
        passing = self._squelch.passes(found.power)
        self.squelched += int(np.count_nonzero(~passing))
        return found[passing]


class Squelch:
    """Opens at a frame of `level_db`, closes at one more than `hysteresis_db` below that.

    Raises UserError when the hysteresis is negative or one of them is no number of dB.
    """

    def __init__(self, level_db: float, hysteresis_db: float = HYSTERESIS_DB) -> None:
        power.check_db(squelch=level_db, hysteresis=hysteresis_db)
        if hysteresis_db < 0:
            raise UserError(f"the hysteresis must be 0 dB or more, not {hysteresis_db:g}")
        self._opens_at = power.from_db(level_db)
        self._closes_below = power.from_db(level_db - hysteresis_db)
        self._open = False

    def passes(self, powers: Floats) -> Bools:
        """Which of the next frames pass, bool ``[n]``; a power of NaN closes the squelch."""
        opens, closes = powers >= self._opens_at, ~(powers >= self._closes_below)
        # What a frame between the two levels finds is what the last frame outside them left
        latest = np.maximum.accumulate(np.where(opens | closes, np.arange(len(powers)), -1))
        is_open = np.where(latest < 0, self._open, opens[latest])
        if len(is_open):
            self._open = bool(is_open[-1])
        return is_open


def mean_power(samples: Complexes) -> Floats:
    """Mean of the squared magnitudes of each frame, complex ``[n, length]`` to float64 ``[n]``."""
    with np.errstate(over="ignore", invalid="ignore"):
        energy = sum(
            np.einsum("ij,ij->i", part, part, dtype=np.float64)
            for part in (samples.real, samples.imag)
        )
    return energy / samples.shape[1]


def _cut(samples: Complexes, starts: Integers, length: int) -> Complexes:
    """Frames that begin at `starts`, evenly apart; a view, since they may overlap a lot."""
    if not len(starts):
        return np.empty((0, length), np.complex64)
    hop = starts[1] - starts[0] if len(starts) > 1 else 1
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)
    return windows[starts[0] : starts[-1] + 1 : hop]
