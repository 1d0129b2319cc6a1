"""RadioML 2018.01A files, read a piece at a time."""

import multiprocessing
import os
import pickle

import h5py
import numpy as np
import pytest

from robust_amc import data
from robust_amc.data.formats import hdf5_sets, radioml_hdf5
from robust_amc.data.summary import summary
from robust_amc.errors import UserError
from robust_amc.tests.files import PEAK, frames, radioml_sets, run_python, save_hdf5

GZIP = {"compression": "gzip"}
STORED = {
    "contiguous": {},
    "chunks": {"chunk_rows": 7},
    "one row a chunk": {"chunk_rows": 1, "options": GZIP},
    "gzip": {"chunk_rows": 7, "options": GZIP},
    "shuffle": {"chunk_rows": 7, "options": {"shuffle": True}},
    "shuffle and gzip": {"chunk_rows": 7, "options": GZIP | {"shuffle": True}},
    "gzip, h5py's chunks": {"options": GZIP},
    "latest": {"libver": "latest", "chunk_rows": 7, "options": GZIP},
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2"])
def test_content(tmp_path, stored, dtype):
    content = radioml_sets()
    content["X"] = content["X"].astype(dtype)
    path = save_hdf5(tmp_path / "any name", **stored, **content)
    dataset = data.read(path)
    assert dataset.is_lazy and dataset.iq.shape == (30, 2, 16)
    assert dataset.iq.dtype.isnative and dataset.iq.dtype == content["X"].dtype.newbyteorder("=")
    np.testing.assert_array_equal(dataset.in_memory().iq, content["X"].swapaxes(1, 2))
    np.testing.assert_array_equal(dataset.label, content["Y"].argmax(1))
    np.testing.assert_array_equal(dataset.snr_db, content["Z"][:, 0])
    assert [dataset.label.dtype, dataset.snr_db.dtype, dataset.run_id.dtype] == ["i2", "f4", "i4"]
    assert len(set(dataset.run_id)) == 30


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_rows_in_any_order(tmp_path, stored):
    content = radioml_sets(500)
    iq = data.read(save_hdf5(tmp_path / "set.hdf5", **stored, **content)).iq
    whole = content["X"].swapaxes(1, 2)
    rng = np.random.default_rng(0)
    for rows in ([3], [499, 0], [5, 5, 4, 5], rng.permutation(500), rng.integers(0, 500, 90), []):
        rows = np.asarray(rows, int)
        np.testing.assert_array_equal(iq[rows], whole[rows])
    np.testing.assert_array_equal(iq[::-3], whole[::-3])
    np.testing.assert_array_equal(iq[-1], whole[-1])


def test_classes(tmp_path):
    """The order of the publication, not that of the classes.txt beside the file."""
    dataset = data.read(save_hdf5(tmp_path / "set.hdf5"))
    assert len(dataset.classes) == len(set(dataset.classes)) == 24
    numbered = {0: "OOK", 3: "BPSK", 4: "QPSK", 8: "16APSK", 12: "16QAM", 17: "AM-SSB-WC",
                19: "AM-DSB-WC", 21: "FM", 22: "GMSK", 23: "OQPSK"}  # fmt: skip
    assert {number: dataset.classes[number] for number in numbered} == numbered
    assert dataset.metadata["source"] == "set.hdf5"
    assert "run of its own" in dataset.metadata["run_id"]
    assert "classes.txt" in dataset.metadata["classes"]


def test_labels_of_other_number_types(tmp_path):
    content = radioml_sets()
    for dtype in (bool, np.uint8, np.float64):
        path = save_hdf5(tmp_path / "set.hdf5", Y=content["Y"].astype(dtype), Z=content["Z"] + 0.5)
        dataset = data.read(path)
        np.testing.assert_array_equal(dataset.label, content["Y"].argmax(1))
        np.testing.assert_array_equal(dataset.snr_db, content["Z"][:, 0] + 0.5)


def test_labels_over_many_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(radioml_hdf5, "_ROWS", 8)
    content = radioml_sets(100)
    dataset = data.read(save_hdf5(tmp_path / "set.hdf5", chunk_rows=7, options=GZIP, **content))
    np.testing.assert_array_equal(dataset.label, content["Y"].argmax(1))
    np.testing.assert_array_equal(dataset.snr_db, content["Z"][:, 0])


def test_summary(tmp_path):
    content = radioml_sets(48)
    content["Z"][:] = 2
    facts = summary(data.read(save_hdf5(tmp_path / "set.hdf5", **content)))
    assert facts["frames"] == 48 and facts["frame_length"] == 16 and facts["runs"] == 48
    assert set(facts["counts"]) == set(radioml_hdf5.CLASSES)
    assert all(counts == {"2": 2} for counts in facts["counts"].values())
    assert facts["authentic_rml2016_10a"] is False


def test_cut(tmp_path):
    content = radioml_sets(5, length=1024)
    dataset = data.read(save_hdf5(tmp_path / "set.hdf5", **content), frame_length=128)
    assert dataset.is_lazy and dataset.iq.shape == (40, 2, 128)
    np.testing.assert_array_equal(dataset.iq[13], content["X"].swapaxes(1, 2)[1, :, 640:768])
    assert dataset.metadata["cut_from_frame_length"] == 1024


def test_rows_that_were_never_written_have_the_fill_value(tmp_path):
    path = save_hdf5(tmp_path / "set.hdf5", X=None)
    with h5py.File(path, "a") as file:
        found = file.create_dataset(
            "X", (30, 16, 2), "f4", chunks=(7, 16, 2), fillvalue=0.5, **GZIP
        )
        found[:7] = radioml_sets()["X"][:7]
    iq = data.read(path).iq[:]
    np.testing.assert_array_equal(iq[:7], radioml_sets()["X"][:7].swapaxes(1, 2))
    assert (iq[7:] == 0.5).all()


def first_frame(frames):
    return frames[0]


def test_frames_cross_processes(tmp_path):
    dataset = data.read(save_hdf5(tmp_path / "set.hdf5"))
    expected = radioml_sets()["X"][0].T
    np.testing.assert_array_equal(dataset.iq[0], expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).iq[0], expected)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(first_frame, (dataset.iq,)), expected)


