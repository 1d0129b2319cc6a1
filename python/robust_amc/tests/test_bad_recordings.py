"""Broken and hostile recordings and raw samples: one clear line, no memory taken, no hang."""

import json
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robust_amc import data
from robust_amc.cli import main
from robust_amc.data.formats import raw
from robust_amc.errors import UserError
from robust_amc.tests.files import memory_growth, refused, save_npz
from robust_amc.tests.test_recordings import annotation, noise, save

SAMPLES = 600
FACTS = raw.RawFacts(200e3, "QPSK", 10)


def sound():
    """The metadata of a recording that uses every field that is read."""
    own = {
        "htrd:first_run": 3,
        "htrd:run_step": 1,
        "htrd:channel_id": [1, 2],
        "htrd:true_snr_db": [1.5, None],
    }
    return {
        "global": {
            "core:datatype": "cf32_le",
            "core:version": "1.0.0",
            "core:sample_rate": 200e3,
            "core:num_channels": 1,
            "core:offset": 0,
            "core:extensions": [{"name": "htrd", "version": "1.0.0", "optional": True}],
            "htrd:frame_length": 128,
            "htrd:classes": ["BPSK", "QPSK"],
            "htrd:metadata": {"seed": 1},
        },
        "captures": [{"core:sample_start": 0}],
        "annotations": [
            annotation(0, 256, **own),
            annotation(300, 280, "BPSK", 0.5, **own),
        ],
    }


def write(path, document, samples=SAMPLES):
    meta = save(path, noise(samples), [])
    meta.write_text(document if isinstance(document, str) else json.dumps(document))
    return meta


def changed(*path, to=None):
    """The sound metadata with one value replaced; None takes it out."""
    document = sound()
    where = document
    for key in path[:-1]:
        where = where[key]
    if to is None:
        del where[path[-1]]
    else:
        where[path[-1]] = to
    return document


