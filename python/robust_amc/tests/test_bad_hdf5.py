"""Broken and hostile HDF5 files: one clear line, no other file opened, no memory taken."""

import os
import zlib

import h5py
import numpy as np
import pytest

from robust_amc import data
from robust_amc.errors import UserError
from robust_amc.tests.files import (
    frames,
    memory_growth,
    radioml_sets,
    refused,
    run_python,
    save_hdf5,
)

SETS = radioml_sets()
FORM = "a RadioML 2018.01A file holds X float32 [n, length, 2]"


def changed(name, row, column, value):
    """A set with one value changed."""
    values = SETS[name].astype(float)
    values[row, column] = value
    return {name: values}


def compound(name):
    return {name: np.zeros(SETS[name].shape, [("real", "f4"), ("imag", "f4")])}


CONTENTS = [
    ("X is missing", {"X": None}, f"the set X is missing; {FORM}"),
    ("Y is missing", {"Y": None}, "the set Y is missing"),
    ("Z is missing", {"Z": None}, "the set Z is missing"),
    ("I and Q first", {"X": frames(30)}, "X has the shape (30, 2, 128)"),
    ("X flat", {"X": np.zeros((30, 32), "f4")}, "X has the shape (30, 32)"),
    ("X a number", {"X": np.float32(1)}, "X has the shape ()"),
    ("X empty", {"X": h5py.Empty("f4")}, "X has the shape ()"),
    ("fewer rows in Y", {"Y": SETS["Y"][:-1]}, "Y has the shape (29, 24)"),
    ("more rows in Z", {"Z": np.zeros((31, 1))}, "Z has the shape (31, 1)"),
    ("23 columns", {"Y": SETS["Y"][:, :23]}, "Y does not mark one class in frame 17"),
    ("Y as numbers of classes", {"Y": SETS["Y"].argmax(1)}, "Y has the shape (30,)"),
    ("Z of one more", {"Z": np.zeros(31)}, "Z has the shape (31,)"),
    ("Z of two columns", {"Z": np.zeros((30, 2))}, "Z has the shape (30, 2)"),
    ("integers", {"X": SETS["X"].astype("i2")}, "X holds int16"),
    ("complex", {"X": SETS["X"].astype(complex)}, "X holds complex128"),
    ("compound", compound("X"), "X holds [('real'"),
    ("strings", {"Y": np.full((30, 24), b"1")}, "Y holds |S1"),
    ("opaque", {"Z": np.full((30, 1), b"1", "V1")}, "Z holds |V1"),
    ("no class", changed("Y", 7, slice(None), 0), "Y does not mark one class in frame 7"),
    ("two classes", changed("Y", 29, slice(0, 24, 23), 1), "one class in frame 29"),
    ("a two", changed("Y", 3, slice(None), 2), "one class in frame 3"),
    ("a half beside the one", changed("Y", 4, 0, 0.5), "one class in frame 4"),
    ("NaN in Y", changed("Y", 2, 5, np.nan), "one class in frame 2"),
    ("NaN in Z", changed("Z", 2, 0, np.nan), "not finite"),
    ("infinity in Z", changed("Z", 2, 0, np.inf), "not finite"),
    ("Z too large", changed("Z", 2, 0, 1e300), "not finite"),
    ("no frames", {name: values[:0] for name, values in SETS.items()}, "the file has no frames"),
    ("no samples", {"X": np.zeros((30, 0, 2), "f4")}, "the file has no frames"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS]
)
def test_contents(tmp_path, changes, message):
    assert message in refused(save_hdf5(tmp_path / "bad.hdf5", **changes))


@pytest.fixture
def rebuilt(tmp_path):
    """Makes a file whose set X is what a function creates in the open file."""

    def make(create):
        path = save_hdf5(tmp_path / "bad.hdf5", X=None)
        with h5py.File(path, "a") as file:
            create(file)
        return path

    return make


def ragged(file):
    file.create_dataset("X", (30, 16, 2), h5py.vlen_dtype(np.float32))


