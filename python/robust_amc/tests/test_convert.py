"""`htrd dataset convert` and `info`: between all forms, without the whole in memory."""

import json
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robust_amc import data, frames, provenance
from robust_amc.cli import main
from robust_amc.data import rescaled
from robust_amc.data.dataset import FrameDataset
from robust_amc.data.formats import npz, raw, registry, sigmf_recording
from robust_amc.data.summary import summary
from robust_amc.errors import UserError
from robust_amc.tests.files import frames as noise_frames
from robust_amc.tests.files import radioml_content, save_hdf5, save_pickle
from robust_amc.tests.test_recordings import annotation, noise, same, save

RAW = ("--sample-rate", "200e3", "--modulation", "QPSK", "--label-snr", "10")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def convert(*arguments):
    assert run("dataset", "convert", *arguments) == 0


def refused(capsys, *arguments):
    assert run("dataset", "convert", *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ") and "\n" not in said
    return said


def rich(count=40):
    """A data set with everything that one can have."""
    order = np.arange(count)
    return FrameDataset(
        iq=noise_frames(count),
        label=(order // 20).astype(np.int16),
        classes=("QPSK", "BPSK"),
        snr_db=np.repeat(np.float32([0, 10]), 10)[order % 20],
        run_id=(order // 5).astype(np.int32),
        metadata={"seed": 3, "scaling": "sum_abs"},
        extra={
            "true_snr_db": np.where(order % 7, order / 3, np.nan).astype(np.float32),
            "carrier_offset_hz": (order * 1.1).astype(np.float32),
            "channel_id": order.astype(np.int32),
        }
        | {name: (order / 7).astype(kind) for name, kind in list(data.dataset.EXTRA.items())[3:]},
    )


def save_rich(name):
    npz.write(rich(), name)


def save_recording(name):
    save(Path(name), noise(1000), [annotation(5, 600), annotation(640, 300, "BPSK", -2)])


SOURCES = {
    "in.npz": save_rich,
    "in.pkl": lambda name: save_pickle(Path(name), radioml_content()),
    "in.hdf5": lambda name: save_hdf5(Path(name)),
    "in.sigmf-meta": save_recording,
    "sample": lambda name: None,
}


@pytest.mark.parametrize("suffix", registry.writable())
@pytest.mark.parametrize("source", SOURCES)
def test_between_all_forms(source, suffix, capsys):
    SOURCES[source](source)
    before = data.read(source)
    convert(source, f"out{suffix}", "--scaling", "as_is")
    after = data.read(f"out{suffix}")
    origin = {"converted_from": source, "derived_from": [before.fingerprint()]}
    assert after.metadata == before.metadata | origin
    same(replace(after, metadata={}), replace(before, metadata={}))
    assert after.fingerprint() == before.fingerprint()
    assert f"{len(before)} frames of {before.frame_length} samples" in capsys.readouterr().out


def test_there_and_back_again():
    npz.write(rich(), "a.npz")
    sigmf_recording.write(data.read("a.npz"), "b.sigmf-meta")
    npz.write(data.read("b.sigmf-meta"), "c.npz")
    assert Path("a.npz").read_bytes() == Path("c.npz").read_bytes()
    same(data.read("c.npz"), rich())


def test_raw_samples():
    values = noise(1000)
    values.tofile("in.cf32")
    convert("in.cf32", "out.npz", *RAW, "--frame-length", 256, "--scaling", "as_is")
    found = data.read("out.npz")
    assert found.iq.shape == (3, 2, 256) and found.classes == ("QPSK",)
    np.testing.assert_array_equal(found.iq[1], values.reshape(-1, 2)[256:512].T)
    assert found.metadata["converted_from"] == "in.cf32"
    assert found.metadata["sample_rate_hz"] == 200e3


@pytest.mark.parametrize("source", SOURCES)
def test_recordings_are_scaled_and_data_sets_left_alone(source):
    SOURCES[source](source)
    convert(source, "out.npz")
    before, after = data.read(source), data.read("out.npz")
    sums = np.hypot(after.iq[:, 0], after.iq[:, 1]).sum(1, dtype=np.float64)
    if source == "in.sigmf-meta":
        np.testing.assert_allclose(sums, 1, rtol=1e-5)
        assert after.metadata["scaling"] == "sum_abs" and before.received
        convert("out.npz", "again.sigmf-meta")
        assert not data.read("again.sigmf-meta").received
    else:
        np.testing.assert_array_equal(after.iq, before.in_memory().iq)
        assert not before.received


def test_selection_scaling_and_half_precision():
    loud = rich()
    loud = replace(loud, iq=loud.iq * 1e6)
    npz.write(loud, "in.npz")
    convert(
        "in.npz", "out.npz", "--classes", "BPSK", "--snr", 10, "--frame-length", 64,
        "--scaling", "sum_abs", "--half",
    )  # fmt: skip
    found = data.read("out.npz")
    expected = loud.cut(64).select(["BPSK"], [10])
    assert found.iq.dtype == np.float16 and found.metadata["scaling"] == "sum_abs"
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_array_equal(found.extra["channel_id"], expected.extra["channel_id"])
    sums = np.hypot(expected.iq[:, 0], expected.iq[:, 1]).sum(1)[:, None, None]
    np.testing.assert_allclose(found.iq, expected.iq / sums, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("peak", "fits"), [(1e5, False), (6e4, True), (1e-4, True), (1e-5, False), (1e-30, False)]
)
def test_half_precision_holds_only_some_scales(peak, fits):
    loud = rich()
    loud = replace(loud, iq=loud.iq / np.abs(loud.iq).max(axis=(1, 2), keepdims=True) * peak)
    loud = replace(loud, iq=np.float32(loud.iq))
    if fits:
        assert np.isfinite(rescaled.rescaled(loud, half=True).in_memory().iq).all()
    else:
        with pytest.raises(UserError, match="do not fit half precision"):
            rescaled.rescaled(loud, half=True).in_memory()


@pytest.mark.parametrize("size", [1e-37, 1e37])
def test_scaling_at_the_limits_of_single_precision(size):
    dataset = replace(rich(), iq=np.full((40, 2, 128), size, np.float32))
    iq = rescaled.rescaled(dataset, frames.Scaling.SUM_ABS).in_memory().iq
    np.testing.assert_allclose(np.hypot(iq[:, 0], iq[:, 1]).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["out.npz", "out.sigmf-meta"])
def test_memory_does_not_grow_with_the_file(name):
    with open("in.cf32", "wb") as file:  # 64 MB, which take no disk
        file.write(noise(1 << 12).tobytes())
        file.truncate(1 << 26)
    dataset = data.read("in.cf32", raw_facts=raw.RawFacts(200e3, "QPSK", 10))
    tracemalloc.start()
    registry.write(dataset, name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 26
    last = [piece for piece in data.read(name).chunks(1 << 14)][-1]
    assert not last.iq.any() and data.read(name).iq[0].any()


def test_members_of_an_npz(tmp_path):
    npz.write(rich(), "out.npz")
    with np.load("out.npz", allow_pickle=False) as file:
        assert set(file) == {*npz.FIELDS, *data.dataset.EXTRA}
        np.testing.assert_array_equal(file["true_snr_db"], rich().extra["true_snr_db"])
        assert file["channel_id"].dtype == np.int32
    with zipfile.ZipFile("out.npz") as archive:
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_refused(capsys):
    npz.write(rich(), "in.npz")
    noise(1000).tofile("in.cf32")
    assert "one of .sigmf-meta, .npz" in refused(capsys, "in.npz", "out.hdf5")
    assert "exists already" in refused(capsys, "in.npz", "in.npz")
    Path("x.sigmf-data").touch()
    assert "x.sigmf-data exists already" in refused(capsys, "in.npz", "x.sigmf-meta")
    assert "--modulation, --label-snr: htrd dataset convert" in refused(
        capsys, "in.cf32", "out.npz", "--sample-rate", "2e5"
    )
    assert "for raw samples" in refused(capsys, "in.npz", "out.npz", "--modulation", "QPSK")
    assert "--half is for .npz" in refused(capsys, "in.npz", "out.sigmf-meta", "--half")
    assert "unknown class" in refused(capsys, "in.npz", "out.npz", "--classes", "XYZ")
    assert "no frame has the SNR label 7" in refused(capsys, "in.npz", "out.npz", "--snr", "7")
    assert "cut from frames of 128" in refused(capsys, "in.npz", "o.npz", "--frame-length", "129")
    assert "folder" in refused(capsys, "in.npz", "no/such/out.npz")
    left = {each.name for each in Path().iterdir()}
    assert left == {"in.npz", "in.cf32", "x.sigmf-data"}


def test_a_broken_frame_leaves_no_output(capsys):
    values = noise(1000)
    values[700] = np.inf
    values.tofile("in.cf32")
    for name in ("out.npz", "out.sigmf-meta"):
        assert "frames 2" in refused(capsys, "in.cf32", name, *RAW)
    assert [each.name for each in Path().iterdir()] == ["in.cf32"]


def problems(dataset):
    return {each["problem"]: each["count"] for each in summary(dataset)["problems"]}


def test_info_finds_nothing_wrong_with_the_sample():
    assert problems(data.read("sample")) == {}


def test_info_finds_problems():
    dataset = rich()
    iq = dataset.iq.copy()
    iq[3] = 0
    iq[[7, 9]] = iq[5]
    iq[11:14] *= 3
    broken = replace(dataset, iq=iq).subset(np.arange(38))
    broken = broken.subset((broken.label != 1) | (broken.snr_db != 0))
    assert problems(broken) == {
        "all-zero frames": 1,
        "frames that repeat another one": 2,
        "frames whose scale differs from the others (sum_abs and not)": 3,
        "keys (class, SNR) without frames": 1,
        "keys (class, SNR) with fewer frames than others": 1,
    }
    alone = replace(dataset, run_id=np.arange(40, dtype=np.int32))
    assert problems(alone) == {"frames that are each a run of their own": 40}


def test_info_finds_clipped_samples(tmp_path):
    values = np.random.default_rng(0).integers(1, 255, 512).astype(np.uint8)
    values[:3] = 255
    values[100:102] = 0
    meta = save(tmp_path / "r", values, [annotation(0, 256)], "cu8")
    assert problems(data.read(meta)) == {"samples at full scale (clipped)": 5}


def test_info_prints_and_writes(capsys):
    annotations = [annotation(0, 900, "[red]Q"), annotation(0, 128, "B", 3)]
    save(Path("in"), noise(1000), annotations, **{"core:sample_rate": 200e3})
    assert run("dataset", "info", "in.sigmf-meta", "--json", "facts.json") == 0
    said = capsys.readouterr().out
    for text in ("[red]Q", "sample rate: 200000 Hz", "frames that repeat another one: 1"):
        assert text in said
    facts = json.loads(Path("facts.json").read_text())
    assert facts["counts"] == {"B": {"3": 1}, "[red]Q": {"10": 7}}
    assert {"problem": "keys (class, SNR) without frames", "count": 2} in facts["problems"]
    assert facts["sample_rate_hz"] == 200e3 and facts["frames"] == 8


def test_a_model_knows_its_training_frames_after_a_conversion():
    """A part of the training file, in another form, is not evaluated as if it were new."""
    save_pickle(Path("in.pkl"), radioml_content())
    whole = data.read("in.pkl")

    class Model:
        metadata = {"dataset": provenance.record(whole, "in.pkl", 0)}

    for options in (["--classes", "QPSK"], ["--snr", "10"], ["--frame-length", "64"]):
        Path("part.npz").unlink(missing_ok=True)
        convert("in.pkl", "part.npz", *options)
        with pytest.raises(UserError, match="converted one from the other"):
            provenance.part_to_evaluate(data.read("part.npz"), [Model])
        convert("part.npz", "again.sigmf-meta")
        with pytest.raises(UserError, match="converted one from the other"):
            provenance.part_to_evaluate(data.read("again.sigmf-meta"), [Model])
        for path in Path().glob("again*"):
            path.unlink()
    convert("in.pkl", "half.npz", "--half")  # the same frames: the same split
    assert provenance.part_to_evaluate(data.read("half.npz"), [Model]) == (data.Part.TEST, 0)


def test_snr_of_annotations_that_have_none(capsys):
    plain = annotation(5, 600)
    del plain["capture_details:SNRdB"]
    save(Path("in.sigmf-meta"), noise(1000), [plain, annotation(640, 300, "BPSK", -2)])
    assert "--label-snr" in refused(capsys, "in.sigmf-meta", "out.npz")
    convert("in.sigmf-meta", "out.npz", "--label-snr", "7")
    found = data.read("out.npz")
    assert set(found.snr_db[found.truth == "QPSK"]) == {7}
    assert set(found.snr_db[found.truth == "BPSK"]) == {-2}
    assert "facts are for raw" in refused(
        capsys, "in.sigmf-meta", "no.npz", "--label-snr", "7", "--modulation", "QPSK"
    )


@pytest.mark.parametrize("option", ["--classes", "--snr"])
def test_an_empty_selection_is_told(capsys, option):
    save_rich("in.npz")
    assert "is not a list" in refused(capsys, "in.npz", "out.npz", option, "")


@pytest.mark.parametrize("rate", [True, "fast", -1, 1e300])
def test_a_rate_that_is_none_is_not_written(rate):
    dataset = replace(rich(), metadata={"sample_rate_hz": rate})
    assert dataset.sample_rate_hz is None
    registry.write(dataset, "out.sigmf-meta")
    same(data.read("out.sigmf-meta"), dataset)
