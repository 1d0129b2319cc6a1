"""`htrd classify` on real files, pipes, sockets and signals."""

import importlib.util
import json
import os
import re
import signal
import socket as socket_module
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sigmf

import robust_amc
from robust_amc import data, frames
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats import npz, registry
from robust_amc.data.formats.base import RawFacts
from robust_amc.streams import zmq_source
from robust_amc.tests import wav_files
from robust_amc.tests.conftest import CLASSES, toy_dataset, toy_frames, toy_metadata
from robust_amc.tests.rounding import on_edge, room

RATE = 200e3
needs_zmq = pytest.mark.skipif(
    importlib.util.find_spec("zmq") is None, reason="pyzmq is not installed (extra zmq)"
)
EXACT = ["--engine", "torch"]  # what is tested here is not the choice of an engine
COMMAND = [sys.executable, "-c", "from robust_amc.cli import main; main()", "classify", *EXACT]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(robust_amc.__file__).parents[1])}


@pytest.fixture
def folder(tmp_path, monkeypatch, rejecting):
    """An empty folder with a model `m.safetensors`."""
    monkeypatch.chdir(tmp_path)
    rejecting.save("m.safetensors")
    return tmp_path


def radio_samples(count=60, seed=7):
    """Samples of frames of all classes, one after the other, as a radio might give them."""
    iq, _ = toy_frames(count, seed)
    return frames.to_complex(iq).ravel() * np.float32(20)