def text(file):
    file.create_dataset("X", (30, 16, 2), h5py.string_dtype())


def references(file):
    file.create_dataset("X", (30, 16, 2), h5py.ref_dtype)


def odd_floats(file):
    """Numbers that NumPy calls float32 and that are none: another bias of the exponent."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    h5py.h5d.create(file.id, b"X", kind, h5py.h5s.create_simple((30, 16, 2)))


def group(file):
    file.create_group("X")


def named_type(file):
    file["X"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (ragged, "X holds objects"),
        (text, "X holds objects"),
        (references, "X holds objects"),
        (odd_floats, "X holds numbers of an unusual layout"),
        (group, "X is not a set of numbers"),
        (named_type, "X is not a set of numbers"),
    ],
)
def test_other_things_than_numbers(rebuilt, create, message):
    assert message in refused(rebuilt(create))


@pytest.fixture
def secret(tmp_path):
    """A sound file, and a raw one, that no other file may make the reader open."""
    save_hdf5(tmp_path / "secret.hdf5")
    (tmp_path / "secret.bin").write_bytes(SETS["X"].tobytes())
    return tmp_path / "secret.hdf5", tmp_path / "secret.bin"


def test_links_are_not_followed(rebuilt, secret):
    def external(file):
        file["X"] = h5py.ExternalLink(str(secret[0]), "/X")

    def soft(file):
        file["elsewhere"] = h5py.ExternalLink(str(secret[0]), "/")
        file["X"] = h5py.SoftLink("/elsewhere/X")

    def dangling(file):
        file["X"] = h5py.SoftLink("/nothing")

    for create in (external, soft, dangling):
        path = rebuilt(create)
        if create is not dangling:
            with h5py.File(path) as file:  # the trap itself works
                np.testing.assert_array_equal(file["X"][:], SETS["X"])
        assert "X is a link to somewhere else" in refused(path)


def test_storage_in_other_files(rebuilt, secret):
    def external(file):
        files = [(str(secret[1]), 0, SETS["X"].nbytes)]
        file.create_dataset("X", (30, 16, 2), "f4", external=files)

    def virtual(file, most=(30, 16, 2)):
        layout = h5py.VirtualLayout((30, 16, 2), "f4", maxshape=most)
        layout[:] = h5py.VirtualSource(str(secret[0]), "X", (30, 16, 2))
        file.create_virtual_dataset("X", layout)

    for create in (external, virtual):
        path = rebuilt(create)
        with h5py.File(path) as file:
            np.testing.assert_array_equal(file["X"][:], SETS["X"])
        assert "X lies in other files, which are not opened" in refused(path)


REFUSE = """
import sys
from robust_amc import data
from robust_amc.errors import UserError
try:
    data.read(sys.argv[1])
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_sources_of_a_growing_virtual_set(rebuilt, tmp_path):
    """To find its shape libhdf5 opens the sources; opening this one would never end."""
    os.mkfifo(tmp_path / "pipe")

    def create(file):
        most = (None, 16, 2)
        layout = h5py.VirtualLayout((30, 16, 2), "f4", maxshape=most)
        source = h5py.VirtualSource(str(tmp_path / "pipe"), "X", (30, 16, 2), maxshape=most)
        layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file.create_virtual_dataset("X", layout)

    assert "X lies in other files" in run_python(REFUSE, rebuilt(create))


