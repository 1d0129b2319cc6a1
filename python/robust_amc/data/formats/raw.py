"""Recordings that are nothing but samples: interleaved float32 I and Q (GNU Radio's File Sink)."""

import math
from pathlib import Path

import numpy as np

from ... import frames
from ...errors import UserError
from ...files import AnyPath
from .. import lazy
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


def read(path: AnyPath, facts: RawFacts | None, frame_length: int | None = None) -> FrameDataset:
    """Open a raw recording; its frames are lazy and all of one run.

    Returns a FrameDataset of frames of `frame_length` samples (None: 128), one after the
    other; a rest is dropped. `facts` is a RawFacts, or None when nothing is known. Raises
    UserError when a fact is missing or absurd, or the file has half a sample or no frame.
    """
    rate, modulation, snr_db = _checked(path, facts or RawFacts())
    length = frames.FRAME_LENGTH if frame_length is None else frame_length
    sample_file.check_frame_length(length)
    dtype = sample_file.parse_datatype(_DATATYPE)
    samples = sample_file.count_samples(path, dtype)
    count = samples // length
    if not count:
        raise UserError(f"{path} has {samples} samples, too few for a frame of {length}")
    return FrameDataset(
        iq=lazy.as_array(sample_file.SampleFrames(path, dtype, [0], [count], length)),
        label=np.zeros(count, np.int16),
        classes=(modulation,),
        snr_db=np.full(count, snr_db, np.float32),
        run_id=np.zeros(count, np.int32),
        metadata={
            "source": Path(path).name,
            "format": "raw",
            "datatype": _DATATYPE,
            "sample_rate_hz": float(rate),
            "run_id": "all frames of the file are one run",
        },
    )


def _checked(path: AnyPath, facts: RawFacts) -> tuple[float, str, float]:
    """The facts, in their order, if they are known and make sense."""
    rate, modulation, snr_db = facts.sample_rate_hz, facts.modulation, facts.snr_db
    if rate is None or modulation is None or snr_db is None:
        missing = [option for name, option in _OPTIONS.items() if name not in facts.given()]
        raise UserError(
            f"{path} holds samples only and does not say what they are; "
            f"convert it and give {', '.join(missing)}: {_EXAMPLE}"
        )
    if not 0 < rate < math.inf:
        raise UserError(f"the sample rate must be positive, in Hz, not {rate:g}")
    if not (modulation and modulation.isprintable()):
        raise UserError(f"{modulation!r} is not the name of a modulation")
    if not abs(snr_db) < 1000:
        raise UserError(f"the SNR must be in dB, not {snr_db:g}")
    return rate, modulation, snr_db


FORMAT = Format(
    description="raw samples",
    suffixes=SUFFIXES,
    sniff=lambda start, path: path.suffix in SUFFIXES,
    read=lambda path, frame_length, facts: read(path, facts, frame_length),
    facts=frozenset(_OPTIONS),
)
