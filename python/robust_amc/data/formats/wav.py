"""WAV files of receivers: I and Q in two channels, or a real signal in one, made analytic.

Read here and not by a library, because receivers write what those refuse or take for noise:
RF64 and files that a 32-bit length cannot describe, lengths of zero where the program was
stopped, 24 bits, and (KiwiSDR) samples in many chunks between others. Only the headers of the
chunks are read before samples are asked for.
"""

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ... import reading
from ...errors import UserError
from ...files import AnyPath
from ..dataset import FrameDataset
from . import file_names, raw
from .bands import Analytic
from .base import Format, RawFacts
from .sample_file import INT24, Samples, StoredSamples

SUFFIXES = (".wav", ".rf64", ".bwf")

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_DTYPES: dict[tuple[int, int], np.dtype[Any]] = {
    (_PCM, 8): np.dtype("u1"),
    (_PCM, 16): np.dtype("<i2"),
    (_PCM, 24): INT24,
    (_PCM, 32): np.dtype("<i4"),
    (_FLOAT, 32): np.dtype("<f4"),
    (_FLOAT, 64): np.dtype("<f8"),
}
_UNKNOWN = (0, 0xFFFFFFFF)  # lengths of a file that was not finished, or that RF64 says elsewhere
_MOST_CHUNKS = 1 << 20
_LARGEST_HEADER = 1 << 14  # bytes of a chunk that is looked at
_ENOUGH = 4096  # samples, to see whether two channels are one
_CENTER_AT = 32  # of the center frequency in a chunk `auxi`, after two times of the day
# In that of SDR Console, which is XML in UTF-16 or UTF-8
_CENTER_IN_XML = re.compile(rb'RadioCenterFreq="(\d{1,15})"')


@dataclass(frozen=True)
class Wav:
    """What a WAV file holds.

    Attributes:
        samples: Samples, complex
        sample_rate_hz: that of the header; None where it says 0
        center_frequency_hz: where HDSDR, SDRuno, SDR Console and the like say it, or the name of a
            file with I and Q; else None
        content: what the samples are, in words
    """

    samples: Samples
    sample_rate_hz: float | None
    center_frequency_hz: float | None
    content: str


@dataclass
class _Header:
    """What the chunks say; `parts` are (first byte, bytes) of the samples."""

    form: bytes = b""
    center: float | None = None
    parts: list[tuple[int, int]] | None = None


def is_wav(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a WAV file."""
    return start[:4] in (b"RIFF", b"RF64", b"BW64") and start[8:12] == b"WAVE"


def open_wav(path: AnyPath) -> Wav:
    """Look at the headers of a WAV file; UserError when they are damaged or of another kind."""
    try:
        with reading.opened(path) as file:
            return _wav(path, _header(file))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except struct.error:
        raise UserError(f"{path} is a damaged WAV file: a header is too short") from None


def _header(file: BinaryIO) -> _Header:
    found = _Header()
    parts = []
    for name, first, size in _chunks(file):
        if name == b"fmt " and not found.form:
            found.form = file.read(min(size, _LARGEST_HEADER))
        elif name == b"auxi":
            found.center = _center(file.read(min(size, _LARGEST_HEADER)))
        elif name == b"data":
            parts.append((first, size))
    found.parts = parts
    return found


def _center(auxi: bytes) -> float | None:
    """The center frequency in a chunk `auxi`, in Hz."""
    text = auxi.replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf \r\n")
    if text.startswith(b"<"):
        match = _CENTER_IN_XML.search(text)
        return float(match[1]) or None if match else None
    number = auxi[_CENTER_AT : _CENTER_AT + 4]
    return float(struct.unpack("<I", number)[0]) or None if len(number) == 4 else None


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and size of each chunk; the file stands at its first byte.

    A chunk that reaches beyond the file, or has no length, ends with it.
    """
    end = os.fstat(file.fileno()).st_size
    position, long_size = 12, 0
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        left = end - position - 8
        if name == b"ds64":
            long_size = struct.unpack("<8xQ", file.read(16))[0]
            file.seek(position + 8)
        if name == b"data" and size in _UNKNOWN:
            size = long_size or left
        size = min(size, left)
        yield name, position + 8, size
        position += 8 + size + size % 2
    raise UserError("the WAV file has too many chunks; it is damaged")


def _wav(path: AnyPath, header: _Header) -> Wav:
    if not header.form or not header.parts:
        what = "its format" if not header.form else "samples"
        raise UserError(f"{path} is a damaged WAV file: it has no chunk with {what}")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", header.form[:16])
    if code == _EXTENSIBLE:
        (code,) = struct.unpack("<24xH", header.form[:26])
    if (code, bits) not in _DTYPES or channels not in (1, 2):
        raise UserError(
            f"{path} has {channels} channels of {bits} bits in the WAV format {code}; it must be "
            "PCM of 8, 16, 24 or 32 bits or float, with I and Q or one channel"
        )
    dtype = _DTYPES[code, bits]
    size = channels * dtype.itemsize
    stored = StoredSamples(
        path, dtype, [(first, long // size) for first, long in header.parts], channels
    )
    if channels == 2:
        _check_channels(path, stored)
    kind = "float" if code == _FLOAT else "integers"
    center = header.center
    if center is None and channels == 2:
        center = file_names.of_wav(path).center_frequency_hz
    return Wav(
        stored if channels == 2 else Analytic(stored),
        float(rate) or None,
        center,
        f"{'I and Q' if channels == 2 else 'real samples, made analytic'}, {kind} of {bits} bits",
    )


def _check_channels(path: AnyPath, stored: StoredSamples) -> None:
    """UserError when both channels are the same: programs write audio like that."""
    start = stored.read(0, min(len(stored), _ENOUGH))
    if start.any() and (start[:, 0] == start[:, 1]).all():
        raise UserError(
            f"{path} has the same in both channels: it is audio, not I and Q; keep one channel"
        )


def read(path: AnyPath, facts: RawFacts, frame_length: int | None = None) -> FrameDataset:
    """Open a WAV file; its frames are lazy and all of one run, see raw.recorded.

    The sample rate is that of the header unless `facts` have one.
    """
    found = open_wav(path)
    if facts.sample_rate_hz is None:
        facts = replace(facts, sample_rate_hz=found.sample_rate_hz)
    about = {"format": "WAV", "content": found.content}
    return raw.recorded(path, found.samples, facts, frame_length, about)


FORMAT = Format(
    description="a WAV file",
    suffixes=SUFFIXES[:1],
    sniff=lambda start, path: is_wav(start),
    read=lambda path, frame_length, facts: read(Path(path), facts, frame_length),
    facts=frozenset(raw.OPTIONS),
)
