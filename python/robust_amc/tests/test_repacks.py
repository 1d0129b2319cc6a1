"""Harmless re-packs of public data sets, parts of them, and arrays of frames."""

import io
import pickle
import struct
import tarfile
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from robust_amc import data
from robust_amc.cli import main
from robust_amc.data.formats.base import RawFacts
from robust_amc.errors import UserError
from robust_amc.tests.files import (
    frames,
    memory_growth,
    radioml_content,
    radioml_sets,
    refused,
    save_hdf5,
    save_npz,
    save_pickle,
)
from robust_amc.tests.test_readers import check_radioml
from robust_amc.tests.wav_files import PCM, chunk, form, wav

FACTS = RawFacts(modulation="QPSK", snr_db=10)


def to_complex(iq):
    return iq[:, 0] + 1j * iq[:, 1]


REPACKS = {
    "double precision": (lambda key: key, lambda iq: iq.astype(float)),
    "complex": (lambda key: key, lambda iq: to_complex(iq).astype(np.complex64)),
    "complex of double precision": (lambda key: key, lambda iq: to_complex(iq.astype(float))),
    "I and Q last": (lambda key: key, lambda iq: iq.swapaxes(1, 2)),
    "names of NumPy": (lambda key: (np.str_(key[0]), key[1]), lambda iq: iq),
    "bytes of NumPy": (lambda key: (np.bytes_(key[0].encode()), key[1]), lambda iq: iq),
    "real labels": (lambda key: (key[0], float(key[1])), lambda iq: iq),
    "real labels of NumPy": (lambda key: (key[0], np.float64(key[1])), lambda iq: iq),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(("key_of", "value_of"), REPACKS.values(), ids=REPACKS)
def test_harmless_repacks(tmp_path, key_of, value_of, protocol):
    content = radioml_content()
    packed = {key_of(key): value_of(iq) for key, iq in content.items()}
    check_radioml(data.read(save_pickle(tmp_path / "a.pkl", packed, protocol)), content)


def test_half_precision(tmp_path):
    content = {key: iq.astype(np.float16) for key, iq in radioml_content().items()}
    expected = {key: iq.astype(np.float32) for key, iq in content.items()}
    check_radioml(data.read(save_pickle(tmp_path / "a.pkl", content, 4)), expected)


BAD_PICKLES = {
    "half a label": ({("QPSK", 0.5): frames(3)}, "has the key"),
    "a label that is not finite": ({("QPSK", float("inf")): frames(3)}, "has the key"),
    "beyond single precision": ({("QPSK", 2): np.full((3, 2, 128), 1e300)}, "3 of 3 frames"),
    "integers": ({("QPSK", 2): np.ones((3, 2, 128), np.int16)}, "is int16"),
    "complex of three dimensions": ({("QPSK", 2): np.ones((3, 2, 9), "c8")}, "the shape (3, 2, 9)"),
    "text": ({("QPSK", 2): np.array(["x"] * 6)}, "is <U1"),
    "a name of 101 characters": ({(np.str_("x" * 101), 2): frames(3)}, "of type 'U101'"),
    "labels that are one": ({("QPSK", 2): frames(3), ("QPSK", 2.5 - 0.5): frames(1)}, ""),
}


@pytest.mark.parametrize(("content", "message"), BAD_PICKLES.values(), ids=BAD_PICKLES)
def test_what_is_no_repack(tmp_path, content, message):
    path = save_pickle(tmp_path / "bad.pkl", content, 4)
    if message:
        assert message in refused(path)
    else:  # Python takes 2 and 2.0 for the same key already
        assert len(data.read(path)) == 1


# Parts of RadioML 2018.01A


def part_of_2018(path, columns=6, flat=True, **changes):
    content = radioml_sets()
    label = np.arange(30) % columns
    content |= {"Y": np.eye(columns, dtype=np.int64)[label]}
    if flat:
        content["Z"] = content["Z"][:, 0]
    return save_hdf5(path, **content | changes), content


@pytest.mark.parametrize("options", [None, {"compression": "gzip"}])
@pytest.mark.parametrize("columns", [6, 24])
def test_parts_of_2018(tmp_path, columns, options, caplog):
    path, content = part_of_2018(
        tmp_path / "a.hdf5", columns, chunk_rows=options and 7, options=options
    )
    found = data.read(path)
    np.testing.assert_array_equal(found.in_memory().iq, content["X"].swapaxes(1, 2))
    np.testing.assert_array_equal(found.label, content["Y"].argmax(1))
    np.testing.assert_array_equal(found.snr_db, content["Z"])
    if columns == 24:
        assert found.classes[0] == "OOK" and not caplog.text
    else:
        assert found.classes == tuple(f"class {each}" for each in range(6))
        assert "--class-names" in caplog.text


def test_names_of_the_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    part_of_2018(tmp_path / "a.hdf5")
    names = ("OOK", "4ASK", "BPSK", "QPSK", "8PSK", "FM")
    found = data.read("a.hdf5", raw_facts=RawFacts(class_names=names))
    assert found.classes == names
    with pytest.raises(SystemExit) as end:
        main(["dataset", "convert", "a.hdf5", "b.npz", "--class-names", ",".join(names)])
    assert end.value.code == 0 and data.read("b.npz").classes == names
    with pytest.raises(UserError, match="Y has 6 columns, but 2 class names"):
        data.read("a.hdf5", raw_facts=RawFacts(class_names=("a", "b")))
    with pytest.raises(UserError, match="named twice"):
        data.read("a.hdf5", raw_facts=RawFacts(class_names=("a", "b") * 3))
    with pytest.raises(UserError, match="says itself"):
        data.read(save_npz(tmp_path / "c.npz"), raw_facts=RawFacts(class_names=names))


def test_double_precision_of_2018(tmp_path):
    content = radioml_sets()
    path = save_hdf5(tmp_path / "a.hdf5", X=content["X"].astype(float))
    found = data.read(path)
    assert found.iq.dtype == np.float32
    np.testing.assert_array_equal(found.iq[[4, 2]], content["X"].swapaxes(1, 2)[[4, 2]])


def test_absurd_columns(tmp_path):
    for y in (np.zeros((30, 1001)), np.zeros((30, 6, 1)), np.float32(1)):
        assert "Y has the shape" in refused(part_of_2018(tmp_path / "bad.hdf5", Y=y)[0])
    path = tmp_path / "empty.hdf5"
    with h5py.File(save_hdf5(path, Y=None), "a") as file:
        file["Y"] = h5py.Empty("f4")
    assert "Y has the shape ()" in refused(path)


# Arrays


def save_npy(path, array):
    np.save(path, array)
    return path


def save_mat(path, array, compressed=True, **more):
    scipy.io.savemat(path, {"iq": array} | more, do_compression=compressed)
    return path


WAYS = {
    "npy": save_npy,
    "mat": save_mat,
    "mat, plain": lambda path, array: save_mat(path, array, False),
}


@pytest.mark.parametrize("save", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", ["c8", "c16", "f4", "f8"])
def test_arrays_of_frames(tmp_path, save, kind):
    iq = frames(20, length=100)
    array = (to_complex(iq) if kind[0] == "c" else iq).astype(kind)
    for each in (array, np.asfortranarray(array)):
        path = save(tmp_path / f"a{'.npy' if save is save_npy else '.mat'}", each)
        found = data.read(path, raw_facts=RawFacts(200e3, "QPSK", 10))
        np.testing.assert_array_equal(found.iq, iq)
        assert found.classes == ("QPSK",) and set(found.snr_db) == {10}
        assert len(set(found.run_id)) == 20 and found.sample_rate_hz == 200e3
        assert data.read(path, 50, FACTS).iq.shape == (40, 2, 50)


@pytest.mark.parametrize("shape", [(1000,), (1, 1000), (1000, 1)])
@pytest.mark.parametrize("save", WAYS.values(), ids=WAYS)
def test_samples_of_a_recording(tmp_path, save, shape):
    samples = to_complex(frames(10, length=100)).astype("c8").reshape(shape)
    path = save(tmp_path / f"a{'.npy' if save is save_npy else '.mat'}", samples)
    found = data.read(path, raw_facts=FACTS)
    assert found.iq.shape == (7, 2, 128) and set(found.run_id) == {0} and found.received
    np.testing.assert_array_equal(to_complex(found.iq).ravel(), samples.ravel()[:896])


def test_other_variables_of_a_mat_file(tmp_path):
    iq = to_complex(frames(5))
    more = {"rate": 200e3, "name": "QPSK", "settings": {"a": [1, 2]}, "cells": [1, "x"],
            "taps": np.ones(9), "table": np.ones((4, 4))}  # fmt: skip
    found = data.read(save_mat(tmp_path / "a.mat", iq, **more), raw_facts=FACTS)
    np.testing.assert_array_equal(to_complex(found.iq), iq.astype("c8"))
    assert found.metadata["array"] == "iq"
    with pytest.raises(UserError, match=r"has 2 arrays of frames \('iq', 'other'\), not one"):
        data.read(save_mat(tmp_path / "b.mat", iq, other=iq), raw_facts=FACTS)
    with pytest.raises(UserError, match="has 0 arrays of frames, not one: complex frames"):
        data.read(save_mat(tmp_path / "c.mat", np.ones((3, 4))), raw_facts=FACTS)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((3, 4, 5), "c8"), "it must hold complex frames"),
        (np.ones((3, 4)), "it must hold complex frames"),
        (np.ones((3, 2, 4), np.int16), "it must hold complex frames"),
        (np.ones((0, 128), "c8"), "the file has no frames"),
        (np.full((3, 128), 1e300 + 0j), "3 of 3 frames have NaN"),
        (np.ones(50, "c8"), "the file has no frames"),
        (np.array([None]), "not a sound .npy file"),
        (np.ones(3, [("a", "f4")]), "it must hold complex frames"),
    ],
)
def test_arrays_of_another_form(tmp_path, array, message):
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(UserError) as error:
        data.read(path, raw_facts=FACTS)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_an_array_does_not_say_what_it_is(tmp_path):
    path = save_npy(tmp_path / "a.npy", to_complex(frames(3)))
    with pytest.raises(UserError, match="convert it and give --modulation, --label-snr:"):
        data.read(path)


