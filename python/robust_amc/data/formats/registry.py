"""Data formats by name; reads and writes data sets, whatever their format."""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ... import assets, frames, reading
from ...errors import UserError
from ...plugins import Registry
from ..dataset import FrameDataset
from .base import Format, Progress, RawFacts

SAMPLE = "sample"
# Those that are sure of what they see or go by name; the one that guesses is asked last
OWN = {
    "sigmf": "robust_amc.data.formats.sigmf_recording:FORMAT",
    "radioml_hdf5": "robust_amc.data.formats.radioml_hdf5:FORMAT",
    "npz": "robust_amc.data.formats.npz:FORMAT",
    "raw": "robust_amc.data.formats.raw:FORMAT",
    "wav": "robust_amc.data.formats.wav:FORMAT",
    "npy": "robust_amc.data.formats.npy:FORMAT",
    "mat": "robust_amc.data.formats.mat:FORMAT",
    "radioml_pickle": "robust_amc.data.formats.radioml_pickle:FORMAT",
}
FORMATS = Registry("robust_amc.formats", "data format", OWN)
log = logging.getLogger(__name__)

_BZIP2, _GZIP, _XZ, _ZSTD = b"BZh", b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_ENOUGH = 6  # suffixes of a format in a sentence
_TAR, _TAR_AT = b"ustar", 257


def read(
    path: str | Path, frame_length: int | None = None, raw_facts: RawFacts | None = None
) -> FrameDataset:
    """Open a data set of any format, or ``sample``.

    The format is found from the content; only SigMF recordings and raw samples, which can
    begin with any bytes, go by their names. Returns a FrameDataset; the frames of small
    formats are in memory and all finite, those of large ones are lazy and checked by
    `chunks` and `in_memory`. `frame_length` cuts longer frames; recordings are cut into
    frames of that length. `raw_facts` says what raw samples are, or the SNR of SigMF
    annotations without one; with a datatype, a file of any name is taken for raw samples.

    Raises UserError when the file is missing, damaged, of another format, or has no frames.
    """
    path = assets.path("sample.npz") if str(path) == SAMPLE else Path(path)
    facts = raw_facts or RawFacts()
    format = _find(path, _start(path), facts.datatype is not None)
    if not facts.given() <= format.facts:
        raise UserError(f"{path} says itself what it is; facts are for {_listed(_taking(facts))}")
    dataset = format.read(path, frame_length, facts)
    try:
        _check_content(dataset)
        return dataset if frame_length is None else dataset.cut(frame_length)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _formats() -> Iterator[Format]:
    """All formats; one that cannot be imported is passed over, with a line of log."""
    for name in FORMATS:
        try:
            yield FORMATS[name]
        except UserError as error:
            log.warning("%s", error)


def _start(path: Path) -> bytes:
    """The first bytes of a file."""
    if not os.path.lexists(path):
        raise UserError(f"there is no file {path}; give a data set's path, or 'sample'")
    with reading.opened(path) as file:
        return file.read(512)


def _find(path: Path, start: bytes, is_raw: bool) -> Format:
    """The format of a file; with `is_raw`, raw samples if it is no other for sure."""
    guesses = []
    for format in _formats():
        if format.guess:
            guesses.append(format)
        elif format.sniff(start, path):
            return format
    if is_raw:
        return FORMATS["raw"]
    if start.startswith((_BZIP2, _GZIP, _XZ, _ZSTD)) or start[_TAR_AT:].startswith(_TAR):
        raise UserError(f"{path} is compressed or an archive; unpack it and give the file inside")
    for format in guesses:
        if format.sniff(start, path):
            return format
    what = f"is none of these: {readable()}" if start else "is empty"
    raise UserError(
        f"{path} {what}; make a data set with `htrd dataset generate`, or convert raw samples "
        "with --datatype, such as cf32_le"
    )


def _check_content(dataset: FrameDataset) -> None:
    """UserError when there are no frames, or values that are not finite."""
    if not dataset.iq.size:
        raise UserError("the file has no frames")
    if not np.isfinite(dataset.snr_db).all():
        raise UserError("some SNR labels are not finite; label each frame")
    if not dataset.is_lazy:
        frames.check_finite(dataset.iq)


def _taking(facts: RawFacts) -> Iterator[str]:
    """Descriptions of the formats that take these facts."""
    return (_described(each) for each in _formats() if facts.given() <= each.facts)


def readable() -> str:
    """What can be read, in words, for help texts and errors."""
    return _listed(map(_described, _formats()))


def writable(half_precision: bool = False) -> tuple[str, ...]:
    """Suffixes of what can be written; of those that hold `half_precision`, if asked for."""
    return tuple(
        each.suffixes[0]
        for each in _formats()
        if each.write and (each.half_precision or not half_precision)
    )


def _described(format: Format) -> str:
    more = ", …" if len(format.suffixes) > _ENOUGH else ""
    return f"{format.description} ({', '.join(format.suffixes[:_ENOUGH])}{more})"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _format_to_write(path: Path) -> Format:
    for format in _formats():
        if format.write and path.suffix.lower() == format.suffixes[0]:
            return format
    raise UserError(f"{path} must end in one of {', '.join(writable())}")


def targets(path: str | Path) -> tuple[Path, ...]:
    """The files that writing to `path` makes; UserError when its suffix names no format."""
    path = Path(path)
    format = _format_to_write(path)
    return format.targets(path) if format.targets else (path,)


def write(dataset: FrameDataset, path: str | Path, progress: Progress | None = None) -> None:
    """Write a FrameDataset in the format that the suffix of `path` names.

    Frames that are still in their file are never all in memory. `progress(done, total)` is
    called with numbers of frames. Raises UserError when the format is unknown, the file cannot
    be written, or frames have NaN or infinite samples; no half file is left.
    """
    path = Path(path)
    format = _format_to_write(path)
    assert format.write is not None
    format.write(dataset, path, progress)
