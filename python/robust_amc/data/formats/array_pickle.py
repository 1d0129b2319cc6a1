"""An unpickler for one dictionary of NumPy arrays, which knows nothing else.

A pickle is a program: it may call anything that its unpickler lets it name, make objects
without an end, and use as a key what takes for ever to hash. This unpickler takes the
instructions that pickled dictionaries of arrays consist of, in every protocol, and no others;
it counts them, so that a small file cannot make many objects; it asks the caller what a key may
be before anything is hashed; and it knows stand-ins for the few names that NumPy arrays need,
written here in Python. No NumPy unpickling code runs.
"""

import os
import pickle
import re
from collections.abc import Callable, Hashable
from typing import Any, BinaryIO, ClassVar

import numpy as np

from ...arrays import Array
from ...errors import UserError
from ...files import AnyPath

Key = Callable[[object], Hashable]

_MOST_STEPS = 1 << 20  # a key and its array take some 50
_LONGEST_TEXT = 400  # bytes of a NumPy string
_LARGEST = 1 << 63  # of whole numbers, either way
_SHOWN = 60  # characters of somebody else's name

# What dictionaries of arrays consist of. Not among it: lists, sets, objects and their classes,
# persistent names, buffers beside the file, and copies of what is on the stack.
_STEPS = (
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK,
    pickle.EMPTY_DICT, pickle.DICT, pickle.SETITEM, pickle.SETITEMS,
    pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
    pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE,
    pickle.INT, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG, pickle.LONG1,
    pickle.FLOAT, pickle.BINFLOAT,
    pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING,
    pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8,
    pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8,
    pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD,
    pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE,
    pickle.GET, pickle.BINGET, pickle.LONG_BINGET,
)  # fmt: skip


def load(file: BinaryIO, path: AnyPath, key: Key) -> dict[Any, Any]:
    """The dictionary that a file holds: arrays as PickledArray under what `key` makes of each key.

    `key` gets a key before it is hashed, built of nothing but text, bytes, numbers, None and
    tuples of them, which may be nested without an end; it returns what stands for it, or raises
    UserError. Raises UserError when the file is damaged, names anything but arrays, or holds
    something else.
    """
    try:
        found = _ArrayUnpickler(file, path, key).load()
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} does not fit into memory") from None
    except Exception as error:  # a damaged pickle can fail anywhere in the unpickler
        reason = str(error).split("\n")[0][:100] or "it ends too early"
        raise UserError(f"{path} is not a sound RadioML pickle ({reason}); copy it again") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} holds {shown(found)}, not a dictionary of arrays")
    return found


def shown(value: object) -> str:
    """What a value from a pickle is, in a few words: it may be nested without an end."""
    if isinstance(value, tuple) and len(value) <= 3 and not any(map(_is_tuple, value)):
        return f"({', '.join(map(shown, value))})"
    if value is None or isinstance(value, (str, bytes, int, float)):
        return ascii(value)[:_SHOWN]
    if isinstance(value, PickledArray):
        return "an array"
    return f"a {type(value).__name__}"


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


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


