"""Broken and hostile `.npz` files: one clear line, no object loaded, no memory taken."""

import struct
import zipfile

import numpy as np
import pytest

from robust_amc import data
from robust_amc.tests.files import frames, memory_growth, refused, save_npz


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
    assert "that is not a data set" in refused(path)


def test_npz_field_twice(tmp_path):
    path = save_npz(tmp_path / "twice.npz")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("iq.npy", b"")
    assert "a field twice" in refused(path)


def test_memory_stays_bounded(tmp_path):
    """A file that declares terabytes is refused in a process that may hold little."""
    path = tmp_path / "bad.npz"
    with_header(header(f"({10**10}, 2, 128)"), b"\0" * 100)(path)
    assert memory_growth(path) < 100e6
