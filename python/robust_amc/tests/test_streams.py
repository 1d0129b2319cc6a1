"""Streams in pieces: the same frames, squelch, truth and batches as of the whole at once."""

import os
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_amc.errors import UserError
from robust_amc.streams.batches import BATCH, Backlog, FrameStream
from robust_amc.streams.frame_sampler import Decoder, Frames, FrameSampler, Squelch, mean_power
from robust_amc.streams.recording import Recording, Truth
from robust_amc.streams.sources import FileSource, PipeSource


def wave(count, seed=0):
    parts = np.random.default_rng(seed).standard_normal((2, count)).astype(np.float32)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def pieces(values, cuts):
    """`values` cut at arbitrary places."""
    ends = sorted(cut % (len(values) + 1) for cut in cuts)
    return [values[a:b] for a, b in zip([0, *ends], [*ends, len(values)])]


cuts = st.lists(st.integers(0, 10_000), max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 700), st.integers(1, 40), st.integers(1, 90), cuts)
def test_frames_are_slices_whatever_the_pieces(count, length, hop, cuts):
    samples = wave(count)
    sampler = FrameSampler(length, hop)
    found = Frames.joined([sampler.push(piece) for piece in pieces(samples, cuts)])
    starts = range(0, count - length + 1, hop)
    assert found.offset.tolist() == list(starts)
    assert sampler.samples == count and sampler.frames == len(starts) and sampler.squelched == 0
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(found.samples[row], samples[start : start + length])
        power = sum(abs(complex(value)) ** 2 for value in samples[start : start + length]) / length
        assert found.power[row] == pytest.approx(power, rel=1e-9)


def slow_squelch(powers, level_db, hysteresis_db):
    """Frame by frame, by the words of the documentation."""
    is_open, passing = False, []
    for power in powers:
        db = 10 * np.log10(power) if power > 0 else -np.inf if power == 0 else np.nan
        if db >= level_db:
            is_open = True
        elif not db >= level_db - hysteresis_db:
            is_open = False
        passing.append(is_open)
    return passing


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.6, 0.9, 1.1, 5.0, np.nan, np.inf]), max_size=40),
    st.sampled_from([0.0, 1.0, 3.0, 6.0]),
    cuts,
)
def test_squelch_has_hysteresis_across_pieces(powers, hysteresis_db, cuts):
    squelch = Squelch(0.0, hysteresis_db)
    found = [squelch.passes(piece) for piece in pieces(np.array(powers), cuts)]
    assert np.concatenate(found).tolist() == slow_squelch(powers, 0.0, hysteresis_db)


def test_squelched_frames_are_counted_and_the_others_keep_their_places():
    samples = np.ones(40, np.complex64)
    samples[10:20] *= 0.01
    samples[30] = np.nan
    sampler = FrameSampler(10, squelch=Squelch(-10))
    found = sampler.push(samples)
    assert found.offset.tolist() == [0, 20] and sampler.squelched == 2 and sampler.frames == 4


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Squelch(np.nan), "finite number of dB"),
        (lambda: Squelch(-20, -1), "hysteresis"),
        (lambda: FrameSampler(128, 0), "hop"),
        (lambda: FrameStream(None, None, None, -1, None), "latency"),
    ],
)
def test_settings_out_of_range_are_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_power_of_large_samples_does_not_overflow():
    frame = np.full((1, 4), 1e19 + 0j, np.complex64)
    assert mean_power(frame)[0] == pytest.approx(1e38, rel=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(["<f4", "<i2", ">i2", "u1", "<f8"]), cuts)
def test_samples_are_whole_whatever_the_pieces(dtype, cuts):
    dtype = np.dtype(dtype)
    values = np.random.default_rng(1).integers(0, 100, 60).astype(dtype)
    kept = []
    decoder = Decoder(dtype, kept.append)
    block = values.tobytes() + b"\1"
    found = np.concatenate([decoder.decode(piece) for piece in pieces(block, cuts)])
    scale = {"f": 1, "i": 2**15, "u": 2**7}[dtype.kind]
    shift = 2**7 if dtype.kind == "u" else 0
    parts = (values.astype(np.float64) - shift) / scale
    np.testing.assert_array_equal(found, parts[::2] + 1j * parts[1::2])
    assert decoder.rest == b"\1" and b"".join(kept) == values.tobytes()


def some_frames(count, first=0):
    offset = np.arange(first, first + count)
    return Frames(np.zeros((count, 2), np.complex64), offset, np.ones(count))