FIRST = ("annotations", 0)
GLOBAL = ("global",)
BAD = [
    ("no JSON", "{", "not a JSON object"),
    ("a list", "[]", "not a JSON object"),
    ("nothing", "", "not a JSON object"),
    ("NaN", '{"global": NaN}', "not a JSON object of finite numbers"),
    ("a number beyond all", '{"global": 1e999}', "not a JSON object of finite numbers"),
    ("a number of many digits", '{"global": 1' + "0" * 10000 + "}", "not a JSON object"),
    ("deep", '{"global": ' + "[" * 200 + "]" * 200 + "}", "more than 50 levels deep"),
    ("very deep", '{"global": ' + "[" * 100_000, "not a JSON object"),
    ("another document", {"name": "x"}, "not valid SigMF"),
    ("no datatype", changed(*GLOBAL, "core:datatype"), "core:datatype"),
    ("no version", changed(*GLOBAL, "core:version"), "core:version"),
    ("no captures", changed("captures"), "captures"),
    ("no annotations", changed("annotations"), "annotations"),
    ("annotations are text", changed("annotations", to="x"), "not valid SigMF"),
    ("annotations of numbers", changed("annotations", to=[1, 2]), "not valid SigMF"),
    ("no annotation", changed("annotations", to=[]), "there is none"),
    ("unknown datatype", changed(*GLOBAL, "core:datatype", to="cf16_le"), "not valid SigMF"),
    ("real samples", changed(*GLOBAL, "core:datatype", to="rf32_le"), "'rf32_le' cannot be read"),
    ("odd datatype", changed(*GLOBAL, "core:datatype", to="cf32_xx"), "'cf32_xx' cannot be read"),
    ("two channels", changed(*GLOBAL, "core:num_channels", to=2), "several channels"),
    ("samples elsewhere", changed(*GLOBAL, "core:dataset", to="/etc/passwd"), "not valid SigMF"),
    ("samples beside it", changed(*GLOBAL, "core:dataset", to="x.wav"), "plain .sigmf-data"),
    ("no samples", changed(*GLOBAL, "core:metadata_only", to=True), "plain .sigmf-data"),
    ("trailing bytes", changed(*GLOBAL, "core:trailing_bytes", to=8), "plain .sigmf-data"),
    (
        "header bytes",
        changed("captures", 0, to={"core:sample_start": 0, "core:header_bytes": 44}),
        "plain .sigmf-data",
    ),
    ("wrong checksum", changed(*GLOBAL, "core:sha512", to="0" * 128), "checksum core:sha512"),
    ("no checksum", changed(*GLOBAL, "core:sha512", to="x"), "not valid SigMF"),
    ("negative rate", changed(*GLOBAL, "core:sample_rate", to=-1), "not valid SigMF"),
    ("no start", changed(*FIRST, "core:sample_start"), "core:sample_start"),
    ("negative start", changed(*FIRST, "core:sample_start", to=-1), "not valid SigMF"),
    ("negative count", changed(*FIRST, "core:sample_count", to=-1), "not valid SigMF"),
    ("start of text", changed(*FIRST, "core:sample_start", to="0"), "not valid SigMF"),
    ("half a sample", changed(*FIRST, "core:sample_start", to=0.5), "not valid SigMF"),
    ("count too large", changed(*FIRST, "core:sample_count", to=601), "but the file has 600"),
    ("absurd count", changed(*FIRST, "core:sample_count", to=2**63 - 1), "but the file has 600"),
    ("beyond int64", changed(*FIRST, "core:sample_count", to=10**30), "not valid SigMF"),
    ("start too late", changed(*FIRST, "core:sample_start", to=601), "but the file has 600"),
    ("before the offset", changed(*GLOBAL, "core:offset", to=5), "600 from 5 on"),
    ("no SNR", changed(*FIRST, "capture_details:SNRdB"), "has no SNR; add capture_details:SNRdB"),
    ("SNR of text", changed(*FIRST, "capture_details:SNRdB", to="10"), "must be a number, in dB"),
    ("SNR true", changed(*FIRST, "capture_details:SNRdB", to=True), "must be a number, in dB"),
    ("absurd SNR", changed(*FIRST, "capture_details:SNRdB", to=1e300), "must be a number, in dB"),
    ("huge SNR", changed(*FIRST, "capture_details:SNRdB", to=10**4000), "must be a number, in dB"),
    ("label of numbers", changed(*FIRST, "core:label", to=5), "not valid SigMF"),
    ("label of escapes", changed(*FIRST, "core:label", to="\x1b[2J"), "cannot be printed"),
    ("half a character", changed(*FIRST, "core:label", to="\ud800"), "cannot be printed"),
    ("two lines", changed(*FIRST, "core:label", to="a\nb"), "cannot be printed"),
    ("not a class", changed(*FIRST, "core:label", to="8PSK"), "lacks the label '8PSK'"),
    ("classes of text", changed(*GLOBAL, "htrd:classes", to="QPSK"), "not a list of names"),
    ("classes of numbers", changed(*GLOBAL, "htrd:classes", to=[1]), "'1' is not the name"),
    ("a class twice", changed(*GLOBAL, "htrd:classes", to=["QPSK", "BPSK"] * 2), "named twice"),
    ("frames of 0", changed(*GLOBAL, "htrd:frame_length", to=0), "must be 1 …"),
    ("frames of text", changed(*GLOBAL, "htrd:frame_length", to="x" * 99), "must be 1 …"),
    ("huge frames", changed(*GLOBAL, "htrd:frame_length", to=10**18), "must be 1 …"),
    ("long frames", changed(*GLOBAL, "htrd:frame_length", to=281), "2 annotations_too_short"),
    ("metadata a list", changed(*GLOBAL, "htrd:metadata", to=[]), "not a JSON object"),
    ("run of text", changed(*FIRST, "htrd:first_run", to="1"), "that is not a run"),
    ("run step of 2", changed(*FIRST, "htrd:run_step", to=2), "that is not a run"),
    ("runs beyond int32", changed(*FIRST, "htrd:first_run", to=2**31 - 1), "has runs outside"),
    ("only some runs", changed(*FIRST, "htrd:first_run"), "htrd fields that others lack"),
    ("only some columns", changed(*FIRST, "htrd:channel_id"), "htrd fields that others lack"),
    ("short column", changed(*FIRST, "htrd:channel_id", to=[1]), "value for each of its 2 frames"),
    ("column of text", changed(*FIRST, "htrd:channel_id", to=["1", "2"]), "is not of type int32"),
    ("column of lists", changed(*FIRST, "htrd:channel_id", to=[[], []]), "is not of type int32"),
    ("column too large", changed(*FIRST, "htrd:channel_id", to=[1, 2**31]), "is not of type int32"),
    ("real column", changed(*FIRST, "htrd:true_snr_db", to=[1e39, 0]), "is not of type float32"),
    ("dictionary", changed(*FIRST, "htrd:true_snr_db", to=[{}, 0]), "is not of type float32"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), [row[1:] for row in BAD], ids=[r[0] for r in BAD])
def test_metadata(tmp_path, document, message):
    assert message in refused(write(tmp_path / "r", document))


