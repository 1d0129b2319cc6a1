"""SigMF recordings and raw samples: what comes out is what the files say."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sigmf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robust_amc import data
from robust_amc.data.dataset import FrameDataset
from robust_amc.data.formats import raw, sample_file, sigmf_recording
from robust_amc.errors import UserError
from robust_amc.tests.files import frames

DATATYPES = [
    f"c{kind}{order}"
    for kind in ("f32", "f64", "i32", "u32", "i16", "u16", "i8", "u8")
    for order in (("",) if kind.endswith("8") else ("_le", "_be"))
]
FACTS = raw.RawFacts(sample_rate_hz=200e3, modulation="QPSK", snr_db=10)


def annotation(start, count=None, label="QPSK", snr_db=10, **more):
    fields = {
        "core:sample_start": start,
        "core:sample_count": count,
        "core:label": label,
        "capture_details:SNRdB": snr_db,
    } | more
    return {name: value for name, value in fields.items() if value is not None}


def save(path, values, annotations, datatype="cf32_le", captures=(0,), **info):
    """A recording of the I and Q `values`, written without the code that reads it."""
    meta, samples = path.with_suffix(".sigmf-meta"), path.with_suffix(".sigmf-data")
    samples.write_bytes(values.tobytes())
    document = {
        "global": {"core:datatype": datatype, "core:version": "1.0.0"} | info,
        "captures": [{"core:sample_start": start} for start in captures],
        "annotations": annotations,
    }
    meta.write_text(json.dumps(document))
    return meta


def noise(samples, seed=0):
    """Interleaved I and Q, float32 ``[2 * samples]``."""
    return np.random.default_rng(seed).standard_normal(2 * samples).astype("<f4")


def as_frames(values, start, count, length=128):
    """What the frames of a stretch must be, cut the obvious way."""
    pairs = values.reshape(-1, 2)[start : start + count * length]
    return np.array([block.T for block in np.split(pairs, count)])


def same(found, expected):
    """Every frame, label, SNR, run, class, extra column and the metadata are equal."""
    for name in ("label", "snr_db", "run_id"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    np.testing.assert_array_equal(found.in_memory().iq, expected.in_memory().iq)
    assert found.classes == expected.classes and found.metadata == expected.metadata
    assert found.extra.keys() == expected.extra.keys()
    for name, column in expected.extra.items():
        np.testing.assert_array_equal(found.extra[name], column)
        assert found.extra[name].dtype == column.dtype


@pytest.mark.parametrize("datatype", DATATYPES)
def test_samples_are_those_of_the_sigmf_package(tmp_path, datatype):
    kind = datatype[1]
    size = int(datatype[2:].split("_")[0]) // 8
    dtype = np.dtype((">" if datatype.endswith("_be") else "<") + kind + str(size))
    rng = np.random.default_rng(1)
    values = (
        rng.standard_normal(600)
        if kind == "f"
        else rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, 600, np.int64, endpoint=True)
    ).astype(dtype)
    meta = save(tmp_path / "r", values, [annotation(0, 300)], datatype)
    expected = sigmf.fromfile(meta, skip_checksum=True).read_samples()
    found = data.read(meta, frame_length=100)
    assert found.is_lazy and found.iq.shape == (3, 2, 100) and found.iq.dtype == np.float32
    iq = found.in_memory().iq.astype(np.float64)
    np.testing.assert_array_equal((iq[:, 0] + 1j * iq[:, 1]).ravel().astype("c8"), expected)
    if kind != "f":
        assert np.abs(iq).max() <= 1


def test_annotations_become_frames(tmp_path):
    values = noise(2000)
    annotations = [
        annotation(0, 300, "QPSK", 10),  # two frames and a rest
        annotation(100, 128, "BPSK", -3.5),  # overlaps
        annotation(400, 200, None),  # no label
        annotation(500, 127, "QPSK", 10),  # too short
        annotation(640, 256, "QPSK", 0),
        annotation(1700, None, "BPSK", 7),  # up to the end
        annotation(0, 128, "8PSK") | {"core:generator": "htrd classify 9.9"},  # no truth
    ]
    meta = save(tmp_path / "r", values, annotations, **{"core:sample_rate": 200000})
    found = data.read(meta)
    assert found.classes == ("BPSK", "QPSK") and found.frame_length == 128
    assert found.truth.tolist() == ["QPSK", "QPSK", "BPSK", "QPSK", "QPSK", "BPSK", "BPSK"]
    assert found.snr_db.tolist() == [10, 10, -3.5, 0, 0, 7, 7]
    assert found.run_id.tolist() == [0, 0, 1, 2, 2, 3, 3]
    expected = [as_frames(values, *each) for each in ((0, 2), (100, 1), (640, 2), (1700, 2))]
    np.testing.assert_array_equal(found.in_memory().iq, np.concatenate(expected))
    assert found.metadata == {
        "source": "r.sigmf-data",
        "format": "SigMF",
        "datatype": "cf32_le",
        "sample_rate_hz": 200000,
        "run_id": "each annotation is taken as a run",
        "annotations_without_label": 1,
        "annotations_too_short": 1,
        "decisions_of_a_classifier": 1,
    }


def test_an_annotation_without_count_ends_with_its_capture(tmp_path):
    values = noise(1000)
    annotations = [annotation(128, label="a"), annotation(600, label="b")]
    found = data.read(save(tmp_path / "r", values, annotations, captures=(0, 500)))
    assert found.truth.tolist() == ["a"] * 2 + ["b"] * 3
    np.testing.assert_array_equal(found.iq[2:], as_frames(values, 600, 3))


def test_indices_count_from_the_offset(tmp_path):
    values = noise(300)
    meta = save(tmp_path / "r", values, [annotation(1100, 128)], captures=(1000,), **{
        "core:offset": 1000
    })  # fmt: skip
    np.testing.assert_array_equal(data.read(meta).iq[:], as_frames(values, 100, 1))


def test_frame_length_and_classes_of_our_extension(tmp_path):
    values = noise(1000)
    own = {"htrd:frame_length": 256, "htrd:classes": ["QPSK", "8PSK", "BPSK"]}
    annotations = [annotation(0, 512, "BPSK", **{"htrd:first_run": 7, "htrd:run_step": 1})]
    meta = save(tmp_path / "r", values, annotations, **own)
    found = data.read(meta)
    assert found.classes == ("QPSK", "8PSK", "BPSK") and found.label.tolist() == [2, 2]
    assert found.frame_length == 256 and found.run_id.tolist() == [7, 8]
    cut = data.read(meta, frame_length=100)  # cut from frames: their rest is lost, not the run
    assert cut.run_id.tolist() == [7, 7, 8, 8]
    np.testing.assert_array_equal(cut.iq[2], values.reshape(-1, 2)[256:356].T)
    with pytest.raises(UserError, match="cannot be cut from frames of 256"):
        data.read(meta, frame_length=300)


def test_frames_in_any_order(tmp_path):
    values = noise(40_000)
    starts = [0, 30_000, 20_000, 50]
    annotations = sorted(
        (annotation(s, 5000, str(s)) for s in starts), key=lambda a: a["core:sample_start"]
    )
    dataset = data.read(save(tmp_path / "r", values, annotations))
    whole = dataset.in_memory().iq
    rows = np.random.default_rng(0).integers(0, len(dataset), 300)
    np.testing.assert_array_equal(dataset.iq[rows], whole[rows])
    np.testing.assert_array_equal(dataset.iq[5], whole[5])
    np.testing.assert_array_equal(dataset.subset(rows[::-1]).in_memory().iq, whole[rows[::-1]])


def test_far_apart_frames_are_not_read_over(tmp_path, monkeypatch):
    path = tmp_path / "sparse.cf32"
    with open(path, "wb") as file:
        file.truncate(1 << 33)  # 8 GiB without a block on disk
    dataset = data.read(path, raw_facts=FACTS)
    read = []
    fromfile = np.fromfile
    monkeypatch.setattr(np, "fromfile", lambda *args: read.append(args[-1]) or fromfile(*args))
    assert not dataset.iq[[0, len(dataset) - 1, 5]].any()
    assert sum(read) < 1 << 15


@st.composite
def datasets(draw):
    count = draw(st.integers(1, 30))
    columns = st.lists(st.integers(0, 2), min_size=count, max_size=count)
    real = st.floats(width=32)
    extra = {
        "true_snr_db": draw(st.lists(real, min_size=count, max_size=count)),
        "channel_id": draw(
            st.lists(st.integers(-(2**31), 2**31 - 1), min_size=count, max_size=count)
        ),
    }
    chosen = draw(st.sets(st.sampled_from(list(extra))))
    return FrameDataset(
        iq=frames(count, count, length=8),
        label=np.array(draw(columns), np.int16),
        classes=("b", "a", "Ünïcode"),
        snr_db=np.array([-20, 0.1, 1 / 3], np.float32)[draw(columns)],
        run_id=np.array(draw(columns), np.int32) + draw(st.sampled_from([-5, 0, 2**31 - 3])),
        metadata=draw(st.sampled_from([{}, {"seed": 1, "nested": {"list": [None, 0.5, "x"]}}])),
        extra={name: np.array(extra[name], data.dataset.EXTRA[name]) for name in chosen},
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(dataset=datasets())
def test_round_trip(tmp_path, dataset):
    path = tmp_path / "set.sigmf-meta"
    sigmf_recording.write(dataset, path)
    same(data.read(path), dataset)


def test_what_is_written_is_valid_sigmf(tmp_path):
    dataset = data.read("sample")
    dataset = replace(dataset, metadata={"sample_rate_hz": 200e3})
    for name in ("a", "b"):
        sigmf_recording.write(dataset, tmp_path / f"{name}.sigmf-meta")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.sigmf-data", "a.sigmf-meta", "b.sigmf-data", "b.sigmf-meta"
    ]  # fmt: skip
    for suffix in ("meta", "data"):
        assert (tmp_path / f"a.sigmf-{suffix}").read_bytes() == (
            tmp_path / f"b.sigmf-{suffix}"
        ).read_bytes()
    recording = sigmf.fromfile(tmp_path / "a.sigmf-meta")  # verifies the checksum
    recording.validate()
    assert recording.sample_rate == 200e3
    samples = recording.read_samples(128 * 5, 128)
    expected = dataset.iq[5].astype(np.float32)
    np.testing.assert_array_equal(samples, expected[0] + 1j * expected[1])
    notes = recording.get_annotations(128 * 5)
    assert [each["core:label"] for each in notes] == [dataset.truth[5]]
    assert [each["capture_details:SNRdB"] for each in notes] == [dataset.snr_db[5]]


def test_too_many_annotations_leave_nothing_behind(tmp_path):
    count = sigmf_recording._MOST_ANNOTATIONS + 2
    dataset = FrameDataset(
        iq=np.zeros((count, 2, 1), np.float32),
        label=np.zeros(count, np.int16),
        classes=("a",),
        snr_db=np.zeros(count, np.float32),
        run_id=np.arange(count, dtype=np.int32)[::-1],  # falls: no run pattern
    )
    with pytest.raises(UserError, match="too many annotations"):
        sigmf_recording.write(dataset, tmp_path / "x.sigmf-meta")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    values = noise(300)
    values[300] = np.nan
    dataset = data.read(save(tmp_path / "r", values, [annotation(0, 300)]))
    with pytest.raises(UserError, match="NaN"):
        sigmf_recording.write(dataset, tmp_path / "x.sigmf-meta")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["r.sigmf-data", "r.sigmf-meta"]


@pytest.mark.parametrize("suffix", raw.SUFFIXES)
def test_raw_samples(tmp_path, suffix):
    values = noise(1000)
    path = tmp_path / f"in{suffix}"
    path.write_bytes(values.tobytes())
    found = data.read(path, raw_facts=FACTS)
    np.testing.assert_array_equal(found.in_memory().iq, as_frames(values, 0, 7))
    assert found.classes == ("QPSK",) and set(found.snr_db) == {10} and set(found.run_id) == {0}
    assert found.metadata["sample_rate_hz"] == 200e3 and found.metadata["source"] == path.name
    np.testing.assert_array_equal(
        data.read(path, 300, FACTS).in_memory().iq, as_frames(values, 0, 3, 300)
    )


@pytest.mark.parametrize("what", ["gone", "shorter"])
def test_a_file_that_changes_while_it_is_read(tmp_path, what):
    path = tmp_path / "in.cf32"
    path.write_bytes(noise(1000).tobytes())
    dataset = data.read(path, raw_facts=FACTS)
    if what == "gone":
        path.unlink()
    else:
        path.write_bytes(b"")
    with pytest.raises(UserError, match="cannot read|shorter"):
        dataset.in_memory()


def test_datatypes_that_are_not_complex():
    for name in ("rf32_le", "cf16_le", "cf32_xe", "ci64_le", "", None, "cf32_le\n"):
        with pytest.raises(UserError, match="cannot be read"):
            sample_file.parse_datatype(name)