def declared(file, name, shape, chunks=None):
    """A set that declares a shape and stores nothing."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunks:
        plan.set_chunk(chunks)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F32LE, space, plan)


@pytest.mark.parametrize("shape", [(2**40, 1024, 2), (1, 2**42, 2)])
@pytest.mark.parametrize("chunks", [None, (1, 16, 2)])
def test_absurd_sizes(rebuilt, shape, chunks):
    path = rebuilt(lambda file: declared(file, "X", shape, chunks))
    assert "X declares" in refused(path)


def test_absurd_number_of_labels(tmp_path):
    """Frames of no samples would let any number of labels fit."""
    path = save_hdf5(tmp_path / "bad.hdf5", X=None, Y=None, Z=None)
    with h5py.File(path, "a") as file:
        for name, shape in {"X": (2**40, 0, 2), "Y": (2**40, 24), "Z": (2**40, 1)}.items():
            declared(file, name, shape)
    assert "X declares" in refused(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compression": "lzf"}, "compressed in another way than gzip"),
        ({"fletcher32": True}, "compressed in another way than gzip"),
        ({"scaleoffset": 4}, "compressed in another way than gzip"),
        ({"compression": 32001, "allow_unknown_filter": True}, "compressed in another way"),
        ({"compression": 300, "allow_unknown_filter": True}, "compressed in another way"),
    ],
)
def test_other_filters(rebuilt, options, message):
    def create(file):
        file.create_dataset("X", (30, 16, 2), "f4", chunks=(7, 16, 2), **options)

    assert message in refused(rebuilt(create))


def test_huge_chunks(rebuilt):
    def create(file):
        shape = (3 << 14, 256, 2)
        file.create_dataset("X", shape, "f4", chunks=shape, compression="gzip")

    path = rebuilt(create)
    with open(path, "ab") as file:
        file.truncate(10_000_000)  # so that the size is not absurd
    assert "X has chunks over 64 MiB" in refused(path)


def packed_chunk(path, packed, skipped=0, shape=(30, 16, 2)):
    """A file whose only chunk of X is these bytes."""
    save_hdf5(path, **radioml_sets(shape[0]) | {"X": None})
    with h5py.File(path, "a") as file:
        found = file.create_dataset("X", shape, "f4", chunks=shape, compression="gzip")
        found.id.write_direct_chunk((0, 0, 0), packed, skipped)
    return path


@pytest.mark.parametrize(
    ("packed", "skipped"),
    [
        (zlib.compress(bytes(3839)), 0),
        (zlib.compress(bytes(3841)), 0),
        (zlib.compress(bytes(3840))[:-5], 0),
        (bytes(100), 0),
        (bytes(3839), 1),
        (bytes(9000), 1),
    ],
    ids=["too few", "too many", "cut short", "no gzip", "too few, plain", "too many, plain"],
)
def test_bad_chunks(tmp_path, packed, skipped):
    dataset = data.read(packed_chunk(tmp_path / "bad.hdf5", packed, skipped))
    with pytest.raises(UserError, match=r"bad.hdf5 is damaged \(.*(chunk|decompress).*\); copy"):
        dataset.in_memory()


def test_plain_chunk_in_a_packed_set(tmp_path):
    path = packed_chunk(tmp_path / "good.hdf5", SETS["X"].tobytes(), 1)
    np.testing.assert_array_equal(data.read(path).iq[:], SETS["X"].swapaxes(1, 2))


def bomb(size):
    """Zeros, packed a thousand times smaller."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


def test_decompression_bomb(tmp_path):
    """A quarter of a gigabyte, packed into chunks that declare 8 MB and 4 kB."""
    packed = bomb(1 << 28)
    large = packed_chunk(tmp_path / "large.hdf5", packed, shape=(1024, 1024, 2))
    small = packed_chunk(tmp_path / "small.hdf5", packed)
    assert memory_growth(large, small) < 100e6


def test_nan_frames_are_named_when_they_are_read(tmp_path):
    samples = SETS["X"].copy()
    samples[3, 0, 0], samples[17, 5, 1] = np.nan, np.inf
    dataset = data.read(save_hdf5(tmp_path / "nan.hdf5", X=samples))
    with pytest.raises(UserError, match=r"2 of 30 frames have NaN .* \(frames 3, 17\)"):
        dataset.in_memory()
    pieces = dataset.chunks(10)
    next(iter(dataset.subset(slice(4, 17)).chunks(10)))  # others are read all the same
    with pytest.raises(UserError, match=r"1 of 10 frames have NaN .* \(frames 3\)"):
        next(pieces)
