"""Reading a data set, whatever its form."""

from pathlib import Path

import numpy as np

from ... import assets, frames
from ...errors import UserError
from . import npz, radioml_hdf5, radioml_pickle, raw, sigmf_recording

SAMPLE = "sample"

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# The first byte of every pickle of a dictionary: PROTO, or EMPTY_DICT, MARK in old forms.
_PICKLE = (b"\x80", b"}", b"(")
_BZIP2, _GZIP, _XZ, _ZSTD = b"BZh", b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_TAR, _TAR_AT = b"ustar", 257


def read(path, frame_length=None, raw_facts=None):
    """Open a data set of any form that has a reader, or ``sample``.

    The form is found from the content; only SigMF recordings and raw samples, which can
    begin with any bytes, go by their names. Returns a FrameDataset; the frames of small
    forms are in memory and all finite, those of large ones are lazy and checked by
    `chunks` and `in_memory`. `frame_length` cuts longer frames; recordings are cut into
    frames of that length. `raw_facts` (raw.RawFacts) says what raw samples are, or the SNR
    of SigMF annotations without one.

    Raises UserError when the file is missing, damaged, of another form, or has no frames.
    """
    path = assets.path("sample.npz") if str(path) == SAMPLE else Path(path)
    dataset = _open(path, _start(path), frame_length, raw_facts)
    try:
        _check_content(dataset)
        return dataset if frame_length is None else dataset.cut(frame_length)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _start(path):
    """The first bytes of a file."""
    try:
        with open(path, "rb") as file:
            return file.read(512)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; give a data set's path, or 'sample'") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _open(path, start, frame_length, raw_facts):
    is_raw = path.suffix in raw.SUFFIXES
    is_sigmf = path.suffix in (sigmf_recording.META, sigmf_recording.DATA)
    snr_db = raw_facts.snr_db if raw_facts and is_sigmf else None
    if raw_facts not in (None, raw.RawFacts(snr_db=snr_db)) and not is_raw:
        raise UserError(
            f"{path} says itself what it is; facts are for raw samples ({', '.join(raw.SUFFIXES)})"
        )
    if is_sigmf:
        return sigmf_recording.read(path, frame_length, snr_db)
    if start.startswith(_HDF5):
        return radioml_hdf5.read(path)
    if start.startswith(_ZIP):
        return npz.read(path)
    if is_raw:
        return raw.read(path, raw_facts, frame_length)
    if start.startswith((_BZIP2, _GZIP, _XZ, _ZSTD)) or start[_TAR_AT:].startswith(_TAR):
        raise UserError(f"{path} is compressed or an archive; unpack it and give the file inside")
    if start.startswith(_PICKLE):
        return radioml_pickle.read(path)
    form = "neither an .npz, a RadioML pickle or HDF5 file, nor a SigMF recording"
    what = f"is {form if start else 'empty'}"
    raise UserError(
        f"{path} {what}; make a data set with `htrd dataset generate` (raw samples must be named "
        f"{', '.join(raw.SUFFIXES)})"
    )


def _check_content(dataset):
    """UserError when there are no frames, or values that are not finite."""
    if not dataset.iq.size:
        raise UserError("the file has no frames")
    if not np.isfinite(dataset.snr_db).all():
        raise UserError("some SNR labels are not finite; label each frame")
    if not dataset.is_lazy:
        frames.check_finite(dataset.iq)


_WRITERS = {".npz": npz.write, sigmf_recording.META: sigmf_recording.write}
SUFFIXES = tuple(_WRITERS)


def targets(path):
    """The files that writing to `path` makes; UserError when its suffix names no form."""
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise UserError(f"{path} must end in one of {', '.join(SUFFIXES)}")
    return (path,) if path.suffix == ".npz" else sigmf_recording.paths(path)


def write(dataset, path, progress=None):
    """Write a FrameDataset in the form that the suffix of `path` names.

    Frames that are still in their file are never all in memory. `progress(done, total)` is
    called with numbers of frames. Raises UserError when the form is unknown, the file cannot
    be written, or frames have NaN or infinite samples; no half file is left.
    """
    targets(path)
    _WRITERS[Path(path).suffix](dataset, path, progress)
