"""Recordings that are nothing but samples: interleaved float32 I and Q (GNU Radio's File Sink)."""

import math
from pathlib import Path

import numpy as np

from ... import frames
from ...errors import UserError
from ..dataset import FrameDataset
from . import sample_file
from .base import Format, RawFacts

SUFFIXES = (".cf32", ".fc32", ".cfile")

_DATATYPE = "cf32_le"
_EXAMPLE = (
    "htrd dataset convert in.cf32 out.npz --sample-rate 200e3 --modulation QPSK --label-snr 10"
)
_OPTIONS = {
    "sample_rate_hz": "--sample-rate",
    "modulation": "--modulation",
    "snr_db": "--label-snr",
}


def read(path, facts: RawFacts | None, frame_length=None):
    """Open a raw recording; its frames are lazy and all of one run.

    Returns a FrameDataset of frames of `frame_length` samples (None: 128), one after the
    other; a rest is dropped. `facts` is a RawFacts, or None when nothing is known. Raises
    UserError when a fact is missing or absurd, or the file has half a sample or no frame.
    """
    _check(path, facts)
    length = frames.FRAME_LENGTH if frame_length is None else frame_length
    sample_file.check_frame_length(length)
    dtype = sample_file.parse_datatype(_DATATYPE)
    samples = sample_file.count_samples(path, dtype)
    count = samples // length
    if not count:
        raise UserError(f"{path} has {samples} samples, too few for a frame of {length}")
    return FrameDataset(
        iq=sample_file.SampleFrames(path, dtype, [0], [count], length),
        label=np.zeros(count, np.int16),
        classes=(facts.modulation,),
        snr_db=np.full(count, facts.snr_db, np.float32),
        run_id=np.zeros(count, np.int32),
        metadata={
            "source": Path(path).name,
            "format": "raw",
            "datatype": _DATATYPE,
            "sample_rate_hz": float(facts.sample_rate_hz),
            "run_id": "all frames of the file are one run",
        },
    )


def _check(path, facts):
    given = facts.given() if facts else set()
    missing = [option for name, option in _OPTIONS.items() if name not in given]
    if missing:
        raise UserError(
            f"{path} holds samples only and does not say what they are; "
            f"convert it and give {', '.join(missing)}: {_EXAMPLE}"
        )
    if not 0 < facts.sample_rate_hz < math.inf:
        raise UserError(f"the sample rate must be positive, in Hz, not {facts.sample_rate_hz:g}")
    if not (facts.modulation and facts.modulation.isprintable()):
        raise UserError(f"{facts.modulation!r} is not the name of a modulation")
    if not abs(facts.snr_db) < 1000:
        raise UserError(f"the SNR must be in dB, not {facts.snr_db:g}")


FORMAT = Format(
    description="raw samples",
    suffixes=SUFFIXES,
    sniff=lambda start, path: path.suffix in SUFFIXES,
    read=lambda path, frame_length, facts: read(path, facts, frame_length),
    facts=frozenset(_OPTIONS),
)