def test_the_sound_one_is_read(tmp_path):
    found = data.read(write(tmp_path / "r", sound()))
    assert found.run_id.tolist() == [3, 4, 3, 4] and found.metadata == {"seed": 1}
    assert found.extra["channel_id"].tolist() == [1, 2, 1, 2]
    np.testing.assert_array_equal(found.extra["true_snr_db"], [1.5, np.nan] * 2)


def test_metadata_of_bytes(tmp_path):
    meta = write(tmp_path / "r", "{}")
    for content in (b"\xff\xfe{}", b"\x00" * 100, b"PK\x03\x04", "{}".encode("utf-16")):
        meta.write_bytes(content)
        refused(meta)


def test_one_file_of_the_two_is_missing(tmp_path):
    meta = write(tmp_path / "r", sound())
    samples = meta.with_suffix(".sigmf-data")
    content = samples.read_bytes()
    samples.unlink()
    assert "cannot read" in refused(meta)
    samples.write_bytes(content)
    meta.unlink()
    with pytest.raises(UserError, match=r"r\.sigmf-meta: there is no such file; it says what"):
        data.read(samples)


def test_every_truncation_of_the_samples(tmp_path):
    meta = write(tmp_path / "r", sound())
    samples = meta.with_suffix(".sigmf-data")
    content = samples.read_bytes()
    for size in [*range(0, len(content), 97), 8 * 580 - 1]:
        samples.write_bytes(content[:size])
        if size >= 8 * 580 and size % 8 == 0:  # the last annotation ends at sample 580
            data.read(meta).in_memory()
        else:
            refused(meta)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path, value):
    values = noise(SAMPLES)
    values[2 * 310 + 1] = value
    meta = save(tmp_path / "r", values, [annotation(0, 256), annotation(300, 256)])
    with pytest.raises(UserError, match=r"1 of 4 frames have NaN or infinite samples \(frames 2\)"):
        data.read(meta).in_memory()
    path = tmp_path / "in.cf32"
    path.write_bytes(values.tobytes())
    with pytest.raises(UserError, match=r"\(frames 2\)"):
        data.read(path, raw_facts=FACTS).in_memory()


def test_huge_metadata_take_no_memory_and_no_time(tmp_path):
    start = time.process_time()
    paths = []
    for name, text in {
        "large": " " * (1 << 26) + "{}",
        "objects": '{"annotations": [' + "{}," * 1_000_000 + "{}]}",
        "errors": json.dumps(sound() | {"annotations": [{}] * 300_000}),
        "numbers": json.dumps(sound() | {"captures": [1] * 1_000_000}),
    }.items():
        paths.append(write(tmp_path / name, text))
        refused(paths[-1])
    assert time.process_time() - start < 60  # some seconds; in squares of them, hours
    assert memory_growth(*paths) < 400e6


def test_annotations_that_multiply_the_file(tmp_path):
    meta = save(tmp_path / "r", noise(1 << 16), [annotation(0, 1 << 16)] * 20_000)
    with pytest.raises(UserError, match="annotations overlap so much"):
        data.read(meta, frame_length=8)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "convert it and give --sample-rate, --modulation, --label-snr: htrd dataset"),
        (raw.RawFacts(2e5, "QPSK"), "give --label-snr: htrd dataset convert in.cf32 out.npz"),
        (raw.RawFacts(0, "QPSK", 1), "sample rate must be positive"),
        (raw.RawFacts(float("nan"), "QPSK", 1), "sample rate must be positive"),
        (raw.RawFacts(float("inf"), "QPSK", 1), "sample rate must be positive"),
        (raw.RawFacts(2e5, "", 1), "not the name of a modulation"),
        (raw.RawFacts(2e5, "\x1b", 1), "not the name of a modulation"),
        (raw.RawFacts(2e5, "QPSK", float("nan")), "SNR must be in dB"),
    ],
)
def test_raw_facts(tmp_path, facts, message):
    path = tmp_path / "in.cf32"
    path.write_bytes(noise(SAMPLES).tobytes())
    with pytest.raises(UserError) as error:
        data.read(path, raw_facts=facts)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("size", "frame_length", "message"),
    [
        (0, None, "0 samples, too few for a frame of 128"),
        (8 * 127, None, "127 samples, too few for a frame of 128"),
        (8 * 128 + 4, None, "not a whole number of samples of 8 bytes"),
        (8 * 200, 201, "too few for a frame of 201"),
        (8 * 200, 0, "frame length must be 1 …"),
        (8 * 200, -128, "frame length must be 1 …"),
        (8 * 200, 10**12, "frame length must be 1 …"),
    ],
)
def test_raw_sizes(tmp_path, size, frame_length, message):
    path = tmp_path / "in.cf32"
    path.write_bytes(noise(SAMPLES).tobytes()[:size])
    with pytest.raises(UserError) as error:
        data.read(path, frame_length, FACTS)
    assert message in str(error.value)


