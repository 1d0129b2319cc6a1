"""A data set: frames, labels, and what is known of each frame."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .. import frames
from ..arrays import Array, Floats, Integers
from ..errors import UserError
from ..files import Document
from ..names import is_name
from ..runtime.memory import available_memory
from . import lazy

MOST_CLASSES = 1000
CHUNK = 1 << 20  # samples that are worked on at a time: 8 MB of float32 I and Q
_MOST_OF_MEMORY = 0.8
Progress = Callable[[int, int], None]  # is told how many are done, of how many
# What may also be known of each frame, and its type in files
EXTRA: dict[str, type[np.number[Any]]] = {
    "true_snr_db": np.float32,  # measured where the signal without noise is known
    "carrier_offset_hz": np.float32,
    "channel_id": np.int32,
    # Of generated frames, in mode field: of the signal, of what the front end left, of the receiver
    "samples_per_symbol": np.float32,
    "rolloff": np.float32,
    "modulation_index": np.float32,
    "rate_error": np.float32,
    "delay_spread": np.float32,
    "phase_noise": np.float32,
    "image_rejection_db": np.float32,
    "bits": np.float32,
}


@dataclass(frozen=True)
class FrameDataset:
    """Labeled frames.

    Attributes:
        iq: float16 or float32 ``[n, 2, length]``; an array, or LazyFrames of a large file
        label: int16 ``[n]``, index into `classes`
        classes: names of the modulations
        snr_db: float32 ``[n]``, the SNR label
        run_id: int32 ``[n]``; frames of one generator run share a channel and a source
        metadata: how the data set was made
        extra: more that is known of each frame, arrays ``[n]`` by name (see EXTRA)
        received: whether the samples have the level at which a receiver recorded them; those of
            data sets have been scaled already, or are as their makers want them

    Raises UserError when the parts do not fit together.
    """

    iq: Floats
    label: Integers
    classes: tuple[str, ...]
    snr_db: Floats
    run_id: Integers
    metadata: Document = field(default_factory=dict)
    extra: dict[str, Array] = field(default_factory=dict)
    received: bool = False

    def __post_init__(self) -> None:
        if not self.is_lazy:
            frames.check(self.iq)
        columns = {name: getattr(self, name) for name in ("label", "snr_db", "run_id")}
        for name, column in (columns | self.extra).items():
            if column.shape != (len(self.iq),):
                raise UserError(
                    f"{name} has shape {column.shape}, but there are {len(self.iq)} frames"
                )
        unknown = [name for name in self.extra if name not in EXTRA]
        if unknown:
            raise UserError(f"{', '.join(unknown)} is nothing that a frame can have")
        if len(self.classes) > MOST_CLASSES:
            raise UserError(f"{len(self.classes)} classes are too many; at most {MOST_CLASSES}")
        for name in self.classes:
            if not is_name(name):
                raise UserError(f"a class is named {str(name)[:40]!r}, which is not a name")
        if len(set(self.classes)) != len(self.classes):
            raise UserError(f"a class is named twice: {', '.join(self.classes)}")
        if len(self.label) and not 0 <= self.label.min() <= self.label.max() < len(self.classes):
            raise UserError(f"labels must lie in 0 … {len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.iq)

    @property
    def is_lazy(self) -> bool:
        """Whether the frames are still in their file."""
        return isinstance(self.iq, lazy.LazyFrames)

    @property
    def frame_length(self) -> int:
        """Samples in a frame."""
        return self.iq.shape[2]

    @property
    def sample_rate_hz(self) -> float | None:
        """The sample rate in Hz, None when it is not known: the metadata can be anybody's."""
        rate = self.metadata.get("sample_rate_hz")
        if isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 < rate <= 1e12:
            return float(rate)
        return None

    @property
    def truth(self) -> npt.NDArray[np.str_]:
        """Name of each frame's class, ``[n]``."""
        return np.asarray(self.classes)[self.label]

    def subset(self, index: lazy.Index) -> Self:
        """The frames at `index` (integers, a mask or a slice), in that order; lazy ones stay so."""
        picked = {name: getattr(self, name)[index] for name in ("label", "snr_db", "run_id")}
        extra = {name: column[index] for name, column in self.extra.items()}
        return replace(self, iq=lazy.take(self.iq, index), extra=extra, **picked)

    def chunks(self, size: int | None = None) -> Iterator[Self]:
        """The data set in pieces of at most `size` frames, each in memory, in order.

        Without `size` a piece has some 8 MB. Raises UserError when frames of a large file
        turn out to have NaN or infinite samples.
        """
        size = size or max(1, CHUNK // self.frame_length)
        for start in range(0, len(self), size):
            piece = self.subset(slice(start, start + size))
            if self.is_lazy:
                piece = replace(piece, iq=piece.iq[:])
                frames.check_finite(piece.iq, start)
            yield piece

    def in_memory(self) -> Self:
        """This data set with its frames read; UserError when they have NaN, or are too many."""
        if not self.is_lazy:
            return self
        size = self.iq.size * self.iq.dtype.itemsize
        if size > _MOST_OF_MEMORY * available_memory():
            raise UserError(
                f"{size / 1e9:.1f} GB of frames do not fit into memory; take fewer, or convert "
                "the data set to part of it with `htrd dataset convert`"
            )
        iq = np.empty(self.iq.shape, self.iq.dtype)
        done = 0
        for piece in self.chunks():
            iq[done : done + len(piece)] = piece.iq
            done += len(piece)
        return replace(self, iq=iq)

    def cut(self, length: int) -> Self:
        """Frames of `length` samples, cut from longer ones; the label stays, a rest is dropped.

        The pieces of a frame get its run, so that they stay together in splits. Raises
        UserError when the frames are shorter.
        """
        if length == self.frame_length:
            return self
        pieces = self.frame_length // length if length > 0 else 0
        if not pieces:
            raise UserError(
                f"frames of {length} samples cannot be cut from frames of {self.frame_length}"
            )
        columns = {name: getattr(self, name) for name in ("label", "snr_db", "run_id")}
        return replace(
            self,
            iq=lazy.cut(self.iq, length),
            metadata=self.metadata | {"cut_from_frame_length": self.frame_length},
            extra={name: column.repeat(pieces) for name, column in self.extra.items()},
            **{name: column.repeat(pieces) for name, column in columns.items()},
        )

    def select(
        self, classes: Sequence[str] | None = None, snr_db: npt.ArrayLike | None = None
    ) -> Self:
        """Frames of the named classes and SNR labels (None: all); the class list stays.

        Raises UserError for a class or label that the data set does not have, or
        when nothing is left.
        """
        keep = np.ones(len(self), bool)
        if classes is not None:
            keep &= np.isin(self.label, [self.index_of(name) for name in classes])
        if snr_db is not None:
            present = np.unique(self.snr_db)
            for level in np.atleast_1d(snr_db):
                if level not in present:
                    known = ", ".join(f"{value:g}" for value in present)
                    raise UserError(f"no frame has the SNR label {level:g} dB; there are {known}")
            keep &= np.isin(self.snr_db, snr_db)
        if not len(self):
            raise UserError(
                "there are no frames to select from: a part of a data set with so few runs of "
                "each class and SNR label can be empty; it needs 20 of them or more"
            )
        if not keep.any():
            raise UserError("the selection is empty: no frame has those classes and SNR labels")
        return self.subset(np.flatnonzero(keep))

    def index_of(self, name: str) -> int:
        """Index of a class; UserError when it is unknown."""
        if name not in self.classes:
            raise UserError(f"unknown class {name!r}; there are {', '.join(self.classes)}")
        return self.classes.index(name)

    def require_classes(self, classes: Sequence[str]) -> Self:
        """This data set with its labels in the order of `classes`.

        The classes may be fewer than `classes` (RML2016.10b has no AM-SSB), but not
        others: that raises UserError.
        """
        if self.classes == tuple(classes):
            return self
        strangers = [name for name in self.classes if name not in classes]
        if strangers:
            raise UserError(
                f"the data set has classes that the model does not know: {', '.join(strangers)}; "
                f"the model knows {', '.join(classes)}"
            )
        position = np.array([list(classes).index(name) for name in self.classes], np.int16)
        return replace(self, label=position[self.label], classes=tuple(classes))

    def limit(self, count: int | None, seed: int) -> Self:
        """`count` frames drawn with `seed`, in file order; all when there are fewer."""
        return self.divide(count, seed)[0]

    def divide(self, count: int | None, seed: int) -> tuple[Self, Self]:
        """The frames of limit(), and all others."""
        if count is None or count >= len(self):
            return self, self.subset(slice(0))
        if count < 1:
            raise UserError(f"the number of frames must be positive, not {count}")
        drawn = np.zeros(len(self), bool)
        drawn[np.random.default_rng(seed).choice(len(self), count, replace=False)] = True
        return self.subset(np.flatnonzero(drawn)), self.subset(np.flatnonzero(~drawn))

    def limit_per_key(self, count: int | None, seed: int) -> Self:
        """At most `count` frames of each (class, SNR label), drawn with `seed`, in file order."""
        if count is None:
            return self
        if count < 1:
            raise UserError(f"the number of frames a key must be positive, not {count}")
        order = np.random.default_rng(seed).permutation(len(self))
        order = order[np.lexsort((self.snr_db[order], self.label[order]))]
        changed = np.diff(self.label[order]).astype(bool) | (np.diff(self.snr_db[order]) != 0)
        starts = np.concatenate([[0], np.flatnonzero(changed) + 1])
        lengths = np.diff(np.append(starts, len(self)))
        rank = np.arange(len(self)) - np.repeat(starts, lengths)
        return self.subset(np.sort(order[rank < count]))

    def fingerprint(self) -> str:
        """SHA-256 over frames, labels and SNR labels: the same data in any file form."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.classes).encode())
        with np.errstate(over="ignore"):  # samples beyond half precision count as infinite
            for piece in self.chunks():
                digest.update(np.ascontiguousarray(piece.iq.astype(np.float16)).data)
        for column in (self.label, self.snr_db):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def layout(self) -> str:
        """SHA-256 over the classes, and labels, SNR labels and runs of the frames: what splits it.

        A data set that was generated has the same one from every processor. Its fingerprint
        may differ, since samples are rounded differently.
        """
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for column, kind in ((self.label, "<i8"), (self.snr_db, "<f8"), (self.run_id, "<i8")):
            digest.update(np.ascontiguousarray(column, kind).data)
        return digest.hexdigest()


def pieces(dataset: FrameDataset, progress: Progress | None = None) -> Iterator[FrameDataset]:
    """Yield the data set in pieces in memory, in order (see FrameDataset.chunks).

    `progress(done, total)` is called with numbers of frames after each piece. Raises
    UserError when frames have NaN or infinite samples.
    """
    done = 0
    for piece in dataset.chunks():
        yield piece
        done += len(piece)
        if progress:
            progress(done, len(dataset))


def joined(datasets: Sequence[FrameDataset]) -> FrameDataset:
    """The frames of several data sets, in memory, as one; metadata are those of the first.

    Classes are those of the first. Runs stay apart. Raises UserError for a class that the
    first does not have, or another frame length.
    """
    first = datasets[0]
    parts, runs = [], 0
    for each in datasets:
        if each.frame_length != first.frame_length:
            raise UserError(
                f"frames of {each.frame_length} and of {first.frame_length} samples cannot be "
                "joined"
            )
        each = each.require_classes(first.classes).in_memory()
        parts.append(replace(each, run_id=each.run_id + runs))
        runs = int(parts[-1].run_id.max(initial=runs)) + 1
    columns = {
        name: np.concatenate([getattr(each, name) for each in parts])
        for name in ("iq", "label", "snr_db", "run_id")
    }
    return replace(first, extra={}, **columns)
