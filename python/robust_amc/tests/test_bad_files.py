"""Broken and hostile data-set files: one clear line, no code run, no memory taken."""

import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robust_amc import data
from robust_amc.cli import main
from robust_amc.errors import UserError
from robust_amc.tests.files import (
    frames,
    npz_fields,
    python2_pickle,
    radioml_content,
    save_npz,
    save_pickle,
)


def refused(path):
    """The one line with which the reader refuses a file."""
    with pytest.raises(UserError) as error:
        data.read(path)
    line = str(error.value)
    assert "\n" not in line and str(path) in line
    return line


def nan_frames():
    iq = frames(6)
    iq[2, 0, 5], iq[4, 1, 7] = np.nan, np.inf
    return iq


NPZ = [
    ("a field is missing", {"run_id": None}, "lacks run_id"),
    ("an unknown field", {"extra": np.zeros(3)}, "unknown fields extra"),
    ("objects", {"classes": np.array(["BPSK", None], object)}, "objects, which are never loaded"),
    ("objects in iq", {"iq": np.full((6, 2, 128), None)}, "objects, which are never loaded"),
    ("integers", {"iq": np.ones((6, 2, 128), np.int16)}, "real numbers"),
    ("complex", {"iq": np.ones((6, 128), complex)}, "real numbers"),
    ("double precision", {"iq": np.ones((6, 2, 128))}, "float16 or float32"),
    ("two dimensions", {"iq": np.ones((6, 128), np.float32)}, "shape (6, 128)"),
    ("three rows", {"iq": np.ones((6, 3, 128), np.float32)}, "shape (6, 3, 128)"),
    ("too few labels", {"label": np.zeros(5, np.int16)}, "label has the shape (5,)"),
    ("labels of real numbers", {"label": np.zeros(6)}, "whole numbers"),
    ("a label too large", {"label": np.full(6, 2)}, "labels must lie in 0 … 1"),
    ("a negative label", {"label": np.full(6, -1)}, "labels must lie in 0 … 1"),
    ("labels beyond int16", {"label": np.full(6, 70000)}, "label has values outside"),
    ("runs beyond int32", {"run_id": np.full(6, 2**40)}, "run_id has values outside"),
    ("a class twice", {"classes": np.array(["QPSK", "QPSK"])}, "named twice"),
    ("no classes", {"classes": np.array([], "U4")}, "labels must lie in"),
    ("SNR not finite", {"snr_db": np.full(6, np.nan)}, "not finite"),
    ("SNR too large", {"snr_db": np.full(6, 1e300)}, "not finite"),
    ("NaN", {"iq": nan_frames()}, "2 of 6 frames have NaN or infinite samples (frames 2, 4)"),
    ("metadata not JSON", {"metadata": np.array("{")}, "metadata is not a JSON object"),
    ("metadata a list", {"metadata": np.array("[1]")}, "metadata is not a JSON object"),
    ("metadata deep", {"metadata": np.array("[" * 100_000)}, "metadata is not a JSON object"),
    ("metadata bytes", {"metadata": np.array(b"{}")}, "metadata holds |S2"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), [row[1:] for row in NPZ], ids=[r[0] for r in NPZ])
def test_npz_contents(tmp_path, changes, message):
    assert message in refused(save_npz(tmp_path / "bad.npz", **changes))


def test_npz_without_frames(tmp_path):
    path = save_npz(tmp_path / "bad.npz", count=0)
    assert "has no frames" in refused(path)
    path = save_npz(tmp_path / "bad.npz", iq=np.zeros((6, 2, 0), np.float32))
    assert "has no frames" in refused(path)


def test_all_zero_frames_are_data(tmp_path):
    assert len(data.read(save_npz(tmp_path / "z.npz", iq=np.zeros((6, 2, 128), np.float32)))) == 6