def header(shape, descr="<c8", version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        header((10**12, 128)), header((-1, 128)), header((2**62, 2**62)), header("(", "<c8"),
        header("(" * 1000), header(("a",)), header((3, 128), "O"), header((3, 128), "V999999999"),
        header((3, 128))[:20], b"\x93NUMPY\x09\x00", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f",
    ],
)  # fmt: skip
def test_hostile_npy_headers(tmp_path, content):
    path = tmp_path / "bad.npy"
    path.write_bytes(content + bytes(100))
    with pytest.raises(UserError) as error:
        data.read(path, raw_facts=FACTS)
    assert "\n" not in str(error.value) and "bad.npy" in str(error.value)


START = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data


def matrix(flags, dims, real, imag=b"", name=b"iq"):
    """A numeric matrix, each part a whole element of doubles."""
    parts = struct.pack("<II", flags, 0), struct.pack(f"<{len(dims)}i", *dims), name.ljust(8, b"\0")
    content = element(6, parts[0]) + element(5, parts[1]).ljust(16 + 8 * (len(dims) > 2), b"\0")
    content += struct.pack("<II", 1, len(name)) + parts[2]
    return element(14, content + element(9, real) + (element(9, imag) if imag else b""))


COMPLEX_DOUBLE = 0x0800 | 6


