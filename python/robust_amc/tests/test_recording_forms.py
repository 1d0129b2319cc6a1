"""Forms of recordings that people have: archives, bands, late captures, other types and names."""

import io
import json
import tarfile

import numpy as np
import pytest

from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats import raw, tar_members
from robust_amc.errors import UserError
from robust_amc.streams import recording
from robust_amc.tests.files import refused
from robust_amc.tests.signals import linear, noisy
from robust_amc.tests.test_recordings import annotation, as_frames, noise, save

FACTS = raw.RawFacts(sample_rate_hz=200e3, modulation="QPSK", snr_db=10)
RATE = 200e3


@pytest.mark.parametrize(
    "name", ["in.cu8", "IN.CS8", "a.ci16", "b.complex16s", "c.Complex", "d.C16"]
)
def test_the_name_says_the_type(tmp_path, name):
    types = {"cu8": "u1", "cs8": "i1", "ci16": "<i2", "complex16s": "i1", "complex": "<f4",
             "c16": "<i2"}  # fmt: skip
    dtype = np.dtype(types[name.split(".")[1].lower()])
    rng = np.random.default_rng(1)
    values = (
        rng.standard_normal(2000)
        if dtype.kind == "f"
        else rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, 2000)
    ).astype(dtype)
    values.tofile(tmp_path / name)
    found = data.read(tmp_path / name, 100, FACTS).in_memory().iq.swapaxes(1, 2).ravel()
    scale = {"f": 1.0}.get(dtype.kind, 2.0 ** (8 * dtype.itemsize - 1))
    offset = scale if dtype.kind == "u" else 0
    np.testing.assert_allclose(found, (values - offset) / scale, rtol=1e-6)


@pytest.mark.parametrize("name", ["in.iq", "in.raw", "in.dat", "in", "in.cf32"])
def test_the_type_can_be_given(tmp_path, name):
    values = np.arange(-1000, 1000).astype("<i2")
    values.tofile(tmp_path / name)
    facts = raw.RawFacts(200e3, "QPSK", 10, "ci16_le")
    found = data.read(tmp_path / name, 100, facts)
    np.testing.assert_allclose(found.iq[3], values.reshape(-1, 2)[300:400].T / 2**15)
    assert found.metadata["datatype"] == "ci16_le"
    with pytest.raises(UserError, match="must be complex"):
        data.read(tmp_path / name, 100, raw.RawFacts(200e3, "QPSK", 10, "rf32_le"))


def test_a_type_is_not_believed_before_the_file(tmp_path):
    meta = save(tmp_path / "r", noise(300), [annotation(0, 300)])
    for path in (meta, tmp_path / "a.wav"):
        (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + bytes(100))
        with pytest.raises(UserError, match="says itself what it is"):
            data.read(path, raw_facts=raw.RawFacts(datatype="ci16_le"))


def test_upper_case_recordings(tmp_path):
    values = noise(300)
    meta = save(tmp_path / "r", values, [annotation(0, 256)])
    meta.rename(tmp_path / "R.SIGMF-META")
    meta.with_suffix(".sigmf-data").rename(tmp_path / "R.SIGMF-DATA")
    for name in ("R.SIGMF-META", "R.SIGMF-DATA"):
        np.testing.assert_array_equal(data.read(tmp_path / name).iq[:], as_frames(values, 0, 2))


# Archives


def archive(path, meta, form=tarfile.PAX_FORMAT, folder="r"):
    with tarfile.open(path, "w", format=form) as file:
        for each in (meta, meta.with_suffix(".sigmf-data")):
            file.add(each, f"{folder}/{each.name}")
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["r", "long " * 25])
def test_an_archive_is_its_recording(tmp_path, form, folder):
    if form == tarfile.USTAR_FORMAT:
        folder = folder[:60]
    values = noise(1000)
    notes = [annotation(5, 600), annotation(640, 300, "BPSK", -2)]
    plain = data.read(save(tmp_path / "r", values, notes))
    found = data.read(archive(tmp_path / "x.sigmf", tmp_path / "r.sigmf-meta", form, folder))
    assert found.is_lazy and found.metadata == plain.metadata | {"source": "x.sigmf"}
    np.testing.assert_array_equal(found.in_memory().iq, plain.in_memory().iq)
    np.testing.assert_array_equal(found.truth, plain.truth)
    known, part = recording.read(tmp_path / "x.sigmf", 128)
    assert b"".join(part.blocks()) == values.tobytes() and len(known.annotations) == 2


