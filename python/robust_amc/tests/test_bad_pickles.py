"""Broken and hostile pickles: one clear line, no code run, no memory taken."""

import os
import pickle
import struct

import numpy as np
import pytest

from robust_amc.tests.files import (
    frames,
    memory_growth,
    python2_pickle,
    radioml_content,
    refused,
    save_pickle,
)


class Hostile:
    """Unpickled by anything but a restricted unpickler, this runs a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_that_runs_a_command(tmp_path, protocol):
    witness = tmp_path / "it ran"
    hostile = Hostile(f"touch '{witness}'")
    content = radioml_content() | {("8PSK", 0): hostile}
    path = save_pickle(tmp_path / "bad.pkl", content, protocol)
    line = refused(path)
    assert "system" in line and "do not trust this file" in line
    assert not witness.exists()
    pickle.loads(pickle.dumps(hostile, protocol))  # the trap itself works
    assert witness.exists()


def globals_pickle(module, name, argument="x"):
    """Calls module.name(argument), in the text opcodes of protocol 0."""
    return f"(dc{module}\n{name}\n(V{argument}\ntR.".encode()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"), ("__builtin__", "eval"), ("builtins", "getattr"),
        ("os", "system"), ("posix", "system"), ("subprocess", "Popen"),
        ("numpy", "load"), ("numpy.core.multiarray", "fromfile"), ("numpy.f2py", "os.system"),
        ("numpy.testing._private.utils", "runstring"), ("_codecs", "decode"),
        ("robust_amc.data.formats.radioml_pickle", "_Array"), ("torch", "load"),
    ],
)  # fmt: skip
def test_pickle_that_names_something_else(tmp_path, module, name):
    path = tmp_path / "bad.pkl"
    path.write_bytes(globals_pickle(module, name))
    assert f"names {module}.{name}" in refused(path)


def array_pickle(shape=(3, 2, 128), data=None, kind=b"f4"):
    """One key, its array with the shape and bytes given."""
    content = {("QPSK", 2): np.zeros((3, 2, 128), np.float32)}
    raw = python2_pickle(content)
    packed = [b"J" + struct.pack("<i", size) for size in (3, 2, 128)]
    wanted = [b"\x8a\x08" + struct.pack("<q", size) for size in shape]
    raw = raw.replace(b"".join(packed), b"".join(wanted), 1).replace(b"U\x02f4", b"U\x02" + kind)
    if data is not None:
        zeros = bytes(3 * 2 * 128 * 4)
        raw = raw.replace(struct.pack("<I", len(zeros)) + zeros, data, 1)
    return raw


def build(target, state):
    """A pickle that sets the state of a stand-in."""
    return b"\x80\x02" + target + state + b"b."


ONE = b"K\x01"
PICKLES = [
    ("a shape that does not fit", array_pickle((4, 2, 128)), "does not fit"),
    ("an absurd shape", array_pickle((10**15, 2, 128)), "does not fit"),
    ("a negative shape", array_pickle((-1, -2, 384)), "does not fit"),
    ("two dimensions", array_pickle((6, 128, 1)), "the shape (6, 128, 1)"),
    ("three rows", array_pickle((2, 3, 128)), "the shape (2, 3, 128)"),
    ("integers", array_pickle(kind=b"i4"), "is int32"),
    ("objects", array_pickle(kind=b"O8"), "an array of type 'O8'"),
    ("absurd data", array_pickle(data=struct.pack("<I", 2**31 - 1)), "are left"),
    ("absurd memo", b"\x80\x02}r\xff\xff\xff\x7f0.", "not a sound RadioML pickle"),
    ("absurd frame", b"\x80\x04\x95" + b"\xff" * 7 + b"\x0f}.", "not a sound RadioML pickle"),
    ("absurd bytes", b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0fx.", "not a sound RadioML pickle"),
    ("absurd bytearray", b"\x80\x05\x96" + b"\xff" * 6 + b"\0\0.", "not a sound RadioML pickle"),
    ("an absurd empty array", b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
     b"J" + struct.pack("<i", 2**31 - 1) + b"\x85U\x01b\x87R.", "not a plain array"),
    ("an array called", b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.", "not a sound"),
    ("a state for a function", b"\x80\x02cnumpy.core.multiarray\nscalar\n}U\x01aK\x01\x86K\x01sb.",
     "something that is not an array"),
    ("an object made", b"\x80\x02cnumpy\ndtype\n)\x81.", "not a sound RadioML pickle"),
    ("an extension code", b"\x80\x02\x82\x01.", "not a sound RadioML pickle"),
    ("a persistent id", b"\x80\x02K\x01Q.", "not a sound RadioML pickle"),
    ("an unknown protocol", b"\x80\x63}.", "not a sound RadioML pickle"),
    ("an unknown opcode", b"\x80\x02\xff.", "not a sound RadioML pickle"),
    ("nothing on the stack", b"\x80\x02.", "not a sound RadioML pickle"),
    ("a list", pickle.dumps([1], 2), "not a sound RadioML pickle (the instruction b']' is not"),
    ("an empty dictionary", pickle.dumps({}, 2), "has no frames"),
    ("a key of one", pickle.dumps({"QPSK": 1}, 2), "has the key 'QPSK'"),
    ("an SNR as text", pickle.dumps({("QPSK", "2"): 1}, 2), "has the key"),
    ("a number", pickle.dumps(1, 2), "holds 1, not a dictionary"),
    ("a value of another type", pickle.dumps({("QPSK", 2): (1, 2)}, 2), "has (1, 2)"),
    ("a name that steers the terminal", globals_pickle("os\x1b[2J", "system"), r"os\x1b[2J.system"),
    ("an odd count of objects", b"\x80\x02}r\xff\xff\xff\x7f.", "in an odd way"),
    ("a deep key", b"\x80\x02}" + b")" + b"\x85" * 100_000 + b"K\x01s.", "has the key a tuple"),
    ("an endless key", b"\x80\x02})" + b"q\x01h\x01\x86" * 30 + b"K\x01s.", "the key a tuple"),
    ("sets", b"\x80\x04" + b"\x8f" * 1000 + b".", r"the instruction b'\x8f' is not for arrays"),
    ("objects without an end", b"\x80\x02" + b"}" * (1 << 20) + b".", "too many objects"),
    ("an SNR without a bound", pickle.dumps({("QPSK", 10**60): 1}, 2), "a number is too large"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"), [row[1:] for row in PICKLES], ids=[row[0] for row in PICKLES]
)
def test_pickles(tmp_path, content, message):
    path = tmp_path / "bad.pkl"
    path.write_bytes(content)
    assert message in refused(path)


def dictionaries():
    good = frames(3)
    shared = frames(3)
    yield "no frames", {("QPSK", 2): good[:0]}, "has no frames"
    yield "two lengths", {("QPSK", 2): good, ("QPSK", 4): good[..., :64]}, "mixes frames of 64, 128"
    yield "a key twice", {("QPSK", 2): good, (b"QPSK", 2): frames(3)}, "twice"
    yield "an array twice", {("QPSK", 2): shared, ("QPSK", 4): shared}, "under several keys"
    yield "NaN", {("QPSK", 2): np.full((3, 2, 128), np.nan, np.float32)}, "3 of 3 frames"
    yield "an absurd SNR", {("QPSK", 10**4): good}, "has the key"
    yield "a name that steers", {("QPSK\x1b[2J", 2): good}, r"has the key ('QPSK\x1b[2J', 2)"


@pytest.mark.parametrize(
    ("content", "message"),
    [row[1:] for row in dictionaries()],
    ids=[row[0] for row in dictionaries()],
)
def test_radioml_contents(tmp_path, content, message):
    assert message in refused(save_pickle(tmp_path / "bad.pkl", content, 4))


def test_pickle_that_repeats_its_bytes(tmp_path):
    """Arrays that share one long string would multiply a small file in memory."""
    raw = np.zeros((1000, 2, 128), np.float32)
    parts = []
    for snr_db in range(50):
        piece = python2_pickle({("QPSK", snr_db): raw})[4:-2]
        string = b"T" + struct.pack("<I", raw.nbytes) + raw.tobytes()
        parts.append(piece if snr_db else piece.replace(string, string + b"q\x07"))
        if snr_db:
            parts[-1] = piece.replace(string, b"h\x07")
    path = tmp_path / "bomb.pkl"
    path.write_bytes(b"\x80\x02}(" + b"".join(parts) + b"u.")
    assert path.stat().st_size < 2 * raw.nbytes
    assert "again and again" in refused(path)


def key_twice(store):
    """A pickle that stores the key ('QPSK', 2) twice in a dictionary, as `store` does it."""
    entry = python2_pickle({("QPSK", 2): frames(3)})[4:-2]
    return b"\x80\x02" + store(entry) + b"."


@pytest.mark.parametrize(
    "store",
    [
        lambda entry: b"}(" + entry + entry + b"u",
        lambda entry: b"}" + entry + b"s" + entry + b"s",
        lambda entry: b"}(" + entry + b"u(" + entry + b"u",
        lambda entry: b"(" + entry + entry + b"d",
    ],
    ids=["at once", "one by one", "in two batches", "as it is made"],
)
def test_key_twice(tmp_path, store):
    path = tmp_path / "twice.pkl"
    path.write_bytes(key_twice(store))
    assert len(pickle.loads(path.read_bytes(), encoding="latin1")) == 1  # three frames are lost
    assert "has the key ('QPSK', 2) twice" in refused(path)


def test_memory_stays_bounded(tmp_path):
    """Files that declare gigabytes are refused in a process that may hold little."""
    contents = [
        b"\x80\x02}r\xff\xff\xff\x7f0.",
        array_pickle(data=struct.pack("<I", 2**31 - 1)),
        b"\x80\x04\x8e" + struct.pack("<Q", 2**36) + b"x.",
    ]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents):
        path.write_bytes(content)
    assert memory_growth(*paths) < 100e6
