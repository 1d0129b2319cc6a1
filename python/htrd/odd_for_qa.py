# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd values and PMTs, as nobody should send them and somebody will."""

import math
import struct

import numpy as np
import pmt

# For arguments: what is no number, and numbers beyond all bounds
VALUES = (
    "x", "", "a\0b", "x" * 5000, "\udcff", "one\ntwo", b"x", None, True, -1, 0.5, 1e9, 2**31, 2**63,
    10**400, 1e300, math.inf, -math.inf, math.nan, 1j, [], [None], ["x", 1], [[1], [2, 3]], {}, (),
    {"a": 1}, object(), len, np.array([1.0, 2.0]), np.zeros((2, 2)), np.float32("nan"),
)  # fmt: skip


def not_utf8():
    """A symbol whose bytes are no UTF-8."""
    return pmt.deserialize_str(b"\x02" + struct.pack(">H", 2) + b"\xff\xfe")


def nested(depth):
    """Pairs in pairs."""
    made = pmt.PMT_NIL
    for _ in range(depth):
        made = pmt.cons(made, pmt.PMT_NIL)
    return made


def single():
    """PMTs of every kind that there is, one value or one container each."""
    uniform = [getattr(pmt, f"make_{kind}vector")(3, 1) for kind in (
        "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "c32", "c64")]
    numbers = [pmt.from_long(-1), pmt.from_long(2**63 - 1), pmt.from_uint64(2**64 - 1),
               pmt.from_complex(1j)]
    numbers += [pmt.from_double(x) for x in (-1.0, 0.5, 1e300, math.inf, -math.inf, math.nan)]
    symbols = [pmt.intern(""), pmt.intern("x" * 65_535), pmt.intern("a\nb"), not_utf8()]
    others = [pmt.PMT_NIL, pmt.PMT_T, pmt.PMT_F, pmt.PMT_EOF,
              pmt.make_vector(3, pmt.PMT_NIL), pmt.make_vector(3, not_utf8()),
              pmt.make_vector(0, pmt.PMT_NIL), pmt.make_tuple(pmt.PMT_NIL, not_utf8()),
              pmt.make_tuple(pmt.from_uint64(1), pmt.from_double(math.nan)), nested(500)]
    return uniform + numbers + symbols + others


def messages():
    """Odd messages: single PMTs, pairs of them, and dictionaries with odd keys and values."""
    known = [pmt.intern(name) for name in ("pnr_db", "enabled", "threshold", "model", "reset",
                                           "rate", "latency_ms", "frame_index", "rejected")]
    alone = single()
    pairs = [pmt.cons(key, value) for key in (known[0], pmt.from_long(1), not_utf8())
             for value in alone]
    dictionaries = [pmt.dict_add(pmt.make_dict(), key, pmt.from_long(1)) for key in alone]
    for value in alone:
        made = pmt.make_dict()
        for key in known:
            made = pmt.dict_add(made, key, value)
        dictionaries.append(made)
    improper = pmt.cons(pmt.cons(known[0], pmt.from_long(1)), pmt.from_long(2))
    pdus = [pmt.cons(each, pmt.make_f32vector(3, 0.0)) for each in dictionaries]
    return [*alone, *pairs, *dictionaries, improper, *pdus]


def damaged(pdu):
    """A decision PDU with each of its fields left out, shortened, or replaced by odd PMTs."""
    fields, scores = pmt.car(pdu), pmt.cdr(pdu)
    keys = pmt.dict_keys(fields)
    for place in range(pmt.length(keys)):
        key = pmt.nth(place, keys)
        yield pmt.cons(pmt.dict_delete(fields, key), scores)
        for value in [*single(), *_shorter(pmt.dict_ref(fields, key, pmt.PMT_NIL))]:
            yield pmt.cons(pmt.dict_add(fields, key, value), scores)
    for value in [*single(), *_shorter(scores)]:
        yield pmt.cons(fields, value)


def _shorter(vector):
    """A vector without its last item; nothing for what is no vector."""
    if pmt.is_vector(vector):
        items = [pmt.vector_ref(vector, place) for place in range(pmt.length(vector) - 1)]
        made = pmt.make_vector(len(items), pmt.PMT_NIL)
        for place, item in enumerate(items):
            pmt.vector_set(made, place, item)
        yield made
    for kind in ("u8", "f32", "f64"):
        if getattr(pmt, f"is_{kind}vector")(vector):
            items = getattr(pmt, f"{kind}vector_elements")(vector)[:-1]
            yield getattr(pmt, f"init_{kind}vector")(len(items), list(items))
