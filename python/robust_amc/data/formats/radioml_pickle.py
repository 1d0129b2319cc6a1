"""RadioML pickles: RML2016.10a, .10b, .04C and their re-packs.

The file is a dictionary ``{(modulation, SNR label): float32 [n, 2, length]}``, pickled by
Python 2 or by any later protocol. Re-packs are as good: of another precision, complex
``[n, length]``, with I and Q last, with keys of NumPy's own types. A pickle may call anything
that its unpickler lets it name; ours knows stand-ins for the few names that NumPy arrays need,
written here in Python, and refuses every other. No NumPy unpickling code runs.
"""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from ...arrays import Array, Floats
from ...errors import UserError
from ...files import AnyPath
from ..dataset import FrameDataset
from .base import Format

# Where the true RML2016.10a is recognized: the first frame of this key begins so.
_FINGERPRINT_KEY = ("QPSK", 2)
_FINGERPRINT = np.array(
    [
        [-0.00590147, -0.00234582, -0.00074506],
        [-0.00779554, -0.00781637, -0.00401967],
    ]
)
_KEYS, _FRAMES_PER_KEY = 11 * 20, 1000
_HALF_PRECISION = 4e-6  # of values below 2 ** -7, the step of float16 halved


def is_authentic(dataset: FrameDataset) -> bool:
    """Whether a FrameDataset is the true RML2016.10a, whole, in any file form.

    Its keys and counts are compared, and the beginning of one frame that is known.
    """
    name, snr_db = _FINGERPRINT_KEY
    keys, counts = np.unique([dataset.label, dataset.snr_db], axis=1, return_counts=True)
    if keys.shape[1] != _KEYS or set(counts) != {_FRAMES_PER_KEY} or name not in dataset.classes:
        return False
    index = dataset.classes.index(name)
    found = np.flatnonzero((dataset.label == index) & (dataset.snr_db == snr_db))
    if not len(found) or dataset.frame_length != 128:
        return False
    start = dataset.iq[found[0]][:, :3].astype(np.float64)
    return bool(np.abs(start - _FINGERPRINT).max() < _HALF_PRECISION)


def read(path: AnyPath) -> FrameDataset:
    """Read a RadioML pickle as a FrameDataset; classes sorted, frames by class and SNR.

    The file does not say which frames share a generator run: each frame is taken as a
    run of its own, and the metadata say so. Raises UserError when the file is damaged,
    names anything but arrays, or has another form.
    """
    with open(path, "rb") as file:
        content = _unpickle(file, path)
    blocks = _blocks(content, path)
    del content
    return _dataset(blocks, Path(path).name)


def _unpickle(file: BinaryIO, path: AnyPath) -> Any:
    try:
        return _ArrayUnpickler(file, path).load()
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory") from None
    except Exception as error:  # a damaged pickle can fail anywhere in the unpickler
        reason = str(error).split("\n")[0][:100] or "it ends too early"
        raise UserError(f"{path} is not a sound RadioML pickle ({reason}); copy it again") from None