def with_header(header, body=b"", method=zipfile.ZIP_STORED):
    """An npz writer whose `iq` has this header text, whatever it holds."""

    def write(path):
        save_npz(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        raw = header.encode().ljust(117) + b"\n"
        members["iq.npy"] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + body
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return write


def header(shape, descr="'<f4'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


HEADERS = [
    ("absurd count", header("(10**13, 2, 128)".replace("10**13", str(10**13)))),
    ("overflowing count", header(f"({2**62}, 2, 128)")),
    ("negative", header("(-1, 2, 128)")),
    ("short body", header("(6, 2, 128)")),
    ("no tuple", header("6")),
    ("an expression", header("__import__('os').getpid()")),
    ("deep", header("(" * 60)),
    ("objects", header("(6, 2, 128)", "'|O'")),
    ("fields", header("(6, 2, 128)", "[('a', '<f4'), ('b', '|O')]")),
    ("no dictionary", "[]"),
    ("nothing", ""),
]  # fmt: skip


@pytest.mark.parametrize("text", [row[1] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_npz_headers(tmp_path, text):
    with_header(text, b"\0" * 100)(tmp_path / "bad.npz")
    refused(tmp_path / "bad.npz")


def test_decompression_bomb(tmp_path):
    count = 200_000  # 205 MB of zeros in 0.2 MB
    path = tmp_path / "bomb.npz"
    with_header(header(f"({count}, 2, 128)"), bytes(count * 1024), zipfile.ZIP_DEFLATED)(path)
    assert "that is no data set" in refused(path)


def test_npz_field_twice(tmp_path):
    path = save_npz(tmp_path / "twice.npz")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("iq.npy", b"")
    assert "a field twice" in refused(path)


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
        ("robust_amc.data.radioml", "_Array"), ("torch", "load"),
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
    ("a state for a function", b"\x80\x02cnumpy.core.multiarray\nscalar\n}U\x01aK\x01sb.",
     "no array"),
    ("an object made", b"\x80\x02cnumpy\ndtype\n)\x81.", "not a sound RadioML pickle"),
    ("an extension code", b"\x80\x02\x82\x01.", "not a sound RadioML pickle"),
    ("a persistent id", b"\x80\x02K\x01Q.", "not a sound RadioML pickle"),
    ("an unknown protocol", b"\x80\x63}.", "not a sound RadioML pickle"),
    ("an unknown opcode", b"\x80\x02\xff.", "not a sound RadioML pickle"),
    ("nothing on the stack", b"\x80\x02.", "not a sound RadioML pickle"),
    ("a list", pickle.dumps([1], 2), "holds a list"),
    ("an empty dictionary", pickle.dumps({}, 2), "has no frames"),
    ("a key of one", pickle.dumps({"QPSK": 1}, 2), "has the key 'QPSK'"),
    ("an SNR as text", pickle.dumps({("QPSK", "2"): 1}, 2), "has the key"),
    ("a value of another type", pickle.dumps({("QPSK", 2): [1, 2]}, 2), "has list"),
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
    yield "double precision", {("QPSK", 2): good.astype(float)}, "is float64"
    yield "no frames", {("QPSK", 2): good[:0]}, "has no frames"
    yield "two lengths", {("QPSK", 2): good, ("QPSK", 4): good[..., :64]}, "mixes frames of 64, 128"
    yield "a key twice", {("QPSK", 2): good, (b"QPSK", 2): frames(3)}, "twice"
    yield "an array twice", {("QPSK", 2): shared, ("QPSK", 4): shared}, "under several keys"
    yield "NaN", {("QPSK", 2): np.full((3, 2, 128), np.nan, np.float32)}, "3 of 3 frames"
    yield "an absurd SNR", {("QPSK", 10**400): good}, "has the key"


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


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of sound files, by the kind of file."""
    folder = tmp_path_factory.mktemp("sound")
    np.savez_compressed(folder / "set.npz", **npz_fields())
    return {
        "stored": save_npz(folder / "stored.npz").read_bytes(),
        "compressed": (folder / "set.npz").read_bytes(),
        "python 2": python2_pickle(radioml_content()),
        "protocol 4": pickle.dumps(radioml_content(), 4),
    }


KINDS = ["stored", "compressed", "python 2", "protocol 4"]


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(tmp_path, sound, kind):
    content = sound[kind]
    path = tmp_path / "short"
    for length in [0, 1, 2, 10, 100, *range(200, len(content), len(content) // 25),
                   len(content) - 1]:  # fmt: skip
        path.write_bytes(content[:length])
        refused(path)


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_changed_bytes(tmp_path, sound, kind, changes):
    """Any change is refused with a clear line, or leaves a data set that is whole."""
    content = bytearray(sound[kind])
    for where, value in changes:
        # Half of the changes to where the structure is: the first 400 and the last 700 bytes
        edge = 400 - int(where * 2 * 1100)
        content[edge if where < 0.5 else int((where - 0.5) * 2 * (len(content) - 1))] = value
    path = tmp_path / "changed"
    path.write_bytes(content)
    try:
        dataset = data.read(path)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(dataset.iq).all() and len(dataset)


OTHER = [
    ("text", b"hello, world", "neither an .npz nor a RadioML pickle"),
    ("empty", b"", "is empty"),
    ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    ("an archive of something else", None, "lacks iq"),
]


@pytest.mark.parametrize(("content", "message"), [r[1:] for r in OTHER], ids=[r[0] for r in OTHER])
def test_other_files(tmp_path, content, message):
    path = tmp_path / "other"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README", "hello")
    else:
        path.write_bytes(content)
    assert message in refused(path)


def test_missing_file_and_folder(tmp_path):
    assert "there is no file" in refused(tmp_path / "missing.npz")
    assert "cannot read" in refused(tmp_path)


def test_memory_stays_bounded(tmp_path):
    """Files that declare terabytes are refused in a process that may hold little."""
    with_header(header(f"({10**10}, 2, 128)"), b"\0" * 100)(tmp_path / "a.npz")
    for name, content in (
        ("b.pkl", b"\x80\x02}r\xff\xff\xff\x7f0."),
        ("c.pkl", array_pickle(data=struct.pack("<I", 2**31 - 1))),
        ("d.pkl", b"\x80\x04\x8e" + struct.pack("<Q", 2**36) + b"x."),
    ):
        (tmp_path / name).write_bytes(content)
    script = """
import resource, sys
from robust_amc import data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        data.read(path)
    except ValueError:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    paths = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, timeout=60
    )
    growth = [int(line) for line in done.stdout.split()]
    assert len(growth) == 4, done.stderr
    unit = 1024 if sys.platform != "darwin" else 1
    assert max(growth) * unit < 100e6


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "missing.npz"],
        ["generate", "out.pkl"],
        ["generate", "no/such/folder/out.npz"],
        ["generate", "out.npz", "--snr", "1,x"],
        ["generate", "out.npz", "--classes", "BPSK,,QPSK"],
    ],
)
def test_command_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", *arguments])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_generate_does_not_overwrite(tmp_path, capsys):
    path = tmp_path / "out.npz"
    path.write_bytes(b"precious")
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "generate", str(path)])
    assert stopped.value.code == 2 and "exists already" in capsys.readouterr().err
    assert path.read_bytes() == b"precious"
