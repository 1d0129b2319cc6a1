"""A data set in memory: frames, labels, and what is known of each frame."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from .. import frames
from ..errors import UserError


@dataclass(frozen=True)
class FrameDataset:
    """Labelled frames.

    Attributes:
        iq: float16 or float32 ``[n, 2, length]``
        label: int16 ``[n]``, index into `classes`
        classes: names of the modulations
        snr_db: float32 ``[n]``, the SNR label
        run_id: int32 ``[n]``; frames of one generator run share a channel and a source
        metadata: how the data set was made

    Raises UserError when the parts do not fit together.
    """

    iq: np.ndarray
    label: np.ndarray
    classes: tuple
    snr_db: np.ndarray
    run_id: np.ndarray
    metadata: dict = field(default_factory=dict)

    def __post_init__(self):
        frames.check(self.iq)
        for name in ("label", "snr_db", "run_id"):
            shape = getattr(self, name).shape
            if shape != (len(self.iq),):
                raise UserError(f"{name} has shape {shape}, but there are {len(self.iq)} frames")
        if len(set(self.classes)) != len(self.classes):
            raise UserError(f"a class is named twice: {', '.join(self.classes)}")
        if len(self.label) and not 0 <= self.label.min() <= self.label.max() < len(self.classes):
            raise UserError(f"labels must lie in 0 … {len(self.classes) - 1}")

    def __len__(self):
        return len(self.iq)

    @property
    def frame_length(self):
        """Samples in a frame."""
        return self.iq.shape[2]

    @property
    def truth(self):
        """Name of each frame's class, ``[n]``."""
        return np.asarray(self.classes)[self.label]

    def subset(self, index):
        """The frames at `index` (integers or a mask), in that order."""
        picked = {name: getattr(self, name)[index] for name in ("iq", "label", "snr_db", "run_id")}
        return replace(self, **picked)

    def select(self, classes=None, snr_db=None):
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
        if not keep.any():
            raise UserError("the selection is empty: no frame has those classes and SNR labels")
        return self.subset(np.flatnonzero(keep))

    def index_of(self, name):
        """Index of a class; UserError when it is unknown."""
        if name not in self.classes:
            raise UserError(f"unknown class {name!r}; there are {', '.join(self.classes)}")
        return self.classes.index(name)

    def require_classes(self, classes):
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

    def limit(self, count, seed):
        """`count` frames drawn with `seed`, in file order; all when there are fewer."""
        if count is None or count >= len(self):
            return self
        if count < 1:
            raise UserError(f"the number of frames must be positive, not {count}")
        drawn = np.random.default_rng(seed).choice(len(self), count, replace=False)
        return self.subset(np.sort(drawn))

    def limit_per_key(self, count, seed):
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

    def fingerprint(self):
        """SHA-256 over frames, labels and SNR labels: the same data in any file form."""
        digest = hashlib.sha256()
        digest.update("\n".join(self.classes).encode())
        for part in (self.iq.astype(np.float16), self.label, self.snr_db):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()