class _Bounded:
    """A file whose reads never ask for more than is left: no size in it is believed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.readline = file.readline

    def read(self, count: int = -1) -> bytes:
        left = self.size - self._file.tell()
        if not 0 <= count <= left:
            raise EOFError(f"a part of {count} bytes is declared, {left} bytes are left")
        return self._file.read(count)


# Ways to make or fill objects that no array needs.
_REFUSED = (
    pickle.INST,
    pickle.OBJ,
    pickle.NEWOBJ,
    pickle.NEWOBJ_EX,
    pickle.PERSID,
    pickle.BINPERSID,
    pickle.EXT1,
    pickle.EXT2,
    pickle.EXT4,
    pickle.BUILD,
    pickle.NEXT_BUFFER,
)


# The C unpickler allocates the memo that a file declares; this one uses a dictionary.
class _ArrayUnpickler(pickle._Unpickler):
    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if bytes([code]) not in _REFUSED
    }

    def __init__(self, file: BinaryIO, path: AnyPath) -> None:
        bounded = _Bounded(file)
        super().__init__(bounded, encoding="latin1")
        self._path = path
        # A sound file uses each byte at most twice: as text, and as an array.
        self._budget = 2 * bounded.size

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], (_Array, _Dtype)):
            raise pickle.UnpicklingError("a state for something that is not an array")
        self.stack[-1].__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._store([key, value])

    def load_setitems(self) -> None:
        self._store(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._store(items)

    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict

    def _store(self, items: list[Any]) -> None:
        """Put keys and values, in turns, into the dictionary on the stack."""
        content = self.stack[-1]
        if not isinstance(content, dict):
            raise pickle.UnpicklingError("items for something that is not a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if key in content:  # the first value would be lost without a word
                raise UserError(f"{self._path} has the key {repr(key)[:60]} twice; copy it again")
            content[key] = value

    def load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(size)))  # not allocated before it is there

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy._core", "numpy.core")
        stand_in = {
            ("numpy.core.multiarray", "_reconstruct"): self._reconstruct,
            ("numpy.core.multiarray", "scalar"): _scalar,
            ("numpy.core.numeric", "_frombuffer"): self._frombuffer,
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy", "dtype"): _Dtype,
            ("_codecs", "encode"): self._encode,
        }.get((module, name))
        if stand_in is None:
            raise UserError(
                f"{self._path} is refused: it names {module}.{name}, and a data set needs "
                "nothing but arrays; do not trust this file"
            )
        return stand_in

    def _reconstruct(self, kind: object, shape: object, code: object) -> "_Array":
        if kind is not _NDARRAY or shape != (0,):
            raise pickle.UnpicklingError("not a plain array")
        return _Array(self._spend)

    def _frombuffer(self, buffer: Any, dtype: Any, shape: Any, order: Any) -> "_Array":
        array = _Array(self._spend)
        array.__setstate__((1, shape, dtype, order == "F", bytes(buffer)))
        return array

    def _encode(self, text: str, encoding: str) -> bytes:
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"encoding {encoding!r}")
        self._spend(len(text))
        return text.encode("latin1")

    def _spend(self, count: int) -> None:
        """Count bytes that are decoded, so that a small file cannot repeat itself endlessly."""
        self._budget -= count
        if self._budget < 0:
            raise pickle.UnpicklingError("the same bytes are used again and again")


_NDARRAY = object()  # only ever an argument of _reconstruct
# Numbers; texts are names in keys, no longer than those of classes
_PLAIN = re.compile("[fiu][1248]|c8|c16|[SU][1-9][0-9]?|[SU]100")


class _Dtype:
    """Stand-in for numpy.dtype: a plain type of numbers or text, and its byte order."""

    def __init__(self, code: Any, align: object = False, copy: object = True) -> None:
        if not (isinstance(code, str) and _PLAIN.fullmatch(code)):
            raise pickle.UnpicklingError(f"an array of type {code!r}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """Stand-in for numpy.ndarray, filled by __setstate__ like it."""

    values: Array | None

    def __init__(self, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self.values = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self._spend(len(data))
        if isinstance(data, str):  # pickled by Python 2
            data = data.encode("latin1")
        if not (isinstance(dtype, _Dtype) and isinstance(data, bytes)):
            raise pickle.UnpicklingError("an array of objects")
        flat = np.frombuffer(data, dtype.numpy())
        if any(size < 0 for size in shape) or np.prod(shape, dtype=object) != len(flat):
            raise pickle.UnpicklingError(f"shape {shape} does not fit {len(flat)} values")
        self.values = flat.reshape(shape, order="F" if fortran else "C")


def _scalar(dtype: Any, data: Any) -> Any:
    data = data.encode("latin1") if isinstance(data, str) else data
    (value,) = np.frombuffer(data, dtype.numpy())
    return value.item()


def _blocks(content: Any, path: AnyPath) -> dict[tuple[str, int], Floats]:
    """The dictionary as ``{(name, SNR label): float32 [n, 2, length]}``; checks all of it."""
    form = "a dictionary {(modulation, SNR): float32 array [n, 2, length]}"
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}; a RadioML file is {form}")
    if not content:
        raise UserError(f"{path} has no frames")
    blocks, lengths, arrays = {}, set(), set()
    for key, value in content.items():
        name, snr_db = _key(key, path, form)
        array = value.values if isinstance(value, _Array) else None
        if array is None:
            what = type(value).__name__
            raise UserError(f"{path}: {key} has {what}; a RadioML file is {form}")
        if array.dtype.kind not in "fc":
            raise UserError(f"{path}: {key} is {array.dtype}; a RadioML file is {form}")
        if (name, snr_db) in blocks:
            raise UserError(f"{path} has the key {key} twice; copy it again")
        found = _frames(array)
        if found is None:
            raise UserError(f"{path}: {key} has the shape {array.shape}; a RadioML file is {form}")
        blocks[name, snr_db] = found
        arrays.add(id(array))
        lengths.add(found.shape[2])
    if len(arrays) < len(blocks):
        raise UserError(f"{path} gives one array under several keys; each key needs its own")
    if len(lengths) > 1:
        raise UserError(f"{path} mixes frames of {', '.join(map(str, sorted(lengths)))} samples")
    return blocks


def _frames(array: Array) -> Floats | None:
    """An array of floats or complex numbers as frames ``[n, 2, length]``; None for other shapes."""
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], 1) if array.ndim == 2 else None
    if array.ndim == 3 and array.shape[1] == 2:
        return array
    return array.swapaxes(1, 2) if array.ndim == 3 and array.shape[2] == 2 else None


def _key(key: object, path: AnyPath, form: str) -> tuple[str, int]:
    if isinstance(key, tuple) and len(key) == 2:
        name, snr_db = key
        name = name.decode("latin1") if isinstance(name, bytes) else name
        if isinstance(snr_db, float) and snr_db.is_integer():
            snr_db = int(snr_db)
        whole = isinstance(snr_db, int) and not isinstance(snr_db, bool)
        if isinstance(name, str) and name and whole and abs(snr_db) <= 1000:
            return name, snr_db
    raise UserError(f"{path} has the key {str(key)[:60]!r}; a RadioML file is {form}")


def _dataset(blocks: dict[tuple[str, int], Floats], file_name: str) -> FrameDataset:
    keys = sorted(blocks)
    classes = tuple(sorted({name for name, _ in keys}))
    counts = [len(blocks[key]) for key in keys]
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
        iq = np.concatenate([blocks[key] for key in keys], dtype=np.float32, casting="same_kind")
    return FrameDataset(
        iq=iq,
        label=np.repeat([classes.index(name) for name, _ in keys], counts).astype(np.int16),
        classes=classes,
        snr_db=np.repeat([snr_db for _, snr_db in keys], counts).astype(np.float32),
        run_id=np.arange(sum(counts), dtype=np.int32),
        metadata={
            "source": file_name,
            "format": "RadioML pickle",
            "run_id": "unknown: each frame is taken as a run of its own",
        },
    )


FORMAT = Format(
    description="a RadioML pickle",
    suffixes=(".pkl", ".dat"),
    # The first byte of every pickle of a dictionary: PROTO, or EMPTY_DICT, MARK in old forms
    sniff=lambda start, path: start.startswith((b"\x80", b"}", b"(")),
    read=lambda path, frame_length, facts: read(path),
    guess=True,
)
