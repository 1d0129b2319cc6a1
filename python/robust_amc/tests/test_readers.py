"""Readers and writers of data sets."""

import json
import pickle
import tarfile

import numpy as np
import pytest
from typer.testing import CliRunner

from robust_amc import assets, data
from robust_amc.cli.dataset import app
from robust_amc.data import lazy
from robust_amc.data.dataset import FrameDataset
from robust_amc.data.formats import npz, radioml_pickle, raw
from robust_amc.errors import UserError
from robust_amc.tests.files import (
    REAL_SAMPLE,
    frames,
    needs_real_sample,
    npz_fields,
    python2_pickle,
    radioml_content,
    save_hdf5,
    save_npz,
)


def check_radioml(dataset, content):
    """Every array of `content` is in the data set, under its key and in its order."""
    assert len(dataset) == sum(map(len, content.values()))
    assert dataset.classes == tuple(sorted({name for name, _ in content}))
    assert dataset.iq.dtype == np.float32
    for (name, snr_db), array in content.items():
        index = dataset.classes.index(name)
        found = dataset.iq[(dataset.label == index) & (dataset.snr_db == snr_db)]
        np.testing.assert_array_equal(found, array)
    assert len(np.unique(dataset.run_id)) == len(dataset)


def test_python2_pickle(tmp_path):
    path = tmp_path / "any name.dat"
    path.write_bytes(python2_pickle(radioml_content()))
    with open(path, "rb") as file:  # the test's own file is one, by the standard library
        assert pickle.load(file, encoding="latin1").keys() == radioml_content().keys()
    check_radioml(data.read(path), radioml_content())


def test_varying_counts(tmp_path):
    """RML2016.04C has more frames of some keys than of others."""
    counts = {("WBFM", -20): 5, ("WBFM", 18): 1, ("8PSK", -20): 0, ("8PSK", 18): 12}
    content = {key: frames(count, seed) for seed, (key, count) in enumerate(counts.items())}
    path = tmp_path / "2016.04C.multisnr.pkl"
    for pickled in (python2_pickle(content), pickle.dumps(content, 4)):
        path.write_bytes(pickled)
        check_radioml(data.read(path), content)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_repacked_pickle(tmp_path, protocol):
    path = tmp_path / "RML2016.10a_dict_optimized.pkl"
    path.write_bytes(pickle.dumps(radioml_content(), protocol))
    check_radioml(data.read(path), radioml_content())


def test_keys_of_bytes_and_of_numpy_integers(tmp_path):
    path = tmp_path / "keys.pkl"
    content = radioml_content()
    keys = {(name.encode(), np.int64(snr_db)): value for (name, snr_db), value in content.items()}
    path.write_bytes(pickle.dumps(keys, 4))
    check_radioml(data.read(path), content)


def test_big_endian_pickle(tmp_path):
    path = tmp_path / "big.pkl"
    content = radioml_content()
    path.write_bytes(pickle.dumps({k: v.astype(">f4") for k, v in content.items()}, 2))
    check_radioml(data.read(path), content)


FACTS = raw.RawFacts(sample_rate_hz=200e3, modulation="QPSK", snr_db=10)


def save_raw(path, start=b""):
    """Ten frames of raw samples, the first bytes given."""
    samples = np.ascontiguousarray(frames(10).swapaxes(1, 2)).tobytes()
    path.write_bytes(start + samples[len(start) :])
    return path


@pytest.mark.parametrize("suffix", [".cf32", ".fc32", ".cfile", ".CF32"])
@pytest.mark.parametrize("start", [b"", b"\x80\x02}(", b"(lp0", b"PK", b"BZh9", b"\x1f\x8b"])
def test_raw_samples_go_by_their_name(tmp_path, suffix, start):
    path = save_raw(tmp_path / f"recording{suffix}", start)
    dataset = data.read(path, frame_length=64, raw_facts=FACTS)
    assert dataset.iq.shape == (20, 2, 64) and dataset.classes == ("QPSK",)
    with pytest.raises(UserError, match="--modulation"):
        data.read(path)