def test_a_matrix_by_hand(tmp_path):
    path = tmp_path / "a.mat"
    values = np.arange(512.0).reshape(128, 4)
    body = matrix(COMPLEX_DOUBLE, (4, 128), values.tobytes(), (-values).tobytes())
    path.write_bytes(START + element(15, zlib.compress(body)))
    found = data.read(path, raw_facts=FACTS)
    np.testing.assert_array_equal(found.iq[:, 0], values.T)
    np.testing.assert_array_equal(found.iq[:, 1], -values.T)


BOMB = zlib.compress(bytes(1 << 28))
BAD_MAT = {
    "a bomb": (element(15, BOMB), "expands to far more"),
    "bombs one after the other": (element(15, zlib.compress(bytes(1 << 25))) * 5, "expands"),
    "many arrays": (matrix(6, (1, 1), bytes(8)) * 1001, "more than 1000 arrays"),
    "cut": (matrix(6, (1, 1), bytes(8))[:-1], "cut short"),
    "no zlib": (element(15, b"x" * 50), "not a sound .mat file"),
    "little zlib": (element(15, zlib.compress(b"x")), "has 0 arrays"),
    "absurd dimensions": (matrix(COMPLEX_DOUBLE, (2**30, 2**30), bytes(64), bytes(64)), "sound"),
    "negative dimensions": (matrix(COMPLEX_DOUBLE, (-1, -8), bytes(64), bytes(64)), "sound"),
    "no imaginary part": (matrix(COMPLEX_DOUBLE, (1, 8), bytes(64)), "sound"),
    "an absurd part": (
        matrix(COMPLEX_DOUBLE, (1, 8), bytes(64))[:-72]
        + struct.pack("<II", 9, 2**31) + bytes(64), "cut short",
    ),
    "nothing": (b"", "has 0 arrays"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BAD_MAT.values(), ids=BAD_MAT)
def test_hostile_mat_files(tmp_path, content, message):
    path = tmp_path / "bad.mat"
    path.write_bytes(START + content)
    with pytest.raises(UserError) as error:
        data.read(path, raw_facts=FACTS)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_declared_sizes_take_no_memory(tmp_path):
    """Of arrays, WAV files and archives, in one process."""
    long = chunk(b"ds64", struct.pack("<QQQI", 2**62, 2**62, 2**62, 0))
    member = tarfile.TarInfo("r.sigmf-meta")
    member.size = 1 << 32
    files = {
        "bomb.mat": START + element(15, BOMB) * 10,
        "large.npy": header((10**9, 128)) + bytes(100),
        "large.wav": wav(long, form(PCM, 2, 0, 16), chunk(b"data", bytes(64), 0xFFFFFFFF)),
        "many.wav": wav(form(PCM, 2, 48_000, 16), chunk(b"data", b"") * 10_000),
        "large.sigmf": member.tobuf(tarfile.GNU_FORMAT) + bytes(512),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert memory_growth(*(tmp_path / name for name in files)) < 500e6


def test_mat_files_of_version_7_3(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    assert "'-v7'" in refused(path)


def test_any_bytes_after_the_start_of_a_mat_file(tmp_path):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"iq": to_complex(frames(3, length=16))})
    sound = buffer.getvalue()
    for _ in range(60):
        bad = bytearray(sound)
        for at in rng.integers(126, 300, rng.integers(1, 4)):
            bad[at] = rng.integers(256)
        (tmp_path / "a.mat").write_bytes(bad)
        try:
            data.read(tmp_path / "a.mat", raw_facts=FACTS)
        except UserError as error:
            assert "\n" not in str(error)


def test_pickles_of_the_tests_are_what_they_are():
    """Of NumPy's own types indeed, which a plain reader sees too."""
    key = pickle.loads(pickle.dumps((np.str_("QPSK"), np.float64(2))))
    assert type(key[0]) is np.str_ and type(key[1]) is np.float64
