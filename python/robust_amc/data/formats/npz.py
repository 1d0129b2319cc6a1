"""This project's data-set file: a NumPy `.npz` without pickled objects.

Fields: `iq` float16 or float32 ``[n, 2, length]``, `label` int16 ``[n]``, `classes`
strings, `snr_db` float32 ``[n]``, `run_id` int32 ``[n]``, `metadata` JSON; where known, the
columns of dataset.EXTRA ``[n]``.

The reader believes no size that a file declares: an array is allocated only after its
header agrees with the archive's directory, and the directory with the file's length.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ... import json_text, reading
from ...arrays import Array
from ...errors import UserError
from ...files import AnyPath, replacing
from ..dataset import EXTRA, FrameDataset, Progress, pieces
from .base import Format

FIELDS = ("iq", "label", "classes", "snr_db", "run_id", "metadata")

_TEXT_LIMIT = 1 << 22  # bytes of class names or metadata
# Samples with noise hardly compress; what expands further is a decompression bomb. A
# small file of zeros may.
_MOST_EXPANSION = 20
_MAY_EXPAND = 1 << 26  # bytes
_CHUNK = 1 << 22
_COMPRESSION = 1  # noise hardly compresses; higher levels are slower for nothing


def write(dataset: FrameDataset, path: AnyPath, progress: Progress | None = None) -> None:
    """Write a FrameDataset, compressed; the same data set gives the same bytes.

    Frames that are still in their file are never all in memory. `progress(done, total)` is
    called with numbers of frames. Raises UserError when the file cannot be written, or
    frames have NaN or infinite samples; no half file is left.
    """
    with replacing(path) as temporary:
        _write(dataset, temporary, zipfile.ZIP_DEFLATED, progress)
        with zipfile.ZipFile(temporary) as archive:
            members = archive.infolist()
        if any(_is_bomb(each.file_size, each.compress_size) for each in members):
            # zeros, mostly; the reader would refuse it
            _write(dataset, temporary, zipfile.ZIP_STORED, progress)


def _write(dataset: FrameDataset, path: Path, method: int, progress: Progress | None) -> None:
    columns = {
        "label": dataset.label.astype(np.int16),
        "classes": np.array(dataset.classes, dtype=np.str_),
        "snr_db": dataset.snr_db.astype(np.float32),
        "run_id": dataset.run_id.astype(np.int32),
        "metadata": np.array(json_text.dump(dataset.metadata)),
    } | {name: column.astype(EXTRA[name]) for name, column in dataset.extra.items()}
    dtype = np.dtype("<f2" if dataset.iq.dtype == np.float16 else "<f4")
    with zipfile.ZipFile(path, "w", method, compresslevel=_COMPRESSION) as archive:
        with _member(archive, "iq", dataset.iq.shape, dtype) as file:
            for piece in pieces(dataset, progress):
                file.write(np.ascontiguousarray(piece.iq, dtype).data)
        for name, column in columns.items():
            with _member(archive, name, column.shape, column.dtype) as file:
                file.write(np.ascontiguousarray(column).data)


@contextmanager
def _member(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Iterator[IO[bytes]]:
    """An array in the archive, whose values are still to be written."""
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield file


def read(path: AnyPath) -> FrameDataset:
    """Read a data-set file. Raises UserError when it is damaged or has another form."""
    try:
        with reading.opened(path) as file, zipfile.ZipFile(file) as archive:
            return _read(archive, path)
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; use fewer frames") from None
    except Exception as error:  # a damaged file can fail anywhere in zipfile and NumPy
        reason = str(error).split("\n")[0][:100] or "it ends too early"
        raise UserError(f"{path} is damaged ({reason}); copy or generate it again") from None


def _read(archive: zipfile.ZipFile, path: AnyPath) -> FrameDataset:
    names = archive.namelist()
    fields = [name.removesuffix(".npy") for name in names]
    missing = [name for name in FIELDS if name not in fields]
    strange = sorted({name for name in fields if name not in FIELDS and name not in EXTRA})
    if missing or strange or len(set(fields)) != len(fields):
        problem = (
            f"lacks {', '.join(missing)}"
            if missing
            else f"has unknown fields {', '.join(strange)}"
            if strange
            else "has a field twice"
        )
        raise UserError(
            f"{path} {problem}; a data set has {', '.join(FIELDS)} and maybe {', '.join(EXTRA)}"
        )
    members = dict(zip(fields, archive.infolist(), strict=True))

    iq = _array(archive, members["iq"], path, "f", (None, 2, None))
    if iq.dtype.itemsize > 4:
        raise UserError(f"{path}: iq is {iq.dtype}; store it as float16 or float32")
    count = (len(iq),)
    classes = _array(archive, members["classes"], path, "U", (None,))
    metadata = _array(archive, members["metadata"], path, "U", ())
    label = _array(archive, members["label"], path, "iu", count)
    run_id = _array(archive, members["run_id"], path, "iu", count)
    snr_db = _array(archive, members["snr_db"], path, "fiu", count)
    extra = {
        name: _array(archive, members[name], path, _EXTRA_KINDS[np.dtype(dtype).kind], count)
        for name, dtype in EXTRA.items()
        if name in members
    }
    try:
        return FrameDataset(
            iq=iq,
            label=_narrow(label, np.int16, "label"),
            classes=tuple(map(str, classes)),
            snr_db=_narrow(snr_db, np.float32, "snr_db"),
            run_id=_narrow(run_id, np.int32, "run_id"),
            metadata=json_text.parse(str(metadata)),
            extra={name: _narrow(column, EXTRA[name], name) for name, column in extra.items()},
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _array(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    path: AnyPath,
    kinds: str,
    shape: Sequence[int | None],
) -> Array:
    """One array, of one of `kinds` (NumPy kind letters) and of `shape` (None: any size)."""
    name = member.filename.removesuffix(".npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # others are unpacked at once, however large that gets; NumPy writes none
        raise UserError(f"{path}: {name} is compressed in another way than NumPy does")
    with archive.open(member) as file:
        found, fortran, dtype = _header(file)
        if dtype.kind not in kinds:
            what = "objects, which are never loaded" if dtype.hasobject else str(dtype)
            raise UserError(f"{path}: {name} holds {what}; it must be {_KINDS[kinds]}")
        fits = len(found) == len(shape) and all(
            wanted in (None, size) for wanted, size in zip(shape, found, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise UserError(f"{path}: {name} has the shape {found}; it must be ({wanted})")
        size = dtype.itemsize * int(np.prod(found, dtype=object))
        _check_size(archive, member, path, name, size, file.tell(), "U" in kinds)
        data = np.empty(size, np.uint8)
        _fill(file, data.data)
    array = data.view(dtype).reshape(found, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


_KINDS = {
    "f": "real numbers",
    "U": "strings",
    "iu": "whole numbers",
    "fiu": "numbers",
}
_EXTRA_KINDS = {"f": "fiu", "i": "iu"}


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # others are for headers over 64 kB
        raise ValueError(f"array format {version[0]}.{version[1]}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if not dtype.itemsize:
        raise ValueError("an array of nothing")
    return shape, fortran, dtype


def _check_size(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    path: AnyPath,
    name: str,
    size: int,
    header_size: int,
    is_text: bool,
) -> None:
    """Refuse sizes that do not agree with each other before anything is allocated."""
    if header_size + size != member.file_size:
        raise ValueError(f"{name} declares {size} bytes, {member.file_size - header_size} follow")
    assert archive.fp is not None  # it is open
    archive.fp.seek(0, 2)
    absurd = member.compress_size > archive.fp.tell() or (
        size > _TEXT_LIMIT if is_text else _is_bomb(size, member.compress_size)
    )
    if absurd:
        raise UserError(
            f"{path}: {name} declares {size} bytes in {member.compress_size} compressed ones; "
            "that is not a data set"
        )


def _is_bomb(size: int, compressed: int) -> bool:
    return size > max(_MAY_EXPAND, _MOST_EXPANSION * compressed)


def _fill(file: IO[bytes], target: memoryview) -> None:
    """Read exactly ``len(target)`` bytes, and the end of the member with its checksum."""
    position = 0
    while position < len(target):
        chunk = file.read(min(_CHUNK, len(target) - position))
        if not chunk:
            raise EOFError
        target[position : position + len(chunk)] = chunk
        position += len(chunk)
    if file.read(1):
        raise ValueError("data after the end of an array")


def _narrow(array: Array, dtype: npt.DTypeLike, name: str) -> Array:
    if np.dtype(dtype).kind == "f":
        with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
            return array.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
        raise UserError(f"{name} has values outside {limits.min} … {limits.max}")
    return array.astype(dtype, copy=False)


FORMAT = Format(
    description="this project's .npz",
    suffixes=(".npz",),
    sniff=lambda start, path: start.startswith((b"PK\x03\x04", b"PK\x05\x06")),
    read=lambda path, frame_length, facts: read(path),
    write=write,
    half_precision=True,
)
