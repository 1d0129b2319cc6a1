"""WAV files and arrays: what does not say itself what it is."""

import io
import struct

import numpy as np

from .. import sound
from .making import each_of


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npy_header(text):
    header = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def cases():
    wav = sound.wav()
    size = wav.index(b"data") + 4
    yield from each_of(
        "labeled",
        ".wav",
        {
            "sound": wav,
            "empty": b"",
            "a head alone": wav[:12],
            "no samples": wav[: size - 4],
            "cut in its format": wav[:26],
            "samples of 4 GB": wav[:size] + struct.pack("<I", 2**32 - 2) + wav[size + 4 :],
            "65,535 channels": wav.replace(struct.pack("<HH", 1, 2), b"\x01\x00\xff\xff", 1),
            "many empty chunks": wav[:12] + b"LIST\x00\x00\x00\x00" * 500_000 + wav[12:],
        },
    )
    frames = np.ones((4, sound.LENGTH), np.complex64)
    shape = "{{'descr': '<c8', 'fortran_order': False, 'shape': ({}, 128)}}"
    yield from each_of(
        "labeled",
        ".npy",
        {
            "sound": sound.frames_array("npy"),
            "no frames": _npy(frames[:0]),
            "one number": _npy(np.complex64(1)),
            "of text": _npy(np.array([["BPSK"] * sound.LENGTH])),
            "of objects": _npy(frames).replace(b"'<c8'", b"'|O' ", 1),
            "10,000,000,000 frames": _npy_header(shape.format(10**10)) + bytes(1024),
            "less than no frames": _npy_header(shape.format(-4)) + bytes(4096),
            "a call for a shape": _npy_header("{'descr': '<c8', 'shape': exit()}"),
        },
    )
    mat = sound.frames_array("mat")
    yield from each_of(
        "labeled",
        ".mat",
        {
            "sound": mat,
            "a head alone": mat[:128],
            "cut": mat[: len(mat) // 2],
            "an element of 4 GB": mat[:132] + struct.pack("<I", 2**32 - 1) + mat[136:],
        },
    )
