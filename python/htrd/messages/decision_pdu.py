# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions as messages: the only file that knows the layout of those PDUs."""

from dataclasses import dataclass

import numpy as np
import pmt

from ..htrd_python import number
from . import pmt_vectors, tags

_FLOAT_COLUMNS = ("score", "threshold", *tags.NUMBERS)


@dataclass
class Batch:
    """Decisions on n frames, column by column.

    Attributes:
        frame_index: int64 ``[n]``
        modulation: names, None where the frame was rejected
        score: float64 ``[n]``, the largest score
        threshold: float64 ``[n]``; -inf for a model that never rejects by score
        truth: names, None where unknown
        snr_db, pnr_db: float64 ``[n]``, NaN where unknown
        rx_time: PMTs, None where unknown
        scores: float32 ``[n, classes]``
        classes: names, in the order of `scores`; empty in a single decision read back
        sample_offset: float64 ``[n]``, position of the frame's first sample in its stream, NaN
            where unknown (exact up to 2^53: years)
        frame_power_db: float64 ``[n]``, NaN where unknown
    """

    frame_index: np.ndarray
    modulation: list
    score: np.ndarray
    threshold: np.ndarray
    truth: list
    snr_db: np.ndarray
    pnr_db: np.ndarray
    rx_time: list
    scores: np.ndarray
    classes: tuple = ()
    sample_offset: np.ndarray = None
    frame_power_db: np.ndarray = None

    def __post_init__(self):
        for name in ("sample_offset", "frame_power_db"):
            if getattr(self, name) is None:
                setattr(self, name, np.full(len(self), np.nan))

    def __len__(self):
        return len(self.frame_index)

    @property
    def rejected(self):
        """Which frames were rejected, bool ``[n]``."""
        return np.array([name is None for name in self.modulation], bool)

    def decision(self, row):
        """PDU of one frame: a dictionary and the score vector (f32vector)."""
        modulation, truth = self.modulation[row], self.truth[row]
        offset = self.sample_offset[row]
        fields = {
            "frame_index": pmt.from_long(int(self.frame_index[row])),
            "modulation": modulation and pmt.intern(modulation),
            "rejected": pmt.from_bool(modulation is None),
            "score": pmt.from_double(self.score[row]),
            "threshold": pmt.from_double(self.threshold[row]),
            "truth": truth and pmt.intern(truth),
            "snr_db": _known_number(self.snr_db[row]),
            "pnr_db": _known_number(self.pnr_db[row]),
            "rx_time": self.rx_time[row],
            "sample_offset": None if np.isnan(offset) else pmt.from_uint64(int(offset)),
            "frame_power_db": _known_number(self.frame_power_db[row]),
        }
        return pmt.cons(_dictionary(fields), pmt_vectors.floats(self.scores[row]))

    def message(self):
        """PDU of the whole batch: a dictionary of vectors, and all score vectors in one.

        The fields are those of a decision, in the plural: `frame_index` a vector of longs
        (pmt.to_python cannot read s64vector), `rejected` u8vector, `modulation`, `truth` and
        `rx_time` vectors with PMT_NIL where there is nothing, the others f64vector with NaN
        where there is nothing. Of what tags tell (`truth`, `rx_time` and the columns of
        numbers), those that no frame has are absent. `classes` is a vector of symbols, and the
        second part an f32vector of n times len(classes) scores, frame after frame.
        """
        fields = {
            "frame_index": pmt_vectors.longs(self.frame_index),
            "modulation": pmt_vectors.symbols(self.modulation),
            "rejected": pmt.init_u8vector(len(self), [name is None for name in self.modulation]),
            "truth": pmt_vectors.symbols(self.truth) if any(self.truth) else None,
            "rx_time": _objects(self.rx_time),
            "classes": pmt_vectors.symbols(self.classes) if self.classes else None,
        }
        for name in _FLOAT_COLUMNS:
            column = getattr(self, name)
            known = name in ("score", "threshold") or not np.isnan(column).all()
            fields[name] = pmt_vectors.floats(column) if known else None
        return pmt.cons(_dictionary(fields), pmt_vectors.floats(self.scores.ravel()))


