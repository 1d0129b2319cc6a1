"""This project's data-set file: a NumPy `.npz` without pickled objects.

Fields: `iq` float16 or float32 ``[n, 2, length]``, `label` int16 ``[n]``, `classes`
strings, `snr_db` float32 ``[n]``, `run_id` int32 ``[n]``, `metadata` JSON.

The reader believes no size that a file declares: an array is allocated only after its
header agrees with the archive's directory, and the directory with the file's length.
"""

import json
import zipfile

import numpy as np

from ..errors import UserError
from ..files import replacing
from .dataset import FrameDataset

FIELDS = ("iq", "label", "classes", "snr_db", "run_id", "metadata")

_TEXT_LIMIT = 1 << 22  # bytes of class names or metadata
# Samples with noise hardly compress; what expands further is a decompression bomb. A
# small file of zeros may.
_MOST_EXPANSION = 20
_MAY_EXPAND = 1 << 26  # bytes
_CHUNK = 1 << 22


def write(dataset, path):
    """Write a FrameDataset, compressed; the same data set gives the same bytes.

    Raises UserError when the file cannot be written; no half file is left.
    """
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            iq=dataset.iq,
            label=dataset.label.astype(np.int16),
            classes=np.array(dataset.classes, dtype=np.str_),
            snr_db=dataset.snr_db.astype(np.float32),
            run_id=dataset.run_id.astype(np.int32),
            metadata=np.array(json.dumps(dataset.metadata)),
        )


def read(path):
    """Read a data-set file. Raises UserError when it is damaged or has another form."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory; use fewer frames") from None
    except Exception as error:  # a damaged file can fail anywhere in zipfile and NumPy
        reason = str(error).split("\n")[0][:100] or "it ends too early"
        raise UserError(f"{path} is damaged ({reason}); copy or generate it again") from None


def _read(archive, path):
    names = archive.namelist()
    fields = [name.removesuffix(".npy") for name in names]
    missing = [name for name in FIELDS if name not in fields]
    strange = sorted({name for name in fields if name not in FIELDS})
    if missing or strange or len(names) != len(FIELDS):
        problem = (
            f"lacks {', '.join(missing)}"
            if missing
            else f"has unknown fields {', '.join(strange)}"
            if strange
            else "has a field twice"
        )
        raise UserError(f"{path} {problem}; a data set has exactly {', '.join(FIELDS)}")
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
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
        snr_db = snr_db.astype(np.float32)
    try:
        return FrameDataset(
            iq=iq,
            label=_narrow(label, np.int16, "label"),
            classes=tuple(classes.tolist()),
            snr_db=snr_db,
            run_id=_narrow(run_id, np.int32, "run_id"),
            metadata=_json(str(metadata)),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _array(archive, member, path, kinds, shape):
    """One array, of one of `kinds` (NumPy kind letters) and of `shape` (None: any size)."""
    name = member.filename.removesuffix(".npy")
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
        _fill(file, memoryview(data))
    array = data.view(dtype).reshape(found, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


_KINDS = {
    "f": "real numbers",
    "U": "strings",
    "iu": "whole numbers",
    "fiu": "numbers",
}


def _header(file):
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"array format {version[0]}.{version[1]}")


def _check_size(archive, member, path, name, size, header_size, is_text):
    """Refuse sizes that do not agree with each other before anything is allocated."""
    if header_size + size != member.file_size:
        raise ValueError(f"{name} declares {size} bytes, {member.file_size - header_size} follow")
    archive.fp.seek(0, 2)
    absurd = member.compress_size > archive.fp.tell() or (
        size > _TEXT_LIMIT
        if is_text
        # labels and runs of many frames do compress, but there are as many as frames
        else name == "iq" and size > max(_MAY_EXPAND, _MOST_EXPANSION * member.compress_size)
    )
    if absurd:
        raise UserError(
            f"{path}: {name} declares {size} bytes in {member.compress_size} compressed ones; "
            "that is no data set"
        )


def _fill(file, target):
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


def _narrow(array, dtype, name):
    limits = np.iinfo(dtype)
    if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
        raise UserError(f"{name} has values outside {limits.min} … {limits.max}")
    return array.astype(dtype, copy=False)


def _json(text):
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UserError("metadata is not a JSON object")
    return document
