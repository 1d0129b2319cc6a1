"""HDF5 files of RadioML 2018.01A."""

import zlib

import h5py
import numpy as np

from robust_amc.tests.files import radioml_sets, save_hdf5


def _declared(file, name, shape, chunks=None, packed=False, kind=h5py.h5t.IEEE_F32LE):
    """A set that declares a shape and stores nothing."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunks:
        plan.set_chunk(chunks)
    if packed:
        plan.set_deflate(4)
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(shape), plan)


def cases():
    def with_sets(create, *missing):
        def make(folder):
            path = folder / "x.hdf5"
            save_hdf5(path, **dict.fromkeys(missing or ("X",)))
            with h5py.File(path, "a") as file:
                create(file)
            return path

        return make

    def declares(count, length, chunks=None, packed=False):
        """All three sets of a shape, and nothing in them."""

        def create(file):
            for name, shape in {"X": (count, length, 2), "Y": (count, 24), "Z": (count, 1)}.items():
                own = chunks and tuple(min(a, b) for a, b in zip(chunks, shape))
                _declared(file, name, shape, own, packed)

        return with_sets(create, "X", "Y", "Z")

    def ones(file, count, length):
        """Labels of one class, packed a thousand times smaller, and frames that are not there."""
        options = {"compression": "gzip", "chunks": (1 << 14, 24)}
        found = file.create_dataset("Y", (count, 24), "i8", **options)
        rows = np.zeros((1 << 14, 24), "i8")
        rows[:, 3] = 1
        raw = zlib.compress(rows.tobytes(), 9)
        for start in range(0, count, 1 << 14):
            found.id.write_direct_chunk((start, 0), raw)
        _declared(file, "X", (count, length, 2), kind=h5py.h5t.IEEE_F16LE)
        _declared(file, "Z", (count, 1))

    def bomb(file):
        shape = (1 << 13, 1024, 2)
        found = file.create_dataset("X", shape, "f4", chunks=(1 << 10, 1024, 2), compression="gzip")
        raw = zlib.compress(bytes(1 << 23), 9)
        for start in range(0, 1 << 13, 1 << 10):
            found.id.write_direct_chunk((start, 0, 0), raw)

    for name, make in {
        "declares 2^40 frames": declares(1 << 40, 128),
        "2^24 frames, none written": declares(1 << 24, 16),
        "2^24 frames in chunks, none written": declares(1 << 24, 16, (1 << 12, 16, 2)),
        "2^24 packed frames, none written": declares(1 << 24, 16, (1 << 12, 16, 2), True),
        "long frames, none written": declares(200, 1 << 22, (1, 1 << 16, 2)),
        "chunks of one number": declares(1 << 18, 16, (1, 1, 1)),
        "packed chunks of one number": declares(1 << 18, 16, (1, 1, 1), True),
        "frames of one sample": declares(1 << 22, 1),
        "a few rows that were never written": with_sets(
            lambda file: file.create_dataset("X", (30, 16, 2), "f4", chunks=(7, 16, 2))
        ),
        "text": with_sets(lambda file: file.create_dataset("X", (30, 16, 2), h5py.string_dtype())),
        "ragged": with_sets(lambda f: f.create_dataset("X", (30, 16, 2), h5py.vlen_dtype("f4"))),
        "a link to itself": with_sets(lambda f: f.__setitem__("X", h5py.SoftLink("/X"))),
        "a link outside": with_sets(
            lambda f: f.__setitem__("X", h5py.ExternalLink("/dev/zero", "/X"))
        ),
        "samples in a device": with_sets(
            lambda file: file.create_dataset(
                "X", (30, 16, 2), "f4", external=[("/dev/zero", 0, 3840)]
            )
        ),
        "a group": with_sets(lambda file: file.create_group("X")),
        "an endless group": with_sets(lambda file: file.__setitem__("X", file["/"])),
    }.items():
        yield f".hdf5 {name}", "dataset", make, True
    for name, create, missing in (
        ("a bomb", bomb, ("X",)),
        ("labels as a bomb", lambda file: ones(file, 1 << 22, 1), ("X", "Y", "Z")),
    ):
        yield f".hdf5 {name}", "dataset", with_sets(create, *missing), False
    for row in range(3):
        content = radioml_sets()
        content["Y"][row] = -1
        yield (
            f".hdf5 row {row} of labels of -1",
            "dataset",
            lambda folder, content=content: save_hdf5(folder / "x.hdf5", **content),
            True,
        )
