"""Reading a data set, whatever its form."""

from pathlib import Path

import numpy as np

from .. import assets
from ..errors import UserError
from . import npz, radioml

SAMPLE = "sample"

_ZIP = b"PK"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# The first byte of every pickle of a dictionary: PROTO, or EMPTY_DICT, MARK in old forms.
_PICKLE = (b"\x80", b"}", b"(")


def read(path):
    """Read a data set: an `.npz` of this project, a RadioML pickle, or ``sample``.

    The form is found from the content, not from the name. Returns a FrameDataset whose
    frames are all finite. Raises UserError when the file is missing, damaged, of another
    form, or has no frames.
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
    _check_content(dataset, path)
    return dataset


def _check_content(dataset, path):
    """UserError when there are no frames, or values that are not finite."""
    if not dataset.iq.size:
        raise UserError(f"{path} has no frames")
    if not np.isfinite(dataset.snr_db).all():
        raise UserError(f"{path} has SNR labels that are not finite; label each frame")
    bad = non_finite(dataset.iq)
    if len(bad):
        first = ", ".join(map(str, bad[:5])) + (" …" if len(bad) > 5 else "")
        raise UserError(
            f"{path}: {len(bad)} of {len(dataset)} frames have NaN or infinite samples "
            f"(frames {first}); remove them"
        )


def non_finite(iq, chunk=16384):
    """Indices of the frames of ``[n, 2, length]`` that have NaN or infinite samples."""
    finite = [np.isfinite(iq[i : i + chunk]).all(axis=(1, 2)) for i in range(0, len(iq), chunk)]
    return np.flatnonzero(~np.concatenate([np.ones(0, bool), *finite]))
