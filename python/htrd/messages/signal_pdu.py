# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as messages: the only file that knows the layout of those PDUs.

A signal is a PDU of a dictionary and complex samples. The names in the dictionary are those of
gr-fhss_utils, where it has one:

- `burst_id` (uint64): which signal; one that goes on comes in several PDUs of the same
- `start_offset`, `end_offset` (uint64): its first sample in the stream, and the one after its last
- `start_time`, `duration` (double): the same in seconds
- `sample_rate` (double, Hz): of the PDU's samples
- `center_frequency`, `relative_frequency` (double, Hz): of its middle, on the air and in the band
- `bandwidth` (double, Hz), `snr_db` (double, in that bandwidth), `noise_density` (double, dB/Hz)
- `is_last` (bool): whether it has ended
- `symbol_rate` (double, Hz): absent where none was found
- `is_analog` (bool): its samples are brought to one bandwidth, because it has no symbol rate

- `modulation` (symbol): before a decision_fuser the true class, behind it what was decided
- `bits` (u8vector of 0 and 1): of a burst of :mod:`robust_amc.modem`, those behind the preamble

Whatever else is in the dictionary is handed on.

A spectrum of the band is a PDU of a dictionary with `sample_rate`, `center_frequency`,
`start_offset` and an f32vector of dB, from the lowest frequency to the highest.
"""

from dataclasses import dataclass

import numpy as np
import pmt
from robust_amc import modem
from robust_amc.decisions import Decisions
from robust_amc.errors import UserError
from robust_amc.modem.receiver import points

from ..htrd_python import _number
from . import pmt_vectors
from .values import name_of

LAST = pmt.intern("is_last")
ANALOG = pmt.intern("is_analog")
BURST = pmt.intern("burst_id")
MODULATION = pmt.intern("modulation")
BITS = pmt.intern("bits")
GRANULE = 64  # samples
MOST_SYMBOLS = 1000  # of a burst that is made anew: its pulses are a matrix


@dataclass(frozen=True, eq=False)
class SignalPdu:
    """A signal that came as a message.

    Attributes:
        facts: PMT dictionary
        samples: complex64 ``[n]``
    """

    facts: object
    samples: np.ndarray


@dataclass(frozen=True, eq=False)
class DecidedPdu:
    """The decisions of a signal's frames, or of a part of them.

    Attributes:
        facts: PMT dictionary
        classes: names
        decisions: Decisions of `n` frames; their scores are the log posteriors
    """

    facts: object
    classes: tuple
    decisions: Decisions


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A spectrum that came as a message.

    Attributes:
        level: dB, float32 ``[bins]``, from the lowest frequency to the highest
        center_hz, sample_rate_hz: of the band
        start_offset: its first sample in the stream
    """

    level: np.ndarray
    center_hz: float
    sample_rate_hz: float
    start_offset: int


def facts_of(message):
    """The dictionary of a PDU; ValueError when it is none."""
    return _parts(message)[0]


def decode_spectrum(message):
    """Spectrum of a message; ValueError when it is none."""
    facts, level = _parts(message)
    names = ("center_frequency", "sample_rate", "start_offset")
    center, rate, start = (number(facts, name) for name in names)
    if not pmt.is_f32vector(level) or None in (center, rate, start) or not 0 < rate < 1e12:
        raise ValueError(f"not a spectrum: an f32vector and {', '.join(names)} are expected")
    found = np.nan_to_num(np.array(pmt.f32vector_elements(level), np.float32), neginf=-300.0)
    return Spectrum(found, center, rate, int(start))


def decode(message):
    """SignalPdu of a message; ValueError when it is none."""
    facts, samples = _parts(message)
    if not pmt.is_c32vector(samples):
        raise ValueError("not a signal: a PDU of complex samples is expected")
    return SignalPdu(facts, pmt_vectors.read_complexes(samples))


def without_samples(message):
    """SignalPdu of a message, whose samples are not read; ValueError when it is none."""
    return SignalPdu(facts_of(message), np.zeros(0, np.complex64))


def encode(facts, samples, **changed):
    """Message of a signal: its dictionary with `changed` numbers (None: taken out), and samples."""
    values = np.asarray(samples, np.complex64)
    return pmt.cons(with_facts(facts, **changed), pmt_vectors.complexes(values))


def encode_decided(facts, classes, decisions):
    """Message of the Decisions on a signal's frames, which have `log_posterior`.

    The dictionary has `classes`, a vector of symbols, and `labels`, a vector of longs, too; the
    samples' place has an f32vector of log posteriors, frame after frame.
    """
    facts = pmt.dict_add(facts, pmt.intern("classes"), pmt_vectors.symbols(classes))
    labels = pmt_vectors.longs(decisions.label.astype(np.int64))
    facts = pmt.dict_add(facts, pmt.intern("labels"), labels)
    return pmt.cons(facts, pmt_vectors.floats(decisions.log_posterior.ravel()))


