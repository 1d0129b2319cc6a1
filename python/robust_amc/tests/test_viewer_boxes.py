"""Annotations as other programs see them: by the rules of IQEngine and inspectrum."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import sigmf

from robust_amc import data
from robust_amc.data import FrameDataset
from robust_amc.data.formats import sigmf_recording
from robust_amc.decisions import DecisionBatch
from robust_amc.streams import signal_annotations
from robust_amc.streams.annotate import annotated
from robust_amc.streams.recording import Recording
from robust_amc.streams.scan import ScannedSignal

from .files import ROOT

RATE, TUNED, SAMPLES = 1e6, 433.92e6, 1 << 16
SIGNAL = ScannedSignal(
    start_s=0.01, stop_s=0.05, center_hz=TUNED + 1e5, bandwidth_hz=8e4, low_hz=TUNED + 6e4,
    high_hz=TUNED + 14e4, symbol_rate=5e4, snr_db=12.0, label="QPSK", confidence=0.97, frames=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def viewers():
    path = ROOT / "examples/viewer_boxes.py"
    spec = importlib.util.spec_from_file_location("viewer_boxes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def samples_and(path, recording, write, **settings):
    """The document of a recording of noise with the annotations that `write` gives an Annotator."""
    noise = np.random.default_rng(0).standard_normal(2 * SAMPLES).astype("<f4")
    with annotated(path, recording, "htrd", 128, **settings) as annotator:
        annotator.keep(noise.tobytes())
        write(annotator)
    found = sigmf.fromfile(str(path))
    found.validate()
    return json.loads(path.read_text())


def batch(offsets, names, valid=None):
    count = len(offsets)
    score = np.linspace(0.2, 0.4, count)
    scores = np.zeros((count, 2), np.float32)
    if valid is not None:
        scores[~np.array(valid)] = score[~np.array(valid)] = -np.inf
    return DecisionBatch(np.arange(count), names, score, np.zeros(count), scores, ("QPSK", "WBFM"),
                         sample_offset=np.array(offsets))  # fmt: skip


def tuned(*captures):
    found = [
        {"core:sample_start": start} | ({} if at is None else {"core:frequency": at})
        for start, at in captures
    ]
    return Recording(sample_rate_hz=RATE, captures=found)


@pytest.mark.parametrize("center", [TUNED, None])
def test_decisions_have_a_box_of_the_whole_band(viewers, tmp_path, center):
    decided = batch([0, 128, 300, 500], ["QPSK", "QPSK", None, "WBFM"])
    write = lambda annotator: annotator.add(decided)  # noqa: E731
    document = samples_and(tmp_path / "a.sigmf-meta", tuned((0, center)), write)
    for rules in (viewers.iqengine, viewers.inspectrum):
        boxes = rules(document, SAMPLES)
        assert len(boxes) == 3 and all(each.is_visible for each in boxes)
        assert [(each.left, each.right) for each in boxes] == [(0, 1)] * 3
        assert [each.text for each in boxes] == ["QPSK", "", "WBFM"]
    qpsk, rejected, fm = document["annotations"]
    assert qpsk["core:comment"] == "score 0.233, mean of 2 frames"
    assert rejected["core:comment"] == "rejected: score 0.333"
    assert qpsk["signal:detail"] == {"type": "digital", "mod_class": "psk", "order": 4}
    assert fm["signal:detail"] == {"type": "analog", "mod_class": "fm"}
    assert {"htrd", "signal"} <= {each["name"] for each in document["global"]["core:extensions"]}


def test_decisions_follow_the_receiver(viewers, tmp_path):
    """The band is that of the capture, and an annotation ends where it becomes another one."""
    recording = tuned((0, TUNED), (256, TUNED + 3e6))
    decided = batch([0, 128, 256, 384], ["QPSK"] * 4)
    path = tmp_path / "a.sigmf-meta"
    document = samples_and(path, recording, lambda annotator: annotator.add(decided))
    assert [each["core:sample_count"] for each in document["annotations"]] == [256, 256]
    assert all(each.is_visible for each in viewers.iqengine(document, SAMPLES))
    lower = [each["core:freq_lower_edge"] for each in document["annotations"]]
    assert lower == [TUNED - RATE / 2, TUNED + 3e6 - RATE / 2]


def test_frames_that_are_no_number_say_so(tmp_path):
    decided = batch([0, 128], [None, None], [False, False])
    path = tmp_path / "a.sigmf-meta"
    (each,) = samples_and(path, tuned((0, TUNED)), lambda one: one.add(decided))["annotations"]
    assert each["core:comment"] == "rejected: not finite or all zero, 2 frames"
    assert "htrd:score" not in each


def test_without_a_rate_there_are_no_edges(viewers, tmp_path):
    write = lambda annotator: annotator.add(batch([0], ["QPSK"]))  # noqa: E731
    document = samples_and(tmp_path / "a.sigmf-meta", Recording(), write)
    assert document["captures"] == [{"core:sample_start": 0}]
    for rules in (viewers.iqengine, viewers.inspectrum):
        assert not any(each.is_visible for each in rules(document, SAMPLES))


def test_signals_have_boxes_where_they_are(viewers, tmp_path):
    unknown = replace(SIGNAL, label=None, start_s=0.02, low_hz=TUNED - RATE / 2, symbol_rate=None)
    made = signal_annotations.annotations([SIGNAL, unknown], "htrd_plus", RATE)

    def write(annotator):
        for each in made:
            annotator.insert(each)

    document = samples_and(
        tmp_path / "a.sigmf-meta", tuned((0, TUNED)), write, uses=signal_annotations.EXTENSIONS
    )
    for rules, last in ((viewers.iqengine, 0), (viewers.inspectrum, 1)):
        first, other = rules(document, SAMPLES)
        assert first.is_visible and other.is_visible
        assert (first.left, first.right) == pytest.approx((0.56, 0.64))
        assert (first.top, first.bottom) == pytest.approx(
            (10_000 / SAMPLES, (50_000 - last) / SAMPLES)
        )
        assert first.text == "QPSK" and other.text == "" and other.left == 0
    comment = document["annotations"][0]["core:comment"]
    assert comment == "50000.0 Bd, SNR 12.0 dB, 97% of 60 frames"


@pytest.mark.parametrize("lacking", ["core:freq_lower_edge", "core:freq_upper_edge"])
def test_what_lacks_an_edge_is_not_seen(viewers, tmp_path, lacking):
    """What these viewers make of it, and why it matters."""
    (made,) = signal_annotations.annotations([SIGNAL], "htrd_plus", RATE)
    del made[lacking]
    document = samples_and(
        tmp_path / "a.sigmf-meta", tuned((0, TUNED)), lambda one: one.insert(made),
        uses=signal_annotations.EXTENSIONS,
    )  # fmt: skip
    for rules in (viewers.iqengine, viewers.inspectrum):
        assert not rules(document, SAMPLES)[0].is_visible


def test_a_data_set_as_a_recording(viewers, tmp_path):
    """Its frames have boxes, and come back as they were."""
    rng = np.random.default_rng(0)
    frames = FrameDataset(
        iq=rng.standard_normal((6, 2, 128)).astype(np.float32),
        label=np.array([0, 0, 1, 1, 1, 0], np.int16),
        classes=("QPSK", "WBFM"),
        snr_db=np.full(6, 10, np.float32),
        run_id=np.zeros(6, np.int32),
        metadata={"sample_rate_hz": 200e3},
    )
    sigmf_recording.write(frames, tmp_path / "a.sigmf-meta")
    sigmf.fromfile(str(tmp_path / "a.sigmf-meta")).validate()
    document = json.loads((tmp_path / "a.sigmf-meta").read_text())
    for rules in (viewers.iqengine, viewers.inspectrum):
        boxes = rules(document, 6 * 128)
        assert len(boxes) == 3 and all(each.is_visible for each in boxes)
    again = data.read(tmp_path / "a.sigmf-meta")
    np.testing.assert_array_equal(again.iq[:], frames.iq)
    assert again.truth.tolist() == frames.truth.tolist()


def test_the_example_draws_them(viewers, tmp_path):
    (made,) = signal_annotations.annotations([SIGNAL], "htrd_plus", RATE)
    path = tmp_path / "a.sigmf-meta"
    uses = signal_annotations.EXTENSIONS
    samples_and(path, tuned((0, TUNED)), lambda one: one.insert(made), uses=uses)
    viewers.draw(path, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "IQEngine: 1 of 1 boxes" in text and "inspectrum: 1 of 1 boxes" in text
