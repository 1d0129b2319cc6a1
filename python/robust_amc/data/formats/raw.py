"""Recordings that are nothing but samples: interleaved I and Q, of a type that the name says."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ... import frames
from ...errors import UserError
from ...files import AnyPath, Document
from ...names import is_name
from .. import lazy
from ..dataset import FrameDataset
from . import file_names, sample_file
from .base import Format, RawFacts

# What the programs write that give these names: GNU Radio, rtl_sdr, hackrf_transfer, inspectrum,
# Universal Radio Hacker
DATATYPES = {
    ".cf32": "cf32_le",
    ".fc32": "cf32_le",
    ".cfile": "cf32_le",
    ".cu8": "cu8",
    ".cs8": "ci8",
    ".cs16": "ci16_le",
    ".complex": "cf32_le",
    ".cf64": "cf64_le",
    ".fc64": "cf64_le",
    ".uc8": "cu8",
    ".complex16u": "cu8",
    ".ci8": "ci8",
    ".sc8": "ci8",
    ".c8": "ci8",
    ".complex16s": "ci8",
    ".ci16": "ci16_le",
    ".sc16": "ci16_le",
    ".c16": "ci16_le",
    ".complex32s": "ci16_le",
    ".cu16": "cu16_le",
    ".complex32u": "cu16_le",
    ".cs32": "ci32_le",
    ".ci32": "ci32_le",
    ".sc32": "ci32_le",
    ".c32": "ci32_le",
}
SUFFIXES = tuple(DATATYPES)
# Names that do not say it, and what such files usually hold
UNCERTAIN = dict.fromkeys((".iq", ".raw", ".bin", ".dat", ".data"), "cf32_le, ci16_le or cu8")

_EXAMPLE = (
    "htrd dataset convert in.cf32 out.npz --sample-rate 200e3 --modulation QPSK --label-snr 10"
)
HIGHEST = 1e12  # Hz; SigMF allows no more
OPTIONS = {
    "sample_rate_hz": "--sample-rate",
    "modulation": "--modulation",
    "snr_db": "--label-snr",
}


def datatype_of(path: AnyPath) -> str | None:
    """SigMF's name of the type of samples that a file's name says; None when it says none."""
    return DATATYPES.get(Path(path).suffix.lower()) or file_names.of_raw(path).datatype


def read(path: AnyPath, facts: RawFacts | None, frame_length: int | None = None) -> FrameDataset:
    """Open a raw recording; its frames are lazy and all of one run.

    Returns a FrameDataset of frames of `frame_length` samples (None: 128), one after the
    other; a rest is dropped. `facts` is a RawFacts, or None when nothing is known; a sample rate
    that they lack is that of the name, where the program writes it there. Raises UserError when a
    fact is missing or absurd, or the file has half a sample or no frame.
    """
    facts = facts or RawFacts()
    if facts.sample_rate_hz is None:
        facts = replace(facts, sample_rate_hz=file_names.of_raw(path).sample_rate_hz)
    datatype = facts.datatype or datatype_of(path) or "cf32_le"
    samples = sample_file.StoredSamples.whole(path, sample_file.parse_datatype(datatype))
    return recorded(path, samples, facts, frame_length, {"format": "raw", "datatype": datatype})


def recorded(
    path: AnyPath,
    samples: sample_file.Samples,
    facts: RawFacts,
    frame_length: int | None,
    about: Document,
) -> FrameDataset:
    """Frames of Samples of one modulation: a FrameDataset, lazy, all of one run.

    `about` goes to the metadata. Raises UserError when a fact is missing or absurd, or the
    samples are too few for a frame.
    """
    modulation, snr_db = label(path, facts, OPTIONS)
    length = frames.FRAME_LENGTH if frame_length is None else frame_length
    sample_file.check_frame_length(length)
    count = len(samples) // length
    if not count:
        raise UserError(f"{path} has {len(samples)} samples, too few for a frame of {length}")
    assert facts.sample_rate_hz is not None  # label() has seen to it
    return FrameDataset(
        iq=lazy.as_array(sample_file.SampleFrames(path, samples, [0], [count], length)),
        label=np.zeros(count, np.int16),
        classes=(modulation,),
        snr_db=np.full(count, snr_db, np.float32),
        run_id=np.zeros(count, np.int32),
        metadata={
            "source": Path(path).name,
            **about,
            "sample_rate_hz": float(facts.sample_rate_hz),
            "run_id": "all frames of the file are one run",
        },
        received=True,
    )


def label(path: AnyPath, facts: RawFacts, needed: Mapping[str, str]) -> tuple[str, float]:
    """Modulation and SNR label of all frames of a file, if they are known and make sense.

    `needed` has the facts that must be given, and the options that give them.
    """
    missing = [option for name, option in needed.items() if name not in facts.given()]
    if missing:
        raise UserError(
            f"{path} holds samples only and does not say what they are; "
            f"convert it and give {', '.join(missing)}: {_EXAMPLE}"
        )
    assert facts.modulation is not None and facts.snr_db is not None
    check_rate(facts.sample_rate_hz)
    if not is_name(facts.modulation):
        raise UserError(f"{facts.modulation!r} is not the name of a modulation")
    if not abs(facts.snr_db) < 1000:
        raise UserError(f"the SNR must be in dB, not {facts.snr_db:g}")
    return facts.modulation, facts.snr_db


def check_rate(rate: float | None) -> None:
    """UserError unless a sample rate is positive and at most HIGHEST, in Hz (None: not known)."""
    if rate is not None and not 0 < rate <= HIGHEST:
        raise UserError(
            f"the sample rate must be positive, in Hz, and at most {HIGHEST:g}, not {rate:g}"
        )


FORMAT = Format(
    description="raw samples",
    suffixes=SUFFIXES,
    sniff=lambda start, path: datatype_of(path) is not None,
    read=lambda path, frame_length, facts: read(path, facts, frame_length),
    facts=frozenset({*OPTIONS, "datatype"}),
)
