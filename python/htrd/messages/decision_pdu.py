# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions as messages: the only file that knows the layout of those PDUs."""

import numpy as np
import pmt
from robust_amc.decisions import NO_OFFSET, NUMBERS, DecisionBatch
from robust_amc.names import is_name

from ..checks import shown
from ..htrd_python import _whole
from . import pmt_vectors
from .values import as_python

_FLOAT_COLUMNS = ("score", "threshold", *NUMBERS)
_WHOLE_COLUMNS = {"frame_index": np.int64, "sample_offset": np.int64}


def encode(batch):
    """PDU of a DecisionBatch whose `rx_time` are PMTs: dictionary of vectors, and all scores.

    The fields are those of :func:`encode_one`, a vector each: `frame_index` and
    `sample_offset` of longs (pmt.to_python cannot read s64vector), -1 for an offset that is not
    known; `rejected` u8vector; `modulation`, `truth` and `rx_time` vectors with PMT_NIL where
    there is nothing; the others f64vector with NaN where there is nothing. What comes from tags
    (`truth`, `rx_time`, `sample_offset` and the columns of numbers) is absent where no frame has
    it. `prediction_set`, a vector of vectors of symbols with PMT_NIL for frames that have none, is
    there for a model that `htrd calibrate` made. `classes` is a vector of symbols, and the second
    part an f32vector of n times len(classes) scores, frame after frame.
    """
    fields = {
        "frame_index": pmt_vectors.longs(batch.frame_index),
        "sample_offset": _offsets(batch.sample_offset),
        "modulation": pmt_vectors.symbols(batch.modulation),
        "rejected": pmt.init_u8vector(len(batch), batch.rejected.tolist()),
        "truth": pmt_vectors.symbols(batch.truth) if any(batch.truth) else None,
        "rx_time": _objects(batch.rx_time),
        "prediction_set": _objects([_set(names) for names in batch.prediction_set]),
        "classes": pmt_vectors.symbols(batch.classes) if batch.classes else None,
    }
    for name in _FLOAT_COLUMNS:
        column = getattr(batch, name)
        known = name in ("score", "threshold") or not np.isnan(column).all()
        fields[name] = pmt_vectors.floats(column) if known else None
    return pmt.cons(_dictionary(fields), pmt_vectors.floats(batch.scores.ravel()))


def encode_one(batch, row):
    """PDU of one frame of a DecisionBatch whose `rx_time` are PMTs: dictionary, score vector."""
    modulation, truth = batch.modulation[row], batch.truth[row]
    offset = int(batch.sample_offset[row])
    fields = {
        "frame_index": pmt.from_long(int(batch.frame_index[row])),
        "modulation": modulation and pmt.intern(modulation),
        "rejected": pmt.from_bool(modulation is None),
        "score": pmt.from_double(batch.score[row]),
        "threshold": pmt.from_double(batch.threshold[row]),
        "truth": truth and pmt.intern(truth),
        "snr_db": _known_number(batch.snr_db[row]),
        "pnr_db": _known_number(batch.pnr_db[row]),
        "rx_time": batch.rx_time[row],
        "sample_offset": None if offset < 0 else pmt.from_uint64(offset),
        "frame_power_db": _known_number(batch.frame_power_db[row]),
        "prediction_set": _set(batch.prediction_set[row]),
    }
    return pmt.cons(_dictionary(fields), pmt_vectors.floats(batch.scores[row]))