@pytest.mark.parametrize("suffix", [".cf32", ".dat"])
def test_a_clear_mark_is_believed_before_a_name(tmp_path, suffix):
    assert len(data.read(save_hdf5(tmp_path / f"a{suffix}"))) == 30
    npz.write(data.read(save_npz(tmp_path / "in.npz")), tmp_path / "out.npz")
    (tmp_path / "out.npz").rename(tmp_path / f"b{suffix}")
    assert len(data.read(tmp_path / f"b{suffix}")) == 6


def test_facts_for_a_file_that_is_not_raw(tmp_path):
    path = save_npz(tmp_path / "set.npz")
    with pytest.raises(UserError, match="says itself what it is"):
        data.read(path, raw_facts=FACTS)
    assert len(data.read(path, raw_facts=raw.RawFacts())) == 6


def test_sigmf_recordings_go_by_their_name(tmp_path):
    save_raw(tmp_path / "r.sigmf-data")
    note = {"core:sample_start": 0, "core:sample_count": 1280, "core:label": "QPSK"}
    document = {
        "global": {"core:datatype": "cf32_le", "core:version": "1.0.0", "core:sample_rate": 2e5},
        "captures": [{"core:sample_start": 0}],
        "annotations": [note | {"capture_details:SNRdB": 10}],
    }
    (tmp_path / "r.sigmf-meta").write_text(json.dumps(document))
    for suffix in ("meta", "data"):
        dataset = data.read(tmp_path / f"r.sigmf-{suffix}", frame_length=64)
        assert dataset.iq.shape == (20, 2, 64) and dataset.classes == ("QPSK",)
    with tarfile.open(tmp_path / "r.tar", "w") as archive:
        archive.add(tmp_path / "r.sigmf-meta", "r/r.sigmf-meta")
    with pytest.raises(UserError, match="unpack it"):
        data.read(tmp_path / "r.tar")


