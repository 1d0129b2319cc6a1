"""MATLAB's `.mat` files (versions 5 to 7, Octave's too) with one array of frames or samples.

SciPy reads the array. Before that, everything that is compressed is unpacked here, within
bounds, since SciPy believes the sizes that a file declares.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from ...arrays import Array
from ...errors import UserError
from ...files import AnyPath
from ..dataset import FrameDataset
from . import frame_arrays
from .base import Format, RawFacts

_START = b"MATLAB 5.0 MAT-file"
_HDF5_START = b"MATLAB 7.3 MAT-file"
_HEADER = 128  # bytes
_MATRIX, _COMPRESSED = 14, 15
_MOST_ARRAYS = 1000
# Samples with noise hardly compress; what expands further is no data set. A small file may.
_MOST_EXPANSION = 20
_MAY_EXPAND = 1 << 26  # bytes
_NUMBERS = ("double", "single")  # what MATLAB calls the classes of real and complex numbers


def read(path: AnyPath, facts: RawFacts, frame_length: int | None = None) -> FrameDataset:
    """Read the array of a file as a FrameDataset, see frame_arrays; a row is a frame.

    Raises UserError when the file is damaged, or has not exactly one array of such a form.
    """
    try:
        plain = _unpacked(Path(path).read_bytes())
        name, array = _array(plain)
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; save part of it") from None
    except Exception as error:  # a damaged file can fail anywhere in SciPy
        reason = str(error).split("\n")[0][:100] or type(error).__name__
        raise UserError(f"{path} is not a sound .mat file ({reason}); copy it again") from None
    return frame_arrays.labeled(
        path, array, facts, frame_length, {"format": "MATLAB", "array": name}
    )


def _unpacked(content: bytes) -> bytes:
    """The file with nothing compressed in it, and nothing but arrays."""
    if content.startswith(_HDF5_START):
        raise UserError("is of version 7.3; save it with save(..., '-v7')")
    order = ">" if content[126:128] == b"MI" else "<"
    left = max(_MAY_EXPAND, _MOST_EXPANSION * len(content))
    kept = [content[:_HEADER]]
    for kind, data in _elements(content, order):
        if kind == _COMPRESSED:
            stream = zlib.decompressobj()
            data = stream.decompress(data, left)
            if stream.unconsumed_tail:
                raise UserError("expands to far more than it holds; that is not a data set")
            kind, size = struct.unpack(f"{order}II", data[:8])
            data = data[8 : 8 + size]
        if kind == _MATRIX:
            kept.append(struct.pack(f"{order}II", kind, len(data)) + data)
            left = max(1, left - len(data))
        if len(kept) > _MOST_ARRAYS:
            raise UserError(f"has more than {_MOST_ARRAYS} arrays; save the frames alone")
    return b"".join(kept)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and data of each element of the file."""
    position = _HEADER
    while position + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, position)
        data = content[position + 8 : position + 8 + size]
        if len(data) < size:
            raise UserError("is cut short; copy it again")
        yield kind, data
        position += 8 + size  # what is compressed has no padding, an array needs none


def _array(plain: bytes) -> tuple[str, Array]:
    """Name and values of the one array of frames or samples."""
    from scipy import io as scipy_io  # takes a while to import

    names = [name for name, _, kind in scipy_io.whosmat(io.BytesIO(plain)) if kind in _NUMBERS]
    numbers = list(dict.fromkeys(names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what cannot be read is found below
        found = scipy_io.loadmat(io.BytesIO(plain), variable_names=numbers) if numbers else {}
    usable = {
        name: found[name]
        for name in numbers
        if found[name].dtype.kind == "c" or found[name].ndim == 3
    }
    if len(usable) != 1:
        named = f" ({', '.join(map(ascii, usable))})" if usable else ""
        raise UserError(f"has {len(usable)} arrays of frames{named}, not one: {frame_arrays.FORM}")
    ((name, array),) = usable.items()
    return name, array


FORMAT = Format(
    description="a MATLAB file",
    suffixes=(".mat",),
    sniff=lambda start, path: start.startswith((_START, _HDF5_START)),
    read=lambda path, frame_length, facts: read(path, facts, frame_length),
    facts=frame_arrays.FACTS,
)