def test_the_checksum_of_an_archive(tmp_path):
    meta = save(tmp_path / "r", noise(300), [annotation(0, 300)], **{"core:sha512": "0" * 128})
    with pytest.raises(UserError, match="checksum core:sha512"):
        data.read(archive(tmp_path / "x.sigmf", meta))


def added(file, name, content=b"", kind=tarfile.REGTYPE, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, len(content)
    file.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_an_archive_are_not_there(tmp_path, kind):
    save(tmp_path / "r", noise(300), [annotation(0, 300)])
    with tarfile.open(tmp_path / "x.sigmf", "w") as file:
        file.add(tmp_path / "r.sigmf-meta", "r.sigmf-meta")
        added(file, "r.sigmf-data", kind=kind, target=str(tmp_path / "r.sigmf-data"))
    assert "lacks the samples" in refused(tmp_path / "x.sigmf")


def test_other_files_in_an_archive(tmp_path):
    values = noise(300)
    meta = save(tmp_path / "r", values, [annotation(0, 256)])
    with tarfile.open(tmp_path / "x.sigmf", "w") as file:
        added(file, "._r.sigmf-meta", b"a Mac was here")
        added(file, "r/readme.txt", b"hello")
        file.add(tmp_path, "r", recursive=False)
        for each in (meta, meta.with_suffix(".sigmf-data")):
            file.add(each, f"../../{each.name}")
    np.testing.assert_array_equal(data.read(tmp_path / "x.sigmf").iq[:], as_frames(values, 0, 2))
    with tarfile.open(tmp_path / "x.sigmf", "a") as file:
        added(file, "other.sigmf-meta", b"{}")
    assert "has 2 recordings" in refused(tmp_path / "x.sigmf")


def damaged_archives(folder):
    """Name, bytes and message of archives that something is wrong with."""
    meta = save(folder / "r", noise(300), [annotation(0, 300)])
    sound = archive(folder / "r.sigmf", meta, tarfile.USTAR_FORMAT).read_bytes()
    header = bytearray(sound[:512])

    def resized(size):
        header[124:136] = size
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return bytes(header) + sound[512:]

    note = tarfile.TarInfo("x")
    note.type, note.size = tarfile.XHDTYPE, 1 << 20
    yield "nothing", b"", "is empty|0 recordings"
    yield "zeros", bytes(4096), "0 recordings"
    yield "no archive", b"x" * 4096, "not one of a tar archive"
    yield "cut", sound[:1200], "not one of a tar archive"
    yield "cut later", sound[:2600], "cut short"
    yield "a huge size", resized(b"77777777777\0"), "cut short"
    yield "a size of 96 bits", resized(b"\x80" + b"\xff" * 11), "cut short"
    yield "a negative size", resized(b"\xff" * 12), "cut short"
    yield "a size of letters", resized(b"x" * 12), "damaged"
    yield "a long note", note.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20), "too long"
    for text in (b"0 a=b\n", b"99 a=b\n", b"x", b"-3 a=b\n", b"11 size=x\n", b"12 size=-1\n"):
        note.size = len(text)
        after = tarfile.TarInfo("y").tobuf(tarfile.USTAR_FORMAT)
        body = note.tobuf(tarfile.USTAR_FORMAT) + text.ljust(512, b"\0") + after
        yield f"the note {text!r}", body, "damaged"


def test_damaged_archives_are_one_line(tmp_path):
    for name, content, message in damaged_archives(tmp_path):
        (tmp_path / "bad.sigmf").write_bytes(content)
        line = refused(tmp_path / "bad.sigmf")
        assert any(each in line for each in message.split("|")), (name, line)


def test_an_archive_of_very_many_files(tmp_path):
    header = tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT)
    (tmp_path / "x.sigmf").write_bytes(header * (tar_members._MOST_MEMBERS + 1))
    assert "more than 10000 files" in refused(tmp_path / "x.sigmf")


# The first capture


