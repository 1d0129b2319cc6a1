"""MATLAB's `.mat` files (versions 5 to 7, Octave's too) with one array of frames or samples.

Read here and not by SciPy, whose reader crashes the interpreter on damaged files and believes the
sizes that they declare. Only arrays of floating-point numbers are looked at.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from ... import reading
from ...arrays import Array
from ...errors import UserError
from ...files import AnyPath
from ..dataset import FrameDataset
from . import frame_arrays
from .base import Format, RawFacts

_START = b"MATLAB 5.0 MAT-file"
_HDF5_START = b"MATLAB 7.3 MAT-file"
_HEADER = 128  # bytes
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
            13: "u8"}  # fmt: skip
_DOUBLE, _SINGLE, _COMPLEX = 6, 7, 0x800  # classes of arrays, and a flag of theirs
_MOST_ARRAYS = 1000
# Samples with noise hardly compress; what expands further is no data set. A small file may.
_MOST_EXPANSION = 8
_MAY_EXPAND = 1 << 26  # bytes


def read(path: AnyPath, facts: RawFacts, frame_length: int | None = None) -> FrameDataset:
    """Read the array of a file as a FrameDataset, see frame_arrays; a row is a frame.

    Raises UserError when the file is damaged, or has not exactly one array of such a form.
    """
    try:
        with reading.opened(path) as file:
            name, array = _the_array(file.read())
    except UserError as error:
        raise UserError(f"{path} {error}") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; save part of it") from None
    except (ValueError, struct.error, zlib.error) as error:
        raise UserError(f"{path} is not a sound .mat file ({error}); copy it again") from None
    return frame_arrays.labeled(
        path, array, facts, frame_length, {"format": "MATLAB", "array": name}
    )


def _the_array(content: bytes) -> tuple[str, Array]:
    """Name and values of the one array that can be frames or samples."""
    if content.startswith(_HDF5_START):
        raise UserError("is of version 7.3; save it with save(..., '-v7')")
    order = ">" if content[126:128] == b"MI" else "<"
    found = {}
    for data in _matrices(content, order):
        named = _matrix(data, order)
        if named is not None:
            found[named[0]] = named[1]
    if len(found) != 1:
        named_all = f" ({', '.join(map(ascii, found))})" if found else ""
        raise UserError(
            f"has {len(found)} arrays of frames{named_all}, not one: {frame_arrays.FORM}"
        )
    return found.popitem()


def _matrices(content: bytes, order: str) -> Iterator[memoryview]:
    """The content of each array of the file, unpacked; UserError beyond the bounds."""
    left = max(_MAY_EXPAND, _MOST_EXPANSION * len(content))
    elements = _elements(memoryview(content)[_HEADER:], order, padded=False)
    for number, (kind, data) in enumerate(elements):
        if number >= _MOST_ARRAYS:
            raise UserError(f"has more than {_MOST_ARRAYS} arrays; save the frames alone")
        if kind == _COMPRESSED:
            stream = zlib.decompressobj()
            plain = stream.decompress(data, left)
            left -= len(plain)
            if stream.unconsumed_tail or left <= 0:
                raise UserError("expands to far more than it holds; that is not a data set")
            kind, data = next(_elements(memoryview(plain), order), (0, data))
        if kind == _MATRIX:
            yield data


def _elements(
    content: memoryview, order: str, padded: bool = True
) -> Iterator[tuple[int, memoryview]]:
    """Type and data of elements that follow each other; `padded` to 8 bytes."""
    position = 0
    while position + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, position)
        if kind >> 16:  # up to four bytes are beside their type
            size, kind = kind >> 16, kind & 0xFFFF
            data = content[position + 4 : position + 4 + min(size, 4)]
            position += 8
        else:
            data = content[position + 8 : position + 8 + size]
            position += 8 + size + (-size % 8 if padded else 0)
        if len(data) < size:
            raise UserError("is cut short; copy it again")
        yield kind, data


def _matrix(data: memoryview, order: str) -> tuple[str, Array] | None:
    """Name and values of an array; None for one that cannot be frames or samples."""
    parts = _elements(data, order)
    (flags,) = struct.unpack_from(f"{order}I", _next(parts)[1])
    if flags & 0xFF not in (_DOUBLE, _SINGLE):
        return None
    shape = tuple(map(int, np.frombuffer(_next(parts)[1], f"{order}i4")))
    name = bytes(_next(parts)[1]).decode(errors="replace")
    if not flags & _COMPLEX and len(shape) != 3:
        return None
    if min(shape, default=0) < 0 or len(shape) > 3:
        raise ValueError(f"an array of the shape {shape[:9]}")
    real = _numbers(*_next(parts), shape, order)
    if not flags & _COMPLEX:
        return name, real
    values = real.astype(np.complex64)
    values.imag = _numbers(*_next(parts), shape, order)
    return name, values


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    found = next(parts, None)
    if found is None:
        raise ValueError("a part of an array is missing")
    return found


def _numbers(kind: int, data: memoryview, shape: tuple[int, ...], order: str) -> Array:
    """Numbers of an array, float32; they may be stored as small integers."""
    if kind not in _NUMBERS:
        raise ValueError("numbers of an unknown type")
    values = np.frombuffer(data, f"{order}{_NUMBERS[kind]}")
    if len(values) != math.prod(shape):
        raise ValueError(f"the shape {shape} does not fit {len(values)} numbers")
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
        return values.astype(np.float32).reshape(shape, order="F")


FORMAT = Format(
    description="a MATLAB file",
    suffixes=(".mat",),
    sniff=lambda start, path: start.startswith((_START, _HDF5_START)),
    read=lambda path, frame_length, facts: read(path, facts, frame_length),
    facts=frame_arrays.FACTS,
)