def decode(message):
    """DecisionBatch of a PDU from `decisions` or `batches`; ValueError when it is neither.

    Its `rx_time` are Python objects; a single decision brings no `classes`.
    """
    if not pmt.is_pair(message) or not pmt.is_dict(pmt.car(message)):
        raise ValueError("not a decision: a PDU with a dictionary is expected")
    fields = pmt.car(message)
    if not all(pmt.dict_has_key(fields, pmt.intern(name)) for name in ("frame_index", "rejected")):
        raise ValueError("not a decision: no frame_index or no rejected")
    single = pmt.is_integer(pmt.dict_ref(fields, pmt.intern("frame_index"), pmt.PMT_NIL))
    try:
        columns = {name: _read(fields, name, single) for name in (*_READERS, "classes")}
        count = len(columns["frame_index"])
        columns["scores"] = np.array(
            pmt.f32vector_elements(pmt.cdr(message)), np.float32
        ).reshape(count, -1)
        absent = {"modulation": [None] * count, "classes": ()}
        absent |= dict.fromkeys(("score", "threshold"), np.full(count, np.nan))
        return DecisionBatch(
            **absent | {name: column for name, column in columns.items() if column is not None}
        )
    except Exception as error:  # noqa: BLE001 (pmt raises whatever the sender's data causes)
        text = " ".join(str(error).split())[:200]  # PMT says the whole value
        raise ValueError(f"not a decision: {text}") from None


def _read(fields, name, single):
    """The column `name` of a PDU's dictionary, also of a single decision; None if absent."""
    value = pmt.dict_ref(fields, pmt.intern(name), pmt.PMT_NIL)
    if pmt.is_null(value):
        return None
    if name == "classes":
        return _read_classes(value)
    column = [_READERS[name](value)] if single else _VECTOR_READERS[name](value)
    kind = np.float64 if name in _FLOAT_COLUMNS else _WHOLE_COLUMNS.get(name)
    return column if kind is None else np.asarray(column, kind)


def _read_name(symbol):
    return _checked([pmt.symbol_to_string(symbol)])[0]


def _read_names(vector):
    return _checked(pmt_vectors.read_symbols(vector))


def _read_classes(vector):
    names = _read_names(vector)
    if None in names or len(set(names)) != len(names):
        raise ValueError("a class has no name, or two have the same")
    return tuple(names)


def _checked(names):
    for name in set(names) - {None}:
        if not is_name(name):
            raise ValueError(f"a class is named {shown(name)}")
    return names


def _read_objects(vector):
    """Python objects of a vector of any PMTs, None for those that have no such form."""
    return [as_python(pmt.vector_ref(vector, row)) for row in range(pmt.length(vector))]


def _read_set(vector):
    """Names of a vector of symbols; None for PMT_NIL."""
    return None if pmt.is_null(vector) else _read_classes(vector)


def _read_sets(vector):
    return [_read_set(pmt.vector_ref(vector, row)) for row in range(pmt.length(vector))]


def _read_offsets(vector):
    """int64 array of a vector of longs, or of an f64vector, as earlier versions sent it."""
    if not pmt.is_f64vector(vector):
        return np.maximum(pmt_vectors.read_longs(vector), NO_OFFSET)
    found = np.array(pmt.f64vector_elements(vector))
    known = (found >= 0) & (found < 2.0**63)
    return np.where(known, found, NO_OFFSET).astype(np.int64)


# pmt.to_python() does all of them, at many times the price
_READERS = {
    "frame_index": pmt.to_long,
    "modulation": _read_name,
    "truth": _read_name,
    "rx_time": as_python,
    "sample_offset": _whole,
    "prediction_set": _read_set,
    **dict.fromkeys(_FLOAT_COLUMNS, pmt.to_double),
}
_VECTOR_READERS = {
    "frame_index": pmt_vectors.read_longs,
    "modulation": _read_names,
    "truth": _read_names,
    "rx_time": _read_objects,
    "sample_offset": _read_offsets,
    "prediction_set": _read_sets,
    **dict.fromkeys(_FLOAT_COLUMNS, pmt.f64vector_elements),
}


def _dictionary(fields):
    """PMT dictionary of the fields that are known."""
    dictionary = pmt.make_dict()
    for name, value in fields.items():
        if value is not None:
            dictionary = pmt.dict_add(dictionary, pmt.intern(name), value)
    return dictionary


def _offsets(column):
    """PMT of sample offsets; None when there are none."""
    return pmt_vectors.longs(column) if (column >= 0).any() else None


def _set(names):
    """PMT vector of the symbols of a prediction set; None where there is none."""
    return None if names is None else pmt_vectors.symbols(names)


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
