"""Reading a data set, whatever its form."""

from pathlib import Path

import numpy as np

from .. import assets, frames
from ..errors import UserError
from . import npz, radioml

SAMPLE = "sample"

_ZIP = b"PK"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# The first byte of every pickle of a dictionary: PROTO, or EMPTY_DICT, MARK in old forms.
_PICKLE = (b"\x80", b"}", b"(")


def read(path, frame_length=None):
    """Open a data set of any form that has a reader, or ``sample``.

    The form is found from the content, not from the name. Returns a FrameDataset; the
    frames of small forms are in memory and all finite, those of large ones are lazy and
    checked by `chunks` and `in_memory`. `frame_length` cuts longer frames.

    Raises UserError when the file is missing, damaged, of another form, or has no frames.
    """
    path = assets.path("sample.npz") if str(path) == SAMPLE else Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; give a data set's path, or 'sample'") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if start == _HDF5:
        raise UserError(f"{path} is HDF5, which cannot be read; give an .npz or a RadioML pickle")
    if start.startswith(_ZIP):
        dataset = npz.read(path)
    elif start.startswith(_PICKLE):
        dataset = radioml.read(path)
    else:
        what = "is empty" if not start else "is neither an .npz nor a RadioML pickle"
        raise UserError(f"{path} {what}; make a data set with `htrd dataset generate`")
    try:
        _check_content(dataset)
        return dataset if frame_length is None else dataset.cut(frame_length)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _check_content(dataset):
    """UserError when there are no frames, or values that are not finite."""
    if not dataset.iq.size:
        raise UserError("the file has no frames")
    if not np.isfinite(dataset.snr_db).all():
        raise UserError("some SNR labels are not finite; label each frame")
    if not dataset.is_lazy:
        frames.check_finite(dataset.iq)
