# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions as messages: the only file that knows the layout of those PDUs."""

import numpy as np
import pmt
from robust_amc.decisions import NUMBERS, DecisionBatch

from ..htrd_python import _number
from . import pmt_vectors

_FLOAT_COLUMNS = ("score", "threshold", *NUMBERS)


def encode(batch):
    """PDU of a DecisionBatch whose `rx_time` are PMTs: dictionary of vectors, and all scores.

    The fields are those of :func:`encode_one`, a vector each: `frame_index` of longs
    (pmt.to_python cannot read s64vector), `rejected` u8vector, `modulation`, `truth` and
    `rx_time` vectors with PMT_NIL where there is nothing, the others f64vector with NaN
    where there is nothing. What comes from tags (`truth`, `rx_time` and the columns of
    numbers) is absent where no frame has it. `classes` is a vector of symbols, and the
    second part an f32vector of n times len(classes) scores, frame after frame.
    """
    fields = {
        "frame_index": pmt_vectors.longs(batch.frame_index),
        "modulation": pmt_vectors.symbols(batch.modulation),
        "rejected": pmt.init_u8vector(len(batch), batch.rejected.tolist()),
        "truth": pmt_vectors.symbols(batch.truth) if any(batch.truth) else None,
        "rx_time": _objects(batch.rx_time),
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
    offset = batch.sample_offset[row]
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
        "sample_offset": None if np.isnan(offset) else pmt.from_uint64(int(offset)),
        "frame_power_db": _known_number(batch.frame_power_db[row]),
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


# pmt.to_python() does all of them, at many times the price
_READERS = {
    "frame_index": pmt.to_long,
    "modulation": pmt.symbol_to_string,
    "truth": pmt.symbol_to_string,
    "rx_time": pmt.to_python,
    **dict.fromkeys(_FLOAT_COLUMNS, pmt.to_double),
    "sample_offset": _number,  # a uint64 in a single decision
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