NPZ = [
    ("wrong length", {"true_snr_db": np.zeros(5)}, "true_snr_db has the shape (5,)"),
    ("text", {"true_snr_db": np.array(["1"] * 6)}, "must be numbers"),
    ("objects", {"channel_id": np.array([None] * 6)}, "objects, which are never loaded"),
    ("real numbers", {"channel_id": np.zeros(6)}, "must be whole numbers"),
    ("too large", {"channel_id": np.full(6, 2**40)}, "channel_id has values outside"),
    ("unknown", {"color": np.zeros(6)}, "unknown fields color"),
    ("deep metadata", {"metadata": np.array('{"a":' + "[" * 60 + "]" * 60 + "}")}, "levels deep"),
    ("infinite metadata", {"metadata": np.array('{"a": 1e999}')}, "finite numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), [row[1:] for row in NPZ], ids=[r[0] for r in NPZ])
def test_optional_fields_of_an_npz(tmp_path, changes, message):
    assert message in refused(save_npz(tmp_path / "bad.npz", **changes))


def test_optional_fields_are_read(tmp_path):
    extra = {"true_snr_db": np.arange(6.0), "channel_id": np.arange(6, dtype=np.uint8)}
    found = data.read(save_npz(tmp_path / "set.npz", **extra)).extra
    assert {name: column.dtype for name, column in found.items()} == {
        "true_snr_db": np.float32,
        "channel_id": np.int32,
    }
    assert found["true_snr_db"].tolist() == found["channel_id"].tolist() == list(range(6))


@pytest.mark.parametrize("command", ["info", "convert"])
def test_command_line_says_one_line(tmp_path, capsys, command):
    meta = write(tmp_path / "r", changed("annotations", 0, "capture_details:SNRdB"))
    with pytest.raises(SystemExit) as end:
        main(["dataset", command, str(meta), *["out.npz"][: command == "convert"]])
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1 and "has no SNR" in said


def whole(path, **how):
    """Read everything: either one line says no, or the data set fits together."""
    try:
        dataset = data.read(path, **how).in_memory()
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
        return
    count = len(dataset)
    assert count and dataset.iq.shape == (count, 2, dataset.frame_length)
    assert np.isfinite(dataset.iq).all() and np.isfinite(dataset.snr_db).all()
    assert 0 <= dataset.label.min() <= dataset.label.max() < len(dataset.classes)
    assert all(name.isprintable() for name in dataset.classes)
    json.dumps(dataset.metadata, allow_nan=False)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2, 128, 2**31, 2**63, 10**400, 1e308, 0.5, 256.0])
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["cf32_le", "ci8", "cf64_be", "cu8", "inf", "QPSK", "core:label"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def places(value, path=()):
    """Where every value of a JSON document stands."""
    yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(st.data())
def test_any_value_of_the_metadata(tmp_path, choose):
    document = sound()
    for _ in range(choose.draw(st.integers(1, 3))):
        *path, last = choose.draw(st.sampled_from([p for p in places(document) if p]))
        where = document
        for key in path:
            where = where[key]
        where[last] = choose.draw(JSON)
    whole(write(tmp_path / "r", document))


@FUZZ
@given(st.data())
def test_any_text_of_the_metadata(tmp_path, choose):
    text = bytearray(json.dumps(sound()).encode())
    for _ in range(choose.draw(st.integers(1, 4))):
        start = choose.draw(st.integers(0, len(text)))
        end = start + choose.draw(st.integers(0, 4))
        text[start:end] = choose.draw(st.binary(max_size=3))
    meta = write(tmp_path / "r", "{}")
    meta.write_bytes(text)
    whole(meta)


@FUZZ
@given(st.data())
def test_any_bytes_of_the_samples(tmp_path, choose):
    datatype = choose.draw(st.sampled_from(["cf32_le", "cf64_be", "ci16_le", "cu8"]))
    content = bytearray(noise(SAMPLES).tobytes())
    for _ in range(choose.draw(st.integers(0, 3))):
        content[choose.draw(st.integers(0, len(content) - 1))] = choose.draw(st.integers(0, 255))
    content = content[: choose.draw(st.integers(0, len(content)))]
    values = np.frombuffer(bytes(content), np.uint8)
    whole(save(tmp_path / "r", values, [annotation(0), annotation(200, 200, "x")], datatype))
    path = tmp_path / "in.cf32"
    path.write_bytes(content)
    length = choose.draw(st.none() | st.integers(-1, 700))
    whole(path, frame_length=length, raw_facts=FACTS)