@needs_real_sample
def test_real_sample():
    with open(REAL_SAMPLE, "rb") as file:
        content = pickle.load(file, encoding="latin1")
    dataset = data.read(REAL_SAMPLE)
    check_radioml(dataset, content)
    assert len(dataset) == 1000 and len(dataset.classes) == 10
    assert not radioml_pickle.is_authentic(dataset)  # it is RML2016.10b
    complex_frames = dataset.iq[:, 0] + 1j * dataset.iq[:, 1]
    np.testing.assert_allclose(np.abs(complex_frames).sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_npz_round_trip(tmp_path, dtype):
    count = 10
    dataset = FrameDataset(
        iq=frames(count).astype(dtype),
        label=np.arange(count, dtype=np.int16) % 3,
        classes=("AM-DSB", "Ünïcode", "c"),
        snr_db=np.linspace(-20, 18, count).astype(np.float32),
        run_id=np.arange(count, dtype=np.int32) // 2,
        metadata={"seed": 5, "nested": {"list": [1, None, "x"]}},
    )
    path = tmp_path / "set.npz"
    npz.write(dataset, path)
    again = data.read(path)
    for name in ("iq", "label", "snr_db", "run_id"):
        expected = getattr(dataset, name)
        assert getattr(again, name).dtype == expected.dtype
        np.testing.assert_array_equal(getattr(again, name), expected)
    assert again.classes == dataset.classes and again.metadata == dataset.metadata
    assert [each.name for each in tmp_path.iterdir()] == ["set.npz"]


def test_npz_fields_are_the_documented_ones(tmp_path):
    path = tmp_path / "set.npz"
    npz.write(data.read(save_npz(tmp_path / "in.npz")), path)
    with np.load(path, allow_pickle=False) as file:
        expected = npz_fields()
        assert set(file) == set(expected)
        for name, value in expected.items():
            assert file[name].dtype.kind == value.dtype.kind
            assert file[name].shape == value.shape
        assert [file[name].dtype for name in ("label", "snr_db", "run_id")] == ["i2", "f4", "i4"]
        assert json.loads(str(file["metadata"])) == {"seed": 1}


def test_npz_in_fortran_order_and_big_endian(tmp_path):
    iq = frames(6)
    path = save_npz(tmp_path / "f.npz", iq=np.asfortranarray(iq).astype(">f4"))
    dataset = data.read(path)
    np.testing.assert_array_equal(dataset.iq, iq)
    assert dataset.iq.dtype.isnative


def test_same_data_same_bytes(tmp_path):
    dataset = data.read(save_npz(tmp_path / "in.npz"))
    for name in ("a.npz", "b.npz"):
        npz.write(dataset, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_shipped_sample():
    sample = data.read("sample")
    assert len(sample.classes) == 11 and sample.frame_length == 128
    assert sorted(set(sample.snr_db.tolist())) == list(range(-20, 20, 2))
    keys, counts = np.unique(np.stack([sample.label, sample.snr_db]), axis=1, return_counts=True)
    assert keys.shape[1] == 220 and len(set(counts)) == 1
    iq = sample.iq.astype(np.float64)
    np.testing.assert_allclose(np.hypot(iq[:, 0], iq[:, 1]).sum(1), 1, atol=2e-3)
    assert all(len(part) >= 220 for part in data.split(sample).values())
    assert sample.metadata["mode"] == "legacy" and sample.metadata["seed"] == 99991
    assert (assets.path("sample.npz")).stat().st_size <= 3_000_000


class Whole(lazy.LazyFrames):
    """Frames in the form of RML2016.10a, all zero but for one, whose beginning is published."""

    START = ((-0.00590147, -0.00234582, -0.00074506), (-0.00779554, -0.00781637, -0.00401967))

    def __init__(self, first, dtype, change=0.0):
        super().__init__(220_000, 128, dtype)
        self.first, self.change = first, change

    def fetch(self, rows):
        iq = np.zeros((len(rows), 2, 128), self.dtype)
        iq[rows == self.first, :, :3] = np.array(self.START) + self.change
        return iq


def authentic(dtype, change=0.0):
    """A data set with the keys and counts of RML2016.10a, after facts published with it."""
    label, level = np.divmod(np.arange(220_000) // 1000, 20)
    snr_db = (2 * level - 20).astype(np.float32)
    first = np.flatnonzero((label == 9) & (snr_db == 2))[0]
    return FrameDataset(
        Whole(first, dtype, change),
        label.astype(np.int16),
        ("8PSK", "AM-DSB", "AM-SSB", "BPSK", "CPFSK", "GFSK", "PAM4", "QAM16", "QAM64", "QPSK",
         "WBFM"),
        snr_db,
        np.arange(220_000, dtype=np.int32),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_authentic_file_is_recognized(dtype):
    whole = authentic(dtype)
    assert radioml_pickle.is_authentic(whole)
    assert not radioml_pickle.is_authentic(authentic(dtype, change=1e-4))
    for part in (whole.select(["QPSK"]), whole.subset(slice(1, None)), whole.cut(64)):
        assert not radioml_pickle.is_authentic(part)


def test_info(tmp_path):
    iq = frames(6)
    iq[4] = 0
    path = save_npz(tmp_path / "set.npz", iq=iq, run_id=np.array([0, 0, 1, 1, 2, 2]))
    result = CliRunner().invoke(app, ["info", str(path), "--json", str(tmp_path / "info.json")])
    assert result.exit_code == 0 and "all-zero frames: 1" in result.output
    facts = json.loads((tmp_path / "info.json").read_text())
    assert facts["path"] == "set.npz"
    assert facts["counts"] == {"BPSK": {"10": 3}, "QPSK": {"10": 3}}
    assert facts["frames"] == 6 and facts["frame_length"] == 128 and facts["runs"] == 3
    assert facts["scaling"] == "sum_abs" and facts["all_zero_frames"] == 1
    assert facts["authentic_rml2016_10a"] is False
    assert facts["metadata"] == {"seed": 1}


def test_info_on_other_scaling(tmp_path):
    path = save_npz(tmp_path / "set.npz", iq=(3 * frames(6)).astype(np.float32))
    CliRunner().invoke(app, ["info", str(path), "--json", str(tmp_path / "info.json")])
    facts = json.loads((tmp_path / "info.json").read_text())
    assert facts["scaling"] == "none"
    assert facts["sum_of_magnitudes"] == pytest.approx([3, 3], rel=1e-5)