def collect(decided, threshold, classes, facts):
    """Batch of Decisions, and of what tags say of these frames (tags.columns())."""
    with np.errstate(invalid="ignore"):
        best = decided.score.max(1).astype(np.float64)
    return Batch(
        modulation=[classes[label] if label >= 0 else None for label in decided.label.tolist()],
        score=best,
        threshold=np.full(len(best), -np.inf if threshold is None else threshold, np.float64),
        scores=decided.score,
        classes=tuple(classes),
        **facts,
    )


def read(message):
    """Batch of a PDU from `decisions` or `batches`; ValueError when it is neither."""
    if not pmt.is_pair(message) or not pmt.is_dict(pmt.car(message)):
        raise ValueError("not a decision: a PDU with a dictionary is expected")
    fields = pmt.car(message)
    if not all(pmt.dict_has_key(fields, pmt.intern(name)) for name in ("frame_index", "rejected")):
        raise ValueError("not a decision: no frame_index or no rejected")
    single = pmt.is_integer(pmt.dict_ref(fields, pmt.intern("frame_index"), pmt.PMT_NIL))
    try:
        columns = {name: _read(fields, name, single) for name in (*_READERS, "classes")}
        count = len(columns["frame_index"])
        return Batch(
            **{
                name: column if column is not None else _nothing(name, count)
                for name, column in columns.items()
            },
            scores=np.array(pmt.f32vector_elements(pmt.cdr(message)), np.float32).reshape(
                count, -1
            ),
        )
    except Exception as error:  # noqa: BLE001 (pmt raises whatever the sender's data causes)
        raise ValueError(f"not a decision: {error}") from None


def _read(fields, name, single):
    """The column `name` of a PDU's dictionary, also of a single decision; None if absent."""
    value = pmt.dict_ref(fields, pmt.intern(name), pmt.PMT_NIL)
    if pmt.is_null(value):
        return None
    if name == "classes":
        return tuple(pmt_vectors.read_symbols(value))
    column = [_READERS[name](value)] if single else _VECTOR_READERS[name](value)
    kind = {"frame_index": np.int64}.get(name, np.float64 if name in _FLOAT_COLUMNS else None)
    return column if kind is None else np.asarray(column, kind)


def _read_objects(vector):
    """Python objects of a vector of any PMTs, None for PMT_NIL."""
    items = (pmt.vector_ref(vector, row) for row in range(pmt.length(vector)))
    return [None if pmt.is_null(item) else pmt.to_python(item) for item in items]


def _nothing(name, count):
    """A column of which no frame has anything."""
    if name == "classes":
        return ()
    return np.full(count, np.nan) if name in _FLOAT_COLUMNS else [None] * count


# pmt.to_python() does all of them, at many times the price
_READERS = {
    "frame_index": pmt.to_long,
    "modulation": pmt.symbol_to_string,
    "truth": pmt.symbol_to_string,
    "rx_time": pmt.to_python,
    **dict.fromkeys(_FLOAT_COLUMNS, pmt.to_double),
    "sample_offset": number,  # a uint64 in a single decision
}
_VECTOR_READERS = {
    "frame_index": pmt_vectors.read_longs,
    "modulation": pmt_vectors.read_symbols,
    "truth": pmt_vectors.read_symbols,
    "rx_time": _read_objects,
    **dict.fromkeys(_FLOAT_COLUMNS, pmt.f64vector_elements),
}


def _dictionary(fields):
    """PMT dictionary of the fields that are known."""
    dictionary = pmt.make_dict()
    for name, value in fields.items():
        if value is not None:
            dictionary = pmt.dict_add(dictionary, pmt.intern(name), value)
    return dictionary


def _objects(items):
    """PMT vector of PMTs, PMT_NIL for None; None when all are None."""
    if all(item is None for item in items):
        return None
    vector = pmt.make_vector(len(items), pmt.PMT_NIL)
    for position, item in enumerate(items):
        if item is not None:
            pmt.vector_set(vector, position, item)
    return vector


def _known_number(value):
    return None if np.isnan(value) else pmt.from_double(value)