def run(capsys, *arguments, status=0):
    """Standard output and standard error of a command that must exit with `status`."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["classify", "--model", "m.safetensors", "--device", "cpu", *EXACT,
              *map(str, arguments)])
    said = capsys.readouterr()
    assert caught.value.code == status, said.err
    assert "Traceback" not in said.err
    return said


def decisions(capsys, *arguments):
    return [json.loads(line) for line in run(capsys, *arguments).out.splitlines()]


def refused(capsys, *arguments):
    """The one line with which a command is refused."""
    said = run(capsys, *arguments, status=2)
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert not said.out
    return line


def check(found, decided, classes):
    """Decisions in JSON are those of Classifier.decide(), but for frames on an edge."""
    assert len(found) == len(decided.label)
    edge = on_edge(decided.score, found[0].get("threshold"))
    assert edge.mean() < 0.2
    for record, label, score, valid, near, off in zip(
        found, decided.label, decided.score, decided.valid, edge, room(decided.score)
    ):
        assert record["rejected"] == ("modulation" not in record)
        if not near:
            assert record.get("modulation") == (classes[label] if label >= 0 else None)
        assert record.get("invalid", False) == (not valid)
        if valid:
            assert record["score"] == pytest.approx(score.max(), abs=off)
        else:
            assert "score" not in record


def expected(samples, starts, scaling="sum_abs", **settings):
    model = Classifier.load("m.safetensors")
    for name, value in settings.items():
        getattr(model, name)(value)
    cut = np.stack([samples[start : start + 128] for start in starts])
    return model.decide(frames.to_iq(cut), scaling)


def test_raw_samples_are_decided_as_frames_of_a_radio(folder, capsys):
    samples = radio_samples()
    samples[5 * 128 + 3] = np.nan
    samples[7 * 128 : 8 * 128] = 0
    samples.tofile("r.cf32")
    found = decisions(capsys, "r.cf32", "--sample-rate", RATE, "--scores")
    decided = expected(samples, range(0, len(samples), 128))
    check(found, decided, CLASSES)
    assert len({record.get("modulation") for record in found}) > 1
    assert [record["frame_index"] for record in found] == list(range(60))
    assert [record["sample_offset"] for record in found] == list(range(0, len(samples), 128))
    assert found[3]["time_s"] == pytest.approx(3 * 128 / RATE)
    power = 10 * np.log10(np.mean(np.abs(samples[:128].astype(np.complex128)) ** 2))
    assert found[0]["frame_power_db"] == pytest.approx(power, abs=1e-3)
    assert list(found[0]["scores"]) == list(CLASSES)
    scores = list(found[0]["scores"].values())
    np.testing.assert_allclose(scores, decided.score[0], atol=room(decided.score)[0])
    assert found[0]["threshold"] == pytest.approx(Classifier.load("m.safetensors").threshold)
    assert found[5]["invalid"] and "frame_power_db" not in found[5]
    assert found[7]["invalid"] and not {"truth", "snr_db"} & set(found[0])
    assert all("NaN" not in json.dumps(record) for record in found)


def test_hop_squelch_limit_and_summary(folder, capsys):
    samples = radio_samples()
    samples[1280:2560] *= np.float32(0.01)
    samples.tofile("r.cf32")
    starts = list(range(0, len(samples) - 127, 50))
    check(decisions(capsys, "r.cf32", "--hop", 50), expected(samples, starts), CLASSES)

    level = 10 * np.log10(np.mean(np.abs(samples) ** 2)) - 10
    said = run(capsys, "r.cf32", "--squelch-db", level)
    found = [json.loads(line) for line in said.out.splitlines()]
    starts = [start for start in range(0, len(samples), 128) if not 1280 <= start < 2560]
    assert [record["sample_offset"] for record in found] == starts
    assert [record["frame_index"] for record in found] == list(range(50))
    check(found, expected(samples, starts), CLASSES)
    assert "50 frames decided" in said.err and "10 below the squelch" in said.err
    assert len(decisions(capsys, "r.cf32", "--limit", 7)) == 7


def test_frames_of_a_data_set_are_scaled_and_have_their_truth(folder, capsys):
    dataset = toy_dataset(40, 9)
    dataset.iq[:] *= np.linspace(0.8, 1.2, 40, dtype=np.float32)[:, None, None]
    npz.write(dataset, "d.npz")
    model = Classifier.load("m.safetensors")
    said = run(capsys, "d.npz")
    found = [json.loads(line) for line in said.out.splitlines()]
    check(found, model.decide(dataset.iq, "auto"), CLASSES)
    assert [record["truth"] for record in found] == dataset.truth.tolist()
    assert [record["snr_db"] for record in found] == dataset.snr_db.tolist()
    assert not {"sample_offset", "time_s"} & set(found[0])
    correct = np.mean([record.get("modulation") == record["truth"] for record in found])
    assert f"accuracy {correct:.3f} of 40" in said.err
    for choice, scaling in (("as_model", "sum_abs"), ("none", "none")):
        found = decisions(capsys, "d.npz", "--scaling", choice, "--limit", 9)
        check(found, model.decide(dataset.iq[:9], scaling), CLASSES)


def test_threshold_and_target_rejection(folder, capsys):
    samples = radio_samples()
    samples.tofile("r.cf32")
    starts = range(0, len(samples), 128)
    rates = {}
    for option, setter, value in (
        ("--target-rejection", "set_target_rejection", 0.0),
        ("--target-rejection", "set_target_rejection", 0.6),
        ("--threshold", "set_threshold", 0.9),
    ):
        found = decisions(capsys, "r.cf32", option, value)
        check(found, expected(samples, starts, **{setter: value}), CLASSES)
        rates[option, value] = np.mean([record["rejected"] for record in found])
    assert rates["--target-rejection", 0.0] < rates["--target-rejection", 0.6]
    both = ("--threshold", 0, "--target-rejection", 0.1)
    assert "not both" in refused(capsys, "r.cf32", *both)


def save_recording(values, datatype="ci16_le", annotations=(), **info):
    Path("in.sigmf-data").write_bytes(values.tobytes())
    document = {
        "global": {"core:datatype": datatype, "core:version": "1.0.0"} | info,
        "captures": [{"core:sample_start": 0, "core:frequency": 433e6}],
        "annotations": list(annotations),
    }
    Path("in.sigmf-meta").write_text(json.dumps(document))
    return "in.sigmf-meta"


def as_int16(samples):
    pairs = samples.view(np.float32) / np.abs(samples.view(np.float32)).max() * 30000
    return pairs.astype("<i2")


def test_recording_in_annotated_recording_out(folder, capsys):
    values = as_int16(radio_samples(30))
    theirs = [
        {"core:sample_start": 128, "core:sample_count": 256, "core:label": "chirp",
         "capture_details:SNRdB": 10.5},
        {"core:sample_start": 2000, "core:sample_count": 100, "core:comment": "look here"},
    ]  # fmt: skip
    uses = [{"name": "capture_details", "version": "1.0.0", "optional": True}]
    facts = {"core:sample_rate": RATE, "core:extensions": uses}
    meta = save_recording(values, annotations=theirs, **facts)
    said = run(capsys, meta, "--annotate", "out.sigmf-meta")
    found = [json.loads(line) for line in said.out.splitlines()]
    samples = (values / np.float32(2**15)).astype(np.float32).view(np.complex64)
    check(found, expected(samples, range(0, len(samples), 128)), CLASSES)
    assert [record.get("truth") for record in found[:4]] == [None, "chirp", "chirp", None]
    assert found[1]["snr_db"] == 10.5 and found[1]["time_s"] == 128 / RATE

    written = sigmf.fromfile("out.sigmf-meta")  # with the checksum
    written.validate()
    assert Path("out.sigmf-data").read_bytes() == values.tobytes()
    assert written.get_global_info()["core:sample_rate"] == RATE
    assert written.get_captures()[0]["core:frequency"] == 433e6
    annotations = json.loads(Path("out.sigmf-meta").read_text())["annotations"]
    starts = [each["core:sample_start"] for each in annotations]
    assert starts == sorted(starts)
    assert [each for each in annotations if "core:generator" not in each] == theirs
    own = [each for each in annotations if "core:generator" in each]
    assert sum(each["htrd:frames"] for each in own) == 30
    for record in found:
        (each,) = [
            each for each in own
            if 0 <= record["sample_offset"] - each["core:sample_start"] < each["core:sample_count"]
        ]  # fmt: skip
        assert each.get("core:label") == record.get("modulation")
        assert each["core:comment"].startswith("rejected") == record["rejected"]
        edges = [each[f"core:freq_{edge}_edge"] for edge in ("lower", "upper")]
        assert edges == [433e6 - RATE / 2, 433e6 + RATE / 2]
    for one, other in zip(own, own[1:]):  # those that could be one are one
        assert one.get("core:label") != other.get("core:label")
    again = decisions(capsys, "out.sigmf-data")
    assert [r.get("truth") for r in again] == [r.get("truth") for r in found]
    assert "exists already" in refused(capsys, meta, "--annotate", "out.sigmf-meta")


def test_raw_samples_in_annotated_recording_out(folder, capsys):
    samples = radio_samples(20)[:-5]
    samples.tofile("r.cf32")
    facts = ("--sample-rate", RATE, "--center-frequency", 433.92e6)
    found = decisions(capsys, "r.cf32", "--hop", 64, *facts, "--annotate", "r.sigmf-meta")
    written = sigmf.fromfile("r.sigmf-meta")
    written.validate()
    np.testing.assert_array_equal(written.read_samples(), samples)  # the last ones too
    assert written.get_global_info()["core:sample_rate"] == RATE
    assert written.get_captures() == [{"core:sample_start": 0, "core:frequency": 433.92e6}]
    own = written.get_annotations()
    assert sum(each["htrd:frames"] for each in own) == len(found) == 38
    ends = [each["core:sample_start"] + each["core:sample_count"] for each in own]
    assert ends[-1] == found[-1]["sample_offset"] + 128
    # Frames that overlap and are decided alike share one; it ends with the last of them
    for each, end in zip(own, ends):
        inside = [
            record
            for record in found
            if each["core:sample_start"] <= record["sample_offset"] <= end - 128
        ]
        assert {record.get("modulation") for record in inside} == {each.get("core:label")}
        assert len(inside) == each["htrd:frames"]


def test_a_recording_that_is_a_data_set_is_not_scaled_again(folder, capsys):
    dataset = toy_dataset(20, 11)
    registry.write(dataset, "d.sigmf-meta")
    found = decisions(capsys, "d.sigmf-meta")
    check(found, Classifier.load("m.safetensors").decide(dataset.iq), CLASSES)
    assert [record["truth"] for record in found] == dataset.truth.tolist()
    document = json.loads(Path("d.sigmf-meta").read_text())
    document["global"]["htrd:frame_length"] = 100
    Path("d.sigmf-meta").write_text(json.dumps(document))
    assert "frames of 100 samples" in refused(capsys, "d.sigmf-meta")


def test_other_types_of_samples_are_named(folder, capsys):
    values = as_int16(radio_samples(12))
    values.tofile("r.iq")
    line = refused(capsys, "r.iq")
    assert "--datatype" in line and "ci16_le" in line
    samples = (values / np.float32(2**15)).astype(np.float32).view(np.complex64)
    found = decisions(capsys, "r.iq", "--datatype", "ci16_le")
    check(found, expected(samples, range(0, len(samples), 128)), CLASSES)
    assert "must be complex" in refused(capsys, "r.iq", "--datatype", "rf32_le")
    Path("r.iq").rename("R.CS16")  # a name that says it, and may be wrong
    assert decisions(capsys, "R.CS16") == found
    assert len(decisions(capsys, "R.CS16", "--datatype", "cu8")) == 2 * len(found)
    meta = save_recording(values[:300], "ri16_le")
    assert "must be complex" in refused(capsys, meta)
    meta = save_recording(values, **{"core:sample_rate": RATE})
    assert "says itself" in refused(capsys, meta, "--sample-rate", 1e6)
    assert "says itself" in refused(capsys, meta, "--datatype", "cf32_le")


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_wav_files_are_decided_as_their_samples(folder, capsys, bits):
    samples = radio_samples(12)
    values = samples.view(np.float32) / np.abs(samples.view(np.float32)).max()
    body = wav_files.chunk(b"data", wav_files.stored(values, wav_files.PCM, bits))
    head = wav_files.form(wav_files.PCM, 2, int(RATE), bits), wav_files.auxi(7_100_000)
    Path("r.wav").write_bytes(wav_files.wav(*head, body))
    found = decisions(capsys, "r.wav", "--annotate", "out.sigmf-meta")
    facts = RawFacts(modulation="chirp", snr_db=10)
    read = frames.to_complex(data.read("r.wav", raw_facts=facts).in_memory().iq).ravel()
    check(found, expected(read, range(0, len(read), 128)), CLASSES)
    assert found[3]["time_s"] == 3 * 128 / RATE
    written = sigmf.fromfile("out.sigmf-meta")
    written.validate()
    np.testing.assert_array_equal(written.read_samples(), read)
    assert written.get_captures() == [{"core:sample_start": 0, "core:frequency": 7.1e6}]
    other = decisions(capsys, "r.wav", "--sample-rate", 2 * RATE)
    assert other[3]["time_s"] == 3 * 64 / RATE
    for wrong in (("--datatype", "ci16_le"), ("--follow",)):
        assert "is a WAV file" in refused(capsys, "r.wav", *wrong)


def test_a_real_signal_is_decided_as_its_upper_sideband(folder, capsys):
    time = np.arange(128 * 40)
    wave = np.cos(2 * np.pi * (0.1 * time + 5 * np.sin(time / 300)))
    body = wav_files.chunk(b"data", wav_files.stored(wave * 0.9, wav_files.PCM, 16))
    Path("r.wav").write_bytes(wav_files.wav(wav_files.form(wav_files.PCM, 1, 48_000, 16), body))
    found = decisions(capsys, "r.wav", "--hop", 64)
    facts = RawFacts(modulation="chirp", snr_db=10)
    read = frames.to_complex(data.read("r.wav", raw_facts=facts).in_memory().iq).ravel()
    check(found, expected(read, range(0, len(read) - 127, 64)), CLASSES)


def test_archives_and_late_captures(folder, capsys):
    values = as_int16(radio_samples(12))
    meta = save_recording(values, **{"core:sample_rate": RATE})
    document = json.loads(Path(meta).read_text())
    document["captures"] = [{"core:sample_start": 200, "core:frequency": 1e6}]
    document["annotations"] = [
        {"core:sample_start": 0, "core:sample_count": 328, "core:label": "chirp"},
        {"core:sample_start": 328, "core:sample_count": 128, "core:label": "pulse"},
    ]
    Path(meta).write_text(json.dumps(document))
    plain = decisions(capsys, meta)
    samples = (values / np.float32(2**15)).astype(np.float32).view(np.complex64)
    check(plain, expected(samples[200:], range(0, len(samples) - 327, 128)), CLASSES)
    assert [each.get("truth") for each in plain[:3]] == ["chirp", "pulse", None]
    with tarfile.open("x.sigmf", "w") as archive:
        archive.add("in.sigmf-meta")
        archive.add("in.sigmf-data")
    assert decisions(capsys, "x.sigmf", "--annotate", "out.sigmf-meta") == plain
    sigmf.fromfile("out.sigmf-meta").validate()
    written = json.loads(Path("out.sigmf-meta").read_text())
    assert Path("out.sigmf-data").read_bytes() == values[400:].tobytes()
    assert written["global"]["core:offset"] == 200
    own = [each for each in written["annotations"] if "core:generator" in each]
    assert own[0]["core:sample_start"] == 200
    assert decisions(capsys, "out.sigmf-meta") == plain
    assert "an archive, which does not grow" in refused(capsys, "x.sigmf", "--follow")


def test_mistakes_are_one_line(folder, capsys):
    samples = radio_samples(4)
    samples[:100].tofile("short.cf32")
    Path("half.cf32").write_bytes(samples.tobytes()[:-3])
    samples.tofile("r.cf32")
    npz.write(toy_dataset(8), "d.npz")
    Path("noise.dat").write_bytes(b"no data set at all")
    assert "100 samples, too few for a frame of 128" in refused(capsys, "short.cf32")
    assert "whole number of samples" in refused(capsys, "half.cf32")
    assert "cannot read" in refused(capsys, "none.cf32")
    assert "there is no file" in refused(capsys, "none")
    assert "noise.dat" in refused(capsys, "noise.dat")
    assert "--hop" in refused(capsys, "d.npz", "--hop", 64)
    both = ("--follow", "--annotate", "o.sigmf-meta")
    assert "--annotate, --follow" in refused(capsys, "d.npz", *both)
    assert "sample rate" in refused(capsys, "r.cf32", "--sample-rate", -1)
    assert "center frequency" in refused(capsys, "r.cf32", "--center-frequency", "nan")
    assert "squelch" in refused(capsys, "r.cf32", "--squelch-db", "nan")
    assert "must end in" in refused(capsys, "r.cf32", "--annotate", "out.json")
    assert "no device" in refused(capsys, "r.cf32", "--device", "gpu9")
    refused(capsys, "short.cf32", "--annotate", "o.sigmf-meta")
    assert not list(folder.glob("*o.sigmf*")) and not list(folder.glob(".*"))


def test_a_table_for_people(folder, capsys, plain):
    npz.write(toy_dataset(12, 3), "d.npz")
    lines = run(capsys, "d.npz", "--format", "table").out.splitlines()
    assert len(lines) == 13
    headings = "frame sample time s power dB decision score threshold truth SNR dB"
    assert " ".join(lines[0].split()) == headings
    for line, record in zip(lines[1:], decisions(capsys, "d.npz"), strict=True):
        cells = line.split()
        assert int(cells[0]) == record["frame_index"]
        assert record.get("modulation", "rejected") in cells and record["truth"] in cells
    plain.metadata = toy_metadata()
    plain.save("m.safetensors")  # without a rejector: no threshold
    assert all("threshold" not in record for record in decisions(capsys, "d.npz"))
    assert "no rejector" in refused(capsys, "d.npz", "--threshold", 0)


def test_the_fastest_engine_is_taken_and_named(folder, capsys):
    samples = radio_samples(16)
    samples.tofile("r.cf32")
    with pytest.raises(SystemExit):
        main(["classify", "r.cf32", "--model", "m.safetensors", "--device", "cpu"])
    said = capsys.readouterr()
    assert re.search(r"^engine: \w+ float32: \d+ frames/s", said.err, re.MULTILINE)
    found = [json.loads(line) for line in said.out.splitlines()]
    check(found, expected(samples, range(0, len(samples), 128)), CLASSES)


def test_an_exported_model_decides_the_same(folder, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    samples = radio_samples(16)
    samples.tofile("r.cf32")
    with pytest.raises(SystemExit):
        main(["export", "m.safetensors", "as.onnx", "--scaling", "as_model"])
    with pytest.raises(SystemExit):
        main(["classify", "r.cf32", "--model", "as.onnx", "--engine", "onnxruntime"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    check(found, expected(samples, range(0, len(samples), 128)), CLASSES)
    with pytest.raises(SystemExit) as caught:
        main(["classify", "r.cf32", "--model", "as.onnx", "--scaling", "none"])
    assert caught.value.code == 2 and "--scaling as_model" in capsys.readouterr().err


def test_standard_input(folder, capsys, monkeypatch):
    samples = radio_samples(30)
    readable, writable = os.pipe()

    def send():
        with os.fdopen(writable, "wb", buffering=0) as pipe:
            for part in np.array_split(np.frombuffer(samples.tobytes() + b"xyz", "u1"), 37):
                pipe.write(part.tobytes())
                time.sleep(0.001)

    sender = threading.Thread(target=send)
    with os.fdopen(readable) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        sender.start()
        said = run(capsys, "-")
    sender.join()
    found = [json.loads(line) for line in said.out.splitlines()]
    check(found, expected(samples, range(0, len(samples), 128)), CLASSES)
    assert "3 bytes at the end" in said.err and "standard input: 30 frames" in said.err
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in refused(capsys, "-")


def start(*arguments, **more):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--model", "m.safetensors", "--device", "cpu"],
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def test_a_growing_file_is_followed_until_ctrl_c(folder, capsys):
    samples = radio_samples(40)
    with open("live.cf32", "wb", buffering=0) as file:
        file.write(samples[: 3 * 128 + 50].tobytes()[:-2])  # not even a whole sample
        process = start("live.cf32", "--follow", "--annotate", "o.sigmf-meta", "--latency", 20,
                        stdout=subprocess.PIPE)  # fmt: skip
        # A partial batch comes although nothing follows it
        first = [json.loads(process.stdout.readline()) for _ in range(3)]
        file.write(samples[: 3 * 128 + 50].tobytes()[-2:])
        file.write(samples[3 * 128 + 50 :].tobytes())
        rest = [json.loads(process.stdout.readline()) for _ in range(37)]
        assert process.poll() is None  # they came while it waits for more
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=300)
    assert process.returncode == 130 and not out and "Traceback" not in error
    assert "40 frames decided" in error and "wrote o.sigmf-meta" in error
    check(first + rest, expected(samples, range(0, len(samples), 128)), CLASSES)
    assert Path("o.sigmf-data").read_bytes() == samples.tobytes()
    sigmf.fromfile("o.sigmf-meta").validate()
    assert not list(folder.glob(".*"))


def test_a_reader_that_leaves_is_no_error(folder):
    radio_samples(1200).tofile("r.cf32")
    with start("r.cf32", stdout=subprocess.PIPE) as process:
        json.loads(process.stdout.readline())
        process.stdout.close()
        error = process.stderr.read()
        assert process.wait(300) == 0
    assert "Traceback" not in error and "Exception" not in error and "BrokenPipe" not in error


def test_a_full_disk_is_one_line(folder, capsys, monkeypatch):
    radio_samples(4).tofile("r.cf32")
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert "standard output: No space left" in refused(capsys, "r.cf32")


@needs_zmq
@pytest.mark.parametrize("kind", ["PUB", "PUSH"])
def test_samples_from_gr_zeromq(folder, capsys, kind):
    import zmq

    samples = radio_samples(20)
    context = zmq.Context()
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    done = threading.Event()

    def send():
        part = 0
        while not done.is_set():
            message = samples[part * 100 : part * 100 + 100].tobytes()
            try:  # with a key before it now and then, as Pub Sink can
                socket.send_multipart([b"key", message] if part % 2 else [message], zmq.NOBLOCK)
                part = (part + 1) % 25  # 2,500 of the 2,560 samples, again and again
            except zmq.Again:
                pass
            time.sleep(0.002)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        found = decisions(capsys, f"tcp://127.0.0.1:{port}", "--limit", 30)
    finally:
        done.set()
        sender.join()
        context.destroy(linger=0)
    # From a message on that cannot be chosen
    played = np.tile(samples[:2500], 3)
    begins = [
        expected(played, range(100 * first, 100 * first + 30 * 128, 128)) for first in range(25)
    ]
    names = np.array([record.get("modulation") for record in found])
    alike = [np.mean(names == np.array([*CLASSES, None])[each.label]) for each in begins]
    assert max(alike) > 0.95
    assert [record["sample_offset"] for record in found] == list(range(0, 30 * 128, 128))


@needs_zmq
def test_messages_that_are_not_samples_are_skipped(folder, capsys):
    import zmq

    samples = radio_samples(4).tobytes()
    odd = [b"\xf0\x5f\x01" + bytes(16 + 800), b"\xf0\x5f\x01" + bytes(21 + 800), b"abc", b"x" * 9]
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")

    def send():  # waits for the receiver
        for message in [*odd, samples, *odd, samples]:
            socket.send(message)

    sender = threading.Thread(target=send)
    sender.start()
    said = run(capsys, f"tcp://127.0.0.1:{port}", "--limit", 8)
    sender.join()
    context.destroy(linger=0)
    found = [json.loads(line) for line in said.out.splitlines()]
    check(found, expected(radio_samples(4), [*range(0, 512, 128)] * 2), CLASSES)
    assert said.err.count("without tags") == 1 and "of 819 bytes" in said.err
    assert "8 messages without samples skipped" in said.err


@needs_zmq
def test_a_message_that_is_too_large_ends_nothing(monkeypatch, caplog):
    import zmq

    monkeypatch.setattr(zmq_source, "LARGEST", 4096)
    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    done = threading.Event()

    def send():  # what follows a lost message at once may be lost with it
        for size in (800, 4096, 4104):
            socket.send(bytes(size))
        while not done.wait(0.02):
            with suppress(zmq.Again):
                socket.send(bytes(1600), zmq.NOBLOCK)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    source = zmq_source.ZmqSource(f"tcp://127.0.0.1:{port}", 8)
    try:
        sizes, end = [], time.monotonic() + 60
        while 1600 not in sizes and time.monotonic() < end:
            sizes += [len(block)] if (block := source.read(0.05)) else []
        assert sizes == [800, 4096, 1600]
    finally:
        done.set()
        sender.join()
        source.close()
        context.destroy(linger=0)
    assert "disconnected" in caplog.text


@needs_zmq
@pytest.mark.parametrize("answers", [False, True])
def test_a_port_without_a_sink_is_told_once(monkeypatch, caplog, answers):
    """Nothing listens there, or something that is not a sink of gr-zeromq."""
    monkeypatch.setattr(zmq_source, "PATIENCE", 0.1)
    with socket_module.socket() as other:
        other.bind(("127.0.0.1", 0))
        if answers:
            other.listen()
        source = zmq_source.ZmqSource(f"tcp://127.0.0.1:{other.getsockname()[1]}", 8)
        end = time.monotonic() + 60
        while not caplog.records and time.monotonic() < end:
            assert source.read(0.02) == b""
        for _ in range(3):
            source.read(0.02)
        source.close()
    (record,) = caplog.records
    assert ("no Pub or Push Sink" if answers else "no answer") in record.getMessage()


@needs_zmq
@pytest.mark.parametrize(
    "address, words",
    [
        ("nonsense://somewhere", "cannot connect"),
        ("tcp://127.0.0.1:99999", "no port 99999"),
        ("tcp://127.0.0.1:0", "no port 0"),
        ("tcp://127.0.0.1", "cannot connect"),
        ("tcp://a\0b:5", "cannot connect"),
    ],
)
def test_addresses_that_are_none(folder, capsys, address, words):
    assert words in refused(capsys, address)


@pytest.mark.parametrize("gain", [1, 37])
def test_a_data_set_in_any_scale(folder, capsys, gain):
    dataset = toy_dataset(4, 9)
    npz.write(replace(dataset, iq=dataset.iq * np.float32(gain)), "d.npz")
    decided = Classifier.load("m.safetensors").decide(dataset.iq)
    said = run(capsys, "d.npz")
    found = [json.loads(line) for line in said.out.splitlines()]
    check(found, decided, CLASSES)
    said = run(capsys, "d.npz", "--scaling", "none")
    assert ("--scaling auto" in said.err) == (gain != 1)


def test_zmq_is_a_package_of_its_own(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "zmq", None)
    assert "needs pyzmq" in refused(capsys, "tcp://127.0.0.1:5555")