def test_backlog_gives_full_batches_at_once_and_others_in_time():
    backlog = Backlog(latency=0.03)
    backlog.add(some_frames(0), now=10.0)
    assert not backlog.is_due(99.0) and len(backlog) == 0
    backlog.add(some_frames(2), now=10.0)
    assert not backlog.is_due(10.02) and backlog.patience(10.02) == pytest.approx(0.01)
    assert backlog.is_due(10.03)
    backlog.add(some_frames(BATCH + 5, 2), now=10.01)
    assert backlog.is_due(10.02)
    assert backlog.take().offset.tolist() == list(range(BATCH))
    # Those that are left came at 10.01
    assert not backlog.is_due(10.035) and backlog.is_due(10.041)
    assert backlog.take().offset.tolist() == list(range(BATCH, BATCH + 7)) and not len(backlog)


class Slices:
    """A source that gives what it is told, then nothing for a while, then its end."""

    def __init__(self, *blocks):
        self._blocks = list(blocks)

    def read(self, timeout):
        return self._blocks.pop(0) if self._blocks else None


def test_every_frame_of_a_stream_comes_once_in_order():
    samples = wave(3 * BATCH * 4 + 3)
    data = samples.tobytes()
    source = Slices(data[:100], b"", data[100:5000], data[5000:])
    stream = FrameStream(source, Decoder(np.dtype("<f4")), FrameSampler(4, 3), 10.0, lambda: False)
    batches = list(stream)
    assert stream.has_ended and stream.discarded == 0
    assert max(map(len, batches)) == BATCH
    found = Frames.joined(batches)
    assert found.offset.tolist() == list(range(0, len(samples) - 3, 3))
    np.testing.assert_array_equal(found.samples[:, 0], samples[found.offset])


def test_a_stopped_stream_counts_what_it_leaves():
    stopped = []
    source = Slices(wave(4 * (BATCH + 7)).tobytes())
    decoder = Decoder(np.dtype("<f4"))
    stream = FrameStream(source, decoder, FrameSampler(4), 10.0, lambda: bool(stopped))
    for batch in stream:
        assert len(batch) == BATCH
        stopped.append(True)
    assert stream.discarded == 7 and not stream.has_ended


def test_truth_is_that_of_the_last_annotation_that_covers_a_frame():
    rng = np.random.default_rng(2)
    starts = np.sort(rng.integers(1000, 1500, 20)).tolist()
    annotations = [
        {"core:sample_start": start, "core:sample_count": int(rng.integers(1, 200)),
         "core:label": f"class {number}", "capture_details:SNRdB": number}
        for number, start in enumerate(starts)
    ]  # fmt: skip
    annotations += [
        {"core:sample_start": 1505, "core:label": "to the end"},
        {"core:sample_start": 1505, "core:sample_count": 300},
        {"core:sample_start": 2**64 - 1, "core:sample_count": 2**64 - 1, "core:label": "absurd"},
    ]
    truth = Truth(Recording(info={"core:offset": 1000}, annotations=annotations))
    offset, length = np.arange(0, 700, 7), 20
    names, snr_db = truth.of(offset, length)
    for begin, name, label in zip(offset + 1000, names, snr_db):
        expected, expected_snr = None, np.nan
        for each in annotations:
            end = each["core:sample_start"] + each.get("core:sample_count", 10**9)
            if "core:label" in each and each["core:sample_start"] <= begin <= end - length:
                expected = each["core:label"]
                expected_snr = each.get("capture_details:SNRdB", np.nan)
        assert name == expected
        np.testing.assert_equal(label, expected_snr)
    assert {None, "to the end"} < set(names)
    assert truth.of(np.empty(0, np.int64), length)[0] == []


def test_a_followed_file_gives_what_is_appended(tmp_path):
    path = tmp_path / "grows.cf32"
    path.write_bytes(b"abc")
    source = FileSource(path, follow=True)
    assert source.read(0.1) == b"abc" and source.read(0.01) == b""
    with open(path, "ab") as file:
        file.write(b"def")
    assert source.read(0.1) == b"def" and source.read(0.01) == b""
    path.write_bytes(b"ab")
    with pytest.raises(UserError, match="shorter"):
        source.read(0.01)
    source.close()
    plain = FileSource(path)
    assert plain.read(0) == b"ab" and plain.read(0) is None
    plain.close()


def test_a_pipe_never_waits_longer_than_asked():
    readable, writable = os.pipe()
    source = PipeSource(readable)
    start = time.monotonic()
    assert source.read(0.05) == b""
    assert 0.04 < time.monotonic() - start < 60
    threading.Timer(0.05, lambda: (os.write(writable, b"xy"), os.close(writable))).start()
    assert source.read(10) == b"xy" and source.read(10) is None
    os.close(readable)


def test_unreadable_sources_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        FileSource(tmp_path / "none.cf32")
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(UserError, match="standard input"):
        PipeSource(folder).read(0.1)
    os.close(folder)