def decode_decided(message):
    """DecidedPdu of a message; ValueError when it is none."""
    facts, posteriors = _parts(message)
    try:
        classes = pmt_vectors.read_symbols(pmt.dict_ref(facts, pmt.intern("classes"), pmt.PMT_NIL))
        label = pmt_vectors.read_longs(pmt.dict_ref(facts, pmt.intern("labels"), pmt.PMT_NIL))
        found = np.array(pmt.f32vector_elements(posteriors), np.float32)
        found = found.reshape(len(label), len(classes))
    except Exception as error:  # noqa: BLE001 (pmt raises whatever the sender's data causes)
        text = " ".join(str(error).split())[:200]
        raise ValueError(f"not decisions of a signal: {text}") from None
    if not classes or None in classes or not np.isfinite(found).all():
        raise ValueError("not decisions of a signal: classes without a name, or no posteriors")
    if ((label < -1) | (label >= len(classes))).any():
        raise ValueError("not decisions of a signal: a label that is no class")
    for name in ("classes", "labels"):
        facts = pmt.dict_delete(facts, pmt.intern(name))
    decisions = Decisions(label.astype(np.int16), found, np.ones(len(label), bool), found)
    return DecidedPdu(facts, tuple(classes), decisions)


def number(facts, name):
    """The finite number of that name in a dictionary; None where there is none."""
    found = _number(pmt.dict_ref(facts, pmt.intern(name), pmt.PMT_NIL))
    return found if np.isfinite(found) else None


def with_facts(facts, **changed):
    """A PMT dictionary with other numbers, truth values, texts, bits; None takes an entry out."""
    for name, value in changed.items():
        key = pmt.intern(name)
        if value is None:
            facts = pmt.dict_delete(facts, key)
        else:
            facts = pmt.dict_add(facts, key, _value(value))
    return facts


def burst_of(facts):
    """Which signal a PDU is of, as anything that can be compared; None: it does not say."""
    found = pmt.dict_ref(facts, BURST, pmt.PMT_NIL)
    return None if pmt.is_null(found) else pmt.write_string(found)[:100]


def modulation_of(facts):
    """The name under `modulation` in a dictionary; None where there is none."""
    return name_of(pmt.dict_ref(facts, MODULATION, pmt.PMT_NIL))


def sent_of(facts):
    """What was sent of a burst that says its `modulation` and `bits`, as modem.Bursts.

    None for a burst that does not say them; UserError for what no transmitter sends.
    """
    name, bits = modulation_of(facts), pmt.dict_ref(facts, BITS, pmt.PMT_NIL)
    if name is None or pmt.is_null(bits):
        return None
    found = np.array(pmt.u8vector_elements(bits) if pmt.is_u8vector(bits) else [2])
    if (found > 1).any():
        raise UserError("bits must be a u8vector of 0 and 1")
    if len(found) > MOST_SYMBOLS * points(name).bits:
        raise UserError(f"the burst has more than {MOST_SYMBOLS} symbols")
    return modem.modulated(name, found[None])


def encode_burst(sent, **facts):
    """Message of modem.Bursts of one burst: facts of it, `modulation`, `bits` and samples.

    Silence fills up the samples to a multiple of GRANULE: GNU Radio's blocks that compute on
    aligned vectors, such as Add, may keep an odd rest until the next burst comes.
    """
    samples = np.pad(sent.samples[0], (0, -sent.samples.shape[1] % GRANULE))
    known = {"modulation": sent.name, "bits": sent.bits[0].astype(np.uint8)}
    return encode(pmt.make_dict(), samples, **known | facts)


def is_length_of(count, sent):
    """Whether so many samples are those of a message of :func:`encode_burst`."""
    return 0 <= count - sent.samples.shape[1] < GRANULE


def is_analog(facts):
    """Whether a signal was brought to one bandwidth; False where nothing is said."""
    return pmt.is_true(pmt.dict_ref(facts, ANALOG, pmt.PMT_F))


def is_last(facts):
    """Whether a signal has ended; one that does not say so has."""
    return not pmt.eq(pmt.dict_ref(facts, LAST, pmt.PMT_T), pmt.PMT_F)


def _parts(message):
    if not pmt.is_pair(message) or not pmt.is_dict(pmt.car(message)):
        raise ValueError("not a PDU: a dictionary and a vector are expected")
    return pmt.car(message), pmt.cdr(message)


def _value(value):
    if isinstance(value, bool):
        return pmt.from_bool(value)
    if isinstance(value, str):
        return pmt.intern(value)
    if isinstance(value, np.ndarray):
        return pmt.init_u8vector(len(value), value.tolist())
    if isinstance(value, int):
        return pmt.from_uint64(value)
    return pmt.from_double(float(value))