def test_nothing_before_the_first_capture_is_of_the_recording(tmp_path):
    values = noise(1000)
    notes = [annotation(0, 600, "a"), annotation(300, None, "b"), annotation(0, 250, "c")]
    meta = save(tmp_path / "r", values, notes, captures=(300,))
    found = data.read(meta)
    assert found.truth.tolist() == ["a"] * 2 + ["b"] * 5
    np.testing.assert_array_equal(found.iq[:2], as_frames(values, 300, 2))
    np.testing.assert_array_equal(found.iq[2:], as_frames(values, 300, 5))
    assert found.metadata["annotations_too_short"] == 1
    known, part = recording.read(meta, 128)
    assert b"".join(part.blocks()) == values[600:].tobytes() and known.first_sample == 300
    names, _ = recording.Truth(known).of(np.arange(0, 640, 128), 128)
    assert names[:2] == ["b", "b"]


def test_a_first_capture_after_the_end(tmp_path):
    meta = save(tmp_path / "r", noise(300), [annotation(0, 300)], captures=(10**9,))
    assert "no annotation gives a frame" in refused(meta)


# Bands


def tones(count, *frequencies):
    """A tone in each band, cycles a sample; interleaved float32."""
    time = np.arange(count)
    samples = sum(np.exp(2j * np.pi * each * time) for each in frequencies)
    return samples.astype("<c8").view("<f4")


def edges(low, high):
    return {"core:freq_lower_edge": low, "core:freq_upper_edge": high}


def with_captures(meta, *captures):
    document = json.loads(meta.read_text())
    document["captures"] = [
        {"core:sample_start": start} | ({} if tuned is None else {"core:frequency": tuned})
        for start, tuned in captures
    ]
    meta.write_text(json.dumps(document))
    return meta


@pytest.mark.parametrize("tuned", [None, 433e6])
def test_a_band_is_shifted_to_the_middle_and_cut_out(tmp_path, tuned):
    values = tones(4000, 0.2 + 0.01, -0.1)
    at = tuned or 0
    notes = [
        annotation(500, 1280, "up", **edges(at + 35e3, at + 45e3)),  # 0.2 of the rate
        annotation(500, 1280, "down", **edges(at - 25e3, at - 15e3)),
        annotation(500, 1280, "all"),
    ]
    meta = save(tmp_path / "r", values, notes, **{"core:sample_rate": RATE})
    found = data.read(with_captures(meta, (0, tuned)))
    assert sorted(found.classes) == ["all", "down", "up"]
    time = np.arange(500, 1780)
    for name, frequency, shift in (("up", 0.21, 0.2), ("down", -0.1, -0.1)):
        iq = found.iq[found.truth == name].astype(float)
        samples = (iq[:, 0] + 1j * iq[:, 1]).ravel()
        np.testing.assert_allclose(
            samples, np.exp(2j * np.pi * (frequency - shift) * time), atol=0.01
        )
    np.testing.assert_array_equal(found.iq[found.truth == "all"], as_frames(values, 500, 10))


def test_each_capture_has_its_own_frequency(tmp_path):
    values = np.concatenate([tones(2000, 0.1), tones(2000, -0.2)])
    notes = [annotation(at, 1280, "x", **edges(100.015e6, 100.025e6)) for at in (300, 2300)]
    meta = save(tmp_path / "r", values, notes, **{"core:sample_rate": RATE})
    found = data.read(with_captures(meta, (0, 100e6), (2000, 100.06e6)))
    for row in (5, 15):
        iq = found.iq[row].astype(float)
        turned = np.angle((iq[0] + 1j * iq[1])[1:] / (iq[0] + 1j * iq[1])[:-1])
        np.testing.assert_allclose(turned, 0, atol=0.01)


def test_a_band_without_a_width_is_shifted_only(tmp_path):
    values = tones(1000, 0.25, -0.25)
    note = annotation(0, 896, "x", **edges(50e3, 50e3))
    found = data.read(save(tmp_path / "r", values, [note], **{"core:sample_rate": RATE}))
    iq = found.iq[:].astype(float)
    expected = 1 + np.exp(-1j * np.pi * np.arange(896))
    np.testing.assert_allclose((iq[:, 0] + 1j * iq[:, 1]).ravel(), expected, atol=1e-5)