# The C unpickler allocates the memo that a file declares; this one uses a dictionary.
class _ArrayUnpickler(pickle._Unpickler):
    stack: list[Any]
    memo: dict[int, Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {}

    def __init__(self, file: BinaryIO, path: AnyPath, key: Key) -> None:
        bounded = _Bounded(file)
        super().__init__(bounded, encoding="latin1")
        self._path = path
        self._key = key
        self._steps = 0
        # A sound file uses each byte at most twice: as text, and as an array.
        self._budget = 2 * bounded.size

    def step(self, code: int) -> None:
        """Do what an instruction says; called for each."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise pickle.UnpicklingError("it makes too many objects for a data set")
        name = _METHODS[code]
        getattr(self, name)()
        if name in _NUMBERS and abs(self.stack[-1]) >= _LARGEST:
            raise pickle.UnpicklingError("a number is too large")
        if name in _KEEPING and next(reversed(self.memo)) > self._steps:
            raise pickle.UnpicklingError("it counts its objects in an odd way")

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], (PickledArray, _Dtype)):
            raise pickle.UnpicklingError("a state for something that is not an array")
        self.stack[-1].__setstate__(state)

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        # All that find_class gives, but for what is only ever an argument
        if not callable(function) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("a call of something that is not a function")
        self.stack[-1] = function(*arguments)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._store([key, value])

    def load_setitems(self) -> None:
        self._store(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._store(items)

    def _store(self, items: list[Any]) -> None:
        """Put keys and values, in turns, into the dictionary on the stack."""
        content = self.stack[-1]
        if not isinstance(content, dict):
            raise pickle.UnpicklingError("items for something that is not a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            own = self._key(key)
            if own in content:  # the first value would be lost without a word
                raise UserError(f"{self._path} has the key {shown(key)} twice; copy it again")
            content[own] = value

    def load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(size)))  # not allocated before it is there

    def find_class(self, module: str, name: str) -> Any:
        stand_in = {
            ("numpy.core.multiarray", "_reconstruct"): self._reconstruct,
            ("numpy.core.multiarray", "scalar"): self._scalar,
            ("numpy.core.numeric", "_frombuffer"): self._frombuffer,
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy", "dtype"): _Dtype,
            ("_codecs", "encode"): self._encode,
        }.get((module.replace("numpy._core", "numpy.core"), name))
        if stand_in is None:
            full = ascii(f"{module[:_SHOWN]}.{name[:_SHOWN]}")[1:-1]
            raise UserError(
                f"{self._path} is refused: it names {full}, and a data set needs "
                "nothing but arrays; do not trust this file"
            )
        return stand_in

    def _reconstruct(self, kind: object, shape: object, code: object) -> "PickledArray":
        if kind is not _NDARRAY or shape != (0,):
            raise pickle.UnpicklingError("not a plain array")
        return PickledArray(self._spend)

    def _frombuffer(self, buffer: Any, dtype: Any, shape: Any, order: Any) -> "PickledArray":
        if not isinstance(buffer, (bytes, bytearray)):
            raise pickle.UnpicklingError("an array of objects")
        array = PickledArray(self._spend)
        array.__setstate__((1, shape, dtype, order == "F", bytes(buffer)))
        return array

    def _scalar(self, dtype: object, data: object) -> Any:
        raw = _raw(data, self._spend)
        if not isinstance(dtype, _Dtype) or len(raw) != dtype.numpy().itemsize:
            raise pickle.UnpicklingError("a number that is none")
        (value,) = np.frombuffer(raw, dtype.numpy())
        return value.item()

    def _encode(self, text: object, encoding: object) -> bytes:
        if encoding != "latin1" or not isinstance(text, str):
            raise pickle.UnpicklingError("text in another encoding than latin1")
        self._spend(len(text))
        return text.encode("latin1")

    def _spend(self, count: int) -> None:
        """Count bytes that are decoded, so that a small file cannot repeat itself endlessly."""
        self._budget -= count
        if self._budget < 0:
            raise pickle.UnpicklingError("the same bytes are used again and again")


_METHODS = {
    code: load.__name__
    for code, load in pickle._Unpickler.dispatch.items()
    if bytes([code]) in _STEPS
}
_NUMBERS = {"load_int", "load_long", "load_long1"}
_KEEPING = {"load_put", "load_long_binput"}


class _Steps(dict[int, Callable[[Any], None]]):
    """What an unpickler does at each instruction."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        raise pickle.UnpicklingError(f"the instruction {bytes([code])!r} is not for arrays")


def _step(code: int) -> Callable[[Any], None]:
    return lambda unpickler: unpickler.step(code)


_ArrayUnpickler.dispatch = _Steps({code: _step(code) for code in _METHODS})

_NDARRAY = object()  # only ever an argument of _reconstruct


class _Dtype:
    """Stand-in for numpy.dtype: plain numbers or text, and their byte order."""

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        code = code.decode("latin1") if isinstance(code, bytes) else code
        if not (isinstance(code, str) and (_is_number(code) or _is_text(code))):
            raise pickle.UnpicklingError(f"an array of type {shown(code)}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        order = order.decode("latin1") if isinstance(order, bytes) else order
        self.order = order if order in ("<", ">") else "="

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


def _is_number(code: str) -> bool:
    return code in ("f2", "f4", "f8", "c8", "c16") or (
        len(code) == 2 and code[0] in "iu" and code[1] in "1248"
    )


def _is_text(code: str) -> bool:
    match = re.fullmatch(r"([US])([1-9]\d{0,2})", code, re.ASCII)
    return match is not None and int(match[2]) * (4 if match[1] == "U" else 1) <= _LONGEST_TEXT


def _raw(data: object, spend: Callable[[int], None]) -> bytes:
    """The bytes of an array; Python 2 pickled them as text."""
    if not isinstance(data, (str, bytes)):
        raise pickle.UnpicklingError("an array of objects")
    spend(len(data))
    return data.encode("latin1") if isinstance(data, str) else data


class PickledArray:
    """Stand-in for numpy.ndarray, filled by __setstate__ like it.

    Attribute `values`: the array, of numbers or text; None as long as it has no state.
    """

    values: Array | None

    def __init__(self, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self.values = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array of objects")
        flat = np.frombuffer(_raw(data, self._spend), dtype.numpy())
        if not (isinstance(shape, tuple) and len(shape) <= 32 and all(map(_is_size, shape))):
            raise pickle.UnpicklingError("a shape does not fit any array")
        if np.prod(shape, dtype=object) != len(flat):
            raise pickle.UnpicklingError(f"shape {shape} does not fit {len(flat)} values")
        self.values = flat.reshape(shape, order="F" if fortran else "C")


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST
