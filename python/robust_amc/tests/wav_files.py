"""WAV files for the tests, written chunk by chunk, as programs of receivers write them."""

import struct

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SUBFORMAT = bytes.fromhex("0000 0000 1000 8000 00aa 0038 9b71".replace(" ", ""))


def chunk(name, content, size=None):
    """A chunk with its padding; `size` is what its header says instead of the truth."""
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + b"\0" * (len(content) % 2)


def form(code, channels, rate, bits, extensible=False):
    width = channels * bits // 8
    plain = struct.pack("<HHIIHH", EXTENSIBLE if extensible else code, channels, rate,
                        rate * width, width, bits)  # fmt: skip
    more = struct.pack("<HHIH", 22, bits, 3, code) + SUBFORMAT if extensible else b""
    return chunk(b"fmt ", plain + more)


def wav(*chunks, kind=b"RIFF"):
    body = b"WAVE" + b"".join(chunks)
    size = 0xFFFFFFFF if kind == b"RF64" else len(body)
    return kind + struct.pack("<I", size) + body


def stored(values, code, bits):
    """Numbers in -1 … 1 as a WAV file stores them."""
    if code == FLOAT:
        return values.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return np.round(values * 127 + 128).astype("u1").tobytes()
    whole = np.round(values * (2 ** (bits - 1) - 1)).astype(np.int64)
    return b"".join(int(value).to_bytes(bits // 8, "little", signed=True) for value in whole)


def auxi(center):
    """As HDSDR and SDRuno write it: two times of the day, then frequencies."""
    return chunk(b"auxi", bytes(32) + struct.pack("<5I", center, 0, 0, 0, 0) + bytes(112))