def test_edges_that_cannot_be_used_are_told(tmp_path, caplog):
    values = noise(1000)
    for info, notes in (
        ({}, edges(35e3, 45e3)),  # no rate
        ({"core:sample_rate": RATE}, edges(433.035e6, 433.045e6)),  # not recorded
    ):
        caplog.clear()
        meta = save(tmp_path / "r", values, [annotation(0, 256, **notes)], **info)
        found = data.read(meta)
        np.testing.assert_array_equal(found.iq[:], as_frames(values, 0, 2))
        assert found.metadata["frequency_edges_not_used"] == 1
        assert "edges of 1 annotations are not used" in caplog.text


def test_edges_in_the_wrong_order(tmp_path):
    note = annotation(0, 256, **edges(45e3, 35e3))
    meta = save(tmp_path / "r", noise(300), [note], **{"core:sample_rate": RATE})
    assert "above its core:freq_upper_edge" in refused(meta)
    with pytest.raises(UserError, match="above its"):
        recording.read(meta, 128)


def test_a_signal_beside_the_middle_is_no_truth_of_a_stream(tmp_path, caplog):
    notes = [
        annotation(0, 256, "middle", **edges(-8e3, 8e3)),
        annotation(256, 256, "aside", **edges(30e3, 50e3)),
    ]
    meta = save(tmp_path / "r", noise(600), notes, **{"core:sample_rate": RATE})
    known, _ = recording.read(meta, 128)
    names, _ = recording.Truth(known).of(np.arange(0, 512, 128), 128)
    assert names == ["middle", "middle", None, None]
    assert "1 annotations are not in the middle" in caplog.text


def test_more_bands_than_anybody_has(tmp_path):
    notes = [annotation(0, 128, "x", **edges(i, 1e4 + 2 * i)) for i in range(4097)]
    info = {"core:sample_rate": RATE}
    assert "more than 4096 different bands" in refused(
        save(tmp_path / "r", noise(300), notes, **info)
    )
    assert len(data.read(save(tmp_path / "r", noise(300), notes[:500], **info)).in_memory()) == 500


# What models make of them


def received(name, shift_hz, seed=0, count=128 * 60):
    """Samples of 8 a symbol at the level of some receiver, with noise of -20 dB."""
    rng = np.random.default_rng(seed)
    samples = noisy(linear(name, 1, rng, length=count), 20, rng)[0]
    turned = samples * np.exp(2j * np.pi * shift_hz / RATE * np.arange(count))
    return (300 * turned).astype("<c8").view("<f4")


def accuracy(path, scaling="none"):
    model = Classifier.load("residual_nr")
    dataset = data.read(path).require_classes(model.classes).in_memory()
    return (model.decide(dataset.iq, scaling).label == dataset.label).mean()


def convert(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["dataset", "convert", *map(str, arguments)])
    assert end.value.code == 0


def test_the_recipe_makes_a_set_that_a_model_can_use(tmp_path):
    received("QPSK", 0).tofile(tmp_path / "in.cf32")
    facts = ("--sample-rate", "200e3", "--modulation", "QPSK", "--label-snr", "10")
    convert(tmp_path / "in.cf32", tmp_path / "out.npz", *facts)
    assert accuracy(tmp_path / "out.npz") > 0.9
    convert(tmp_path / "in.cf32", tmp_path / "as_is.npz", *facts, "--scaling", "as_is")
    assert accuracy(tmp_path / "as_is.npz") < 0.1


def test_a_signal_beside_the_middle_is_cut_out_for_a_model(tmp_path):
    both = received("BPSK", 40e3) + received("QPSK", -50e3, 1)
    notes = [
        annotation(0, None, "BPSK", **edges(20e3, 60e3)),
        annotation(0, None, "QPSK", **edges(-70e3, -30e3)),
    ]
    info = {"core:sample_rate": RATE}
    meta = save(tmp_path / "r", both, notes, **info)
    convert(meta, tmp_path / "out.npz")
    assert accuracy(tmp_path / "out.npz") > 0.9
    plain = save(tmp_path / "plain", both, [annotation(0, None, "BPSK")], **info)
    assert accuracy(plain, "sum_abs") < 0.5