def test_reads_are_bounded(tmp_path, monkeypatch):
    """Whatever the length of a frame, little more than a block is read at a time."""
    asked = []
    plain = h5py.Dataset.__getitem__
    monkeypatch.setattr(hdf5_sets, "_BLOCK", 2000)

    def spy(found, where):
        values = plain(found, where)
        asked.append(values.nbytes)
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
    for length in (1, 16, 1000):
        content = radioml_sets(60, length)
        dataset = data.read(save_hdf5(tmp_path / "set.hdf5", **content))
        np.testing.assert_array_equal(dataset.in_memory().iq, content["X"].swapaxes(1, 2))
        assert max(asked) <= max(2000, 8 * length)
        asked.clear()


ITERATE = f"""
import sys
from robust_amc import data
{PEAK}before = peak()
dataset = data.read(sys.argv[1])
count = sum(len(piece) for piece in dataset.chunks())
print(count, peak() - before, peak())
"""


def sparse_file(path, count):
    """The form of the true file, its frames a hole that takes no disk."""
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((count, 1024, 2))
        h5py.h5d.create(file.id, b"X", h5py.h5t.IEEE_F32LE, space, plan)
        label = np.arange(count) * 24 // count
        file["Y"] = (label[:, None] == np.arange(24)).astype(np.int64)
        file["Z"] = np.zeros((count, 1), np.int64)


def test_memory_of_a_large_file(tmp_path):
    """1 GB of frames pass through a process that grows by a few pieces of 134 MB."""
    path = tmp_path / "large.hdf5"
    sparse_file(path, 131072)
    assert path.stat().st_size > 1.05e9 and path.stat().st_blocks * 512 < 50e6
    count, growth, peak = map(int, run_python(ITERATE, path).split())
    assert count == 131072 and growth < 450e6 and peak < 1e9


def test_file_that_is_gone_or_changed_later(tmp_path):
    path = save_hdf5(tmp_path / "set.hdf5")
    dataset = data.read(path)
    save_hdf5(path, X=frames(30, length=8).swapaxes(1, 2))
    with pytest.raises(UserError, match="is damaged"):
        dataset.in_memory()
    os.truncate(path, 500)
    with pytest.raises(UserError, match="is damaged"):
        dataset.in_memory()
    path.unlink()
    with pytest.raises(UserError, match="No such file"):
        dataset.in_memory()
