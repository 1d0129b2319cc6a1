"""Sets of numbers in an HDF5 file that nobody vouches for.

A set is read only if its numbers lie in this very file: nothing is looked up behind
links, in external storage or in virtual sets. No declared size is believed. Compressed
chunks are unpacked here and not by libhdf5, which inflates a chunk to its end even if
that is a thousand times its declared size.
"""

import itertools
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import h5py
import numpy as np

from ... import reading
from ...arrays import Array, Integers
from ...errors import UserError
from ...files import AnyPath
from .. import lazy

# A set may be far larger than its file, since what was never written is not stored; so
# a limit for what has to be in memory at a time.
_MOST_ROWS = 1 << 24
_LARGEST_ROW = 1 << 26  # bytes
_LARGEST_CHUNK = 1 << 26  # bytes, unpacked; a compressed chunk is unpacked as a whole
_SMALL_CHUNK = 1 << 12  # bytes; more smaller ones than so many are slow to read
_MOST_CHUNKS = 1 << 16
MAY_EXPAND = 1 << 26  # bytes of zeros are data all the same
_MOST_EXPANSION = 20  # of samples with noise, which hardly compress
_BLOCK = 1 << 25  # bytes that are read from the file at a time
_GAP = 64  # rows that are read and dropped rather than skipped

_SHUFFLE, _GZIP = h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE
_PACKINGS = ((), (_GZIP,), (_SHUFFLE, _GZIP), (_SHUFFLE,))


@contextmanager
def opened(path: AnyPath, kinds: Mapping[str, str], form: str) -> Iterator[dict[str, h5py.Dataset]]:
    """Open an HDF5 file and give its sets ``{name: h5py.Dataset}``, checked.

    `kinds` has the NumPy kind letters that each wanted set may have; `form` says in an
    error what the file should be. Whatever fails, here or in the body of the ``with``,
    raises UserError with the file's path before it.
    """
    reading.require_regular(path)
    try:
        with h5py.File(path, "r") as file:
            yield {name: _checked(file, name, kinds[name], form) for name in kinds}
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; read fewer frames at a time") from None
    except Exception as error:  # a damaged file can fail anywhere in libhdf5
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"cannot read {path}: {os.strerror(error.errno)}") from None
        reason = str(error).split("\n")[0].strip("'\"")[:100] or type(error).__name__
        raise UserError(f"{path} is damaged ({reason}); copy it again") from None


