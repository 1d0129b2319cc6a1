"""RadioML pickles: RML2016.10a, .10b, .04C and their re-packs.

The file is a dictionary ``{(modulation, SNR label): float32 [n, 2, length]}``, pickled by
Python 2 or by any later protocol; see array_pickle, which unpickles it without running code.
Re-packs are as good: of another precision, complex ``[n, length]``, with I and Q last, with keys
of NumPy's own types.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ... import reading
from ...arrays import Array, Floats
from ...errors import UserError
from ...files import AnyPath
from ...names import is_name
from ..dataset import FrameDataset
from . import array_pickle
from .array_pickle import PickledArray
from .base import Format

_FORM = "a dictionary {(modulation, SNR): float32 array [n, 2, length]}"
_HIGHEST_SNR = 1000  # dB, either way

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
    with reading.opened(path) as file:
        content = array_pickle.load(file, path, lambda key: _key(key, path))
    blocks = _blocks(content, path)
    del content
    return _dataset(blocks, Path(path).name)


def _blocks(content: dict[Any, Any], path: AnyPath) -> dict[tuple[str, int], Floats]:
    """The dictionary as ``{(name, SNR label): float32 [n, 2, length]}``; checks all of it."""
    if not content:
        raise UserError(f"{path} has no frames")
    blocks, lengths, arrays = {}, set(), set()
    for key, value in content.items():
        array = value.values if isinstance(value, PickledArray) else None
        if array is None:
            what = array_pickle.shown(value)
            raise UserError(f"{path}: {key} has {what}; a RadioML file is {_FORM}")
        if array.dtype.kind not in "fc":
            raise UserError(f"{path}: {key} is {array.dtype}; a RadioML file is {_FORM}")
        found = _frames(array)
        if found is None:
            raise UserError(f"{path}: {key} has the shape {array.shape}; a RadioML file is {_FORM}")
        blocks[key] = found
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


def _key(key: object, path: AnyPath) -> tuple[str, int]:
    """Name and SNR label of a key; UserError when it is none. Nothing else is ever hashed."""
    if type(key) is tuple and len(key) == 2:
        name, snr_db = key
        name = name.decode("latin1") if isinstance(name, bytes) else name
        if type(snr_db) is float and snr_db.is_integer():
            snr_db = int(snr_db)
        if is_name(name) and type(snr_db) is int and abs(snr_db) <= _HIGHEST_SNR:
            return name, snr_db
    raise UserError(f"{path} has the key {array_pickle.shown(key)}; a RadioML file is {_FORM}")


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