def _checked(file: h5py.File, name: str, kinds: str, form: str) -> h5py.Dataset:
    links = file.id.links
    if not links.exists(name.encode()):
        raise UserError(f"the set {name} is missing; {form}")
    if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise UserError(f"{name} is a link to somewhere else, which is not followed; {form}")
    found = file[name]
    if not isinstance(found, h5py.Dataset):
        raise UserError(f"{name} is not a set of numbers; {form}")
    plan = found.id.get_create_plist()
    # before the shape: libhdf5 opens the sources of a virtual set to find it
    if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise UserError(f"{name} lies in other files, which are not opened; {form}")
    if found.dtype.kind not in kinds:
        what = "objects" if found.dtype.hasobject else found.dtype
        raise UserError(f"{name} holds {what}; {form}")
    if h5py.h5t.py_create(found.dtype) != found.id.get_type():
        raise UserError(f"{name} holds numbers of an unusual layout; {form}")
    count, *rest = found.shape or (0,)
    if count > _MOST_ROWS or math.prod(rest) * found.dtype.itemsize > _LARGEST_ROW:
        raise UserError(f"{name} declares the shape {found.shape}, which is absurd; copy it again")
    if found.chunks and _pieces(found) > max(_MOST_CHUNKS, size_of(found) // _SMALL_CHUNK):
        raise UserError(f"{name} has {_pieces(found)} tiny chunks; rewrite it with `h5repack -l`")
    packing = _packing(found)
    if packing not in _PACKINGS:
        raise UserError(
            f"{name} is compressed in another way than gzip; rewrite it with `h5repack -f GZIP=4`"
        )
    if packing and math.prod(found.chunks) * found.dtype.itemsize > _LARGEST_CHUNK:
        raise UserError(f"{name} has chunks over 64 MiB; rewrite it with `h5repack -l`")
    return found


def check_stored(found: h5py.Dataset, name: str) -> None:
    """UserError when a set of samples is far larger than what is stored of it.

    What was never written is not stored, and packed zeros take next to nothing: a small file
    would give frames without an end.
    """
    declared, stored = size_of(found), found.id.get_storage_size()
    if declared > max(MAY_EXPAND, _MOST_EXPANSION * stored):
        raise UserError(
            f"{name} declares {declared} bytes, of which {stored} are stored: most of it was "
            "never written, or is zeros; copy the file again"
        )


def _pieces(found: h5py.Dataset) -> int:
    """Number of chunks that a set has when all are written."""
    return math.prod(-(-size // step) for size, step in zip(found.shape, found.chunks))


def size_of(found: h5py.Dataset) -> int:
    """Bytes that a set declares."""
    return math.prod(found.shape or ()) * found.dtype.itemsize


def _packing(found: h5py.Dataset) -> tuple[int, ...]:
    """Numbers of the filters that a set went through, in that order."""
    plan = found.id.get_create_plist()
    return tuple(plan.get_filter(number)[0] for number in range(plan.get_nfilters()))


def fill(target: Array, found: h5py.Dataset, rows: Integers, places: Integers) -> None:
    """Read rows of a set: ``found[rows]`` goes to ``target[places]``.

    `rows` are integers ``[k]``, ascending; `places` integers ``[k]``. Beside the target,
    memory of some ten MB is used.
    """
    if _packing(found):
        _unpack(target, found, rows, places)
        return
    most = max(1, _BLOCK // (math.prod(found.shape[1:]) * found.dtype.itemsize))
    for first, end, where in lazy.spans(rows, min(_GAP, most), most):
        target[_run(places[where])] = found[first:end][_run(rows[where] - first)]


def _run(index: Integers) -> Integers | slice:
    """A slice in place of an index that is one run: NumPy copies it five times as fast."""
    return slice(index[0], index[-1] + 1) if (np.diff(index) == 1).all() else index


def _unpack(target: Array, found: h5py.Dataset, rows: Integers, places: Integers) -> None:
    """The same from packed chunks; each is unpacked once."""
    deep, *wide = found.chunks
    packing = _packing(found)
    corners = [range(0, size, step) for size, step in zip(found.shape[1:], wide)]
    changes = np.flatnonzero(np.diff(rows // deep)) + 1
    for start, end in itertools.pairwise(sorted({0, *changes, len(rows)})):
        first = int(rows[start] // deep * deep)
        taken, put = _run(rows[start:end] - first), _run(places[start:end])
        for corner in itertools.product(*corners):
            chunk = _chunk(found, packing, (first, *corner))[taken]
            part = tuple(slice(at, at + step) for at, step in zip(corner, wide))
            # the last chunk may reach beyond the set
            inside = tuple(slice(size - at) for at, size in zip(corner, found.shape[1:]))
            target[(put, *part)] = chunk[(slice(None), *inside)]


def _chunk(found: h5py.Dataset, packing: tuple[int, ...], corner: tuple[int, ...]) -> Array:
    """One unpacked chunk, an array of the shape of a chunk."""
    size = math.prod(found.chunks) * found.dtype.itemsize
    info = found.id.get_chunk_info_by_coord(corner)
    if info.byte_offset is None:
        return np.full(found.chunks, found.fillvalue, found.dtype)
    if info.size > size + size // 8 + 64:  # what gzip makes longer, it makes little longer
        raise ValueError(f"a chunk of {size} bytes is packed into {info.size}")
    skipped, raw = found.id.read_direct_chunk(corner)
    for number, code in reversed(list(enumerate(packing))):
        if not skipped >> number & 1:
            raw = _inflate(raw, size) if code == _GZIP else _unshuffle(raw, found.dtype.itemsize)
    if len(raw) != size:
        raise ValueError(f"a chunk has {len(raw)} of {size} bytes")
    return np.frombuffer(raw, found.dtype).reshape(found.chunks)


def _inflate(raw: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    data = stream.decompress(raw, size + 1)
    if not stream.eof or len(data) != size:
        raise ValueError(f"a packed chunk does not hold {size} bytes")
    return data


def _unshuffle(raw: bytes, itemsize: int) -> bytes:
    """The bytes of each number together again; shuffled, all first bytes come first."""
    return np.frombuffer(raw, np.uint8).reshape(itemsize, -1).T.tobytes()
