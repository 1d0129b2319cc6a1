"""What was decided: columns, records for JSON, and running totals of them, by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robust_amc.decisions import DecisionBatch, Decisions
from robust_amc.errors import UserError
from robust_amc.evaluation.running import Totals

CLASSES = ("BPSK", "QPSK")
SCORES = [[0.5, 0.25], [-1.0, 0.125], [np.nan, 3.0], [-np.inf, -np.inf]]


def raw():
    """Accepted, below the threshold, overflowed, not finite."""
    label, valid = np.array([0, -1, -1, -1], np.int16), np.array([True, True, True, False])
    return Decisions(label, np.array(SCORES, np.float32), valid)


def batch(threshold=0.25, **known):
    return DecisionBatch.of(raw(), CLASSES, threshold, frame_index=np.arange(7, 11), **known)


def test_of_an_engines_output():
    found = batch()
    assert len(found) == 4 and found.classes == CLASSES
    assert found.frame_index.tolist() == [7, 8, 9, 10]
    assert found.modulation == ["BPSK", None, None, None]
    np.testing.assert_array_equal(found.score, [0.5, 0.125, np.nan, -np.inf])
    assert found.score.dtype == found.threshold.dtype == np.float64
    assert found.threshold.tolist() == [0.25] * 4
    assert found.rejected.tolist() == [False, True, True, True]
    assert found.valid.tolist() == raw().valid.tolist()
    assert batch(None).threshold.tolist() == [-np.inf] * 4


def test_what_is_left_out_is_unknown():
    found = batch()
    for name in ("snr_db", "pnr_db", "frame_power_db"):
        np.testing.assert_array_equal(getattr(found, name), np.full(4, np.nan))
    assert found.sample_offset.tolist() == [-1] * 4
    assert found.truth == found.rx_time == [None] * 4


def test_rows_of_raw_decisions():
    found = raw()[1:3]
    assert found.label.tolist() == [-1, -1] and found.valid.tolist() == [True, True]
    np.testing.assert_array_equal(found.score, np.array(SCORES[1:3], np.float32))


def test_joined():
    when = object()  # whatever a flowgraph has
    first = batch(truth=["QPSK"] * 4, rx_time=[when] * 4, snr_db=np.zeros(4))
    found = DecisionBatch.joined([first, batch(None)])
    assert len(found) == 8 and found.classes == CLASSES
    assert found.truth == ["QPSK"] * 4 + [None] * 4 and found.rx_time == [when] * 4 + [None] * 4
    np.testing.assert_array_equal(found.snr_db, [0] * 4 + [np.nan] * 4)
    np.testing.assert_array_equal(found.scores, np.array(SCORES * 2, np.float32))
    assert found.threshold.tolist() == [0.25] * 4 + [-np.inf] * 4


def test_records():
    known = {"truth": ["BPSK", "QPSK", None, None], "snr_db": np.array([10, np.nan, -4.0, 0])}
    offset = np.array([0, 2**53 + 1, -1, 256])
    found = batch(None, sample_offset=offset, frame_power_db=np.full(4, -3.00049), **known)
    records = list(found.records(with_scores=True, sample_rate_hz=100.0))
    assert records[0] == {
        "frame_index": 7, "sample_offset": 0, "time_s": 0.0, "modulation": "BPSK",
        "rejected": False, "score": 0.5, "truth": "BPSK", "snr_db": 10.0,
        "frame_power_db": -3.0, "scores": {"BPSK": 0.5, "QPSK": 0.25},
    }  # fmt: skip
    assert records[1]["sample_offset"] == 2**53 + 1
    assert not {"sample_offset", "time_s", "score", "truth", "invalid"} & set(records[2])
    assert records[3]["invalid"] is True and records[3]["time_s"] == 2.56
    assert records[3]["scores"] == {"BPSK": None, "QPSK": None}
    assert json.loads(json.dumps(records, allow_nan=False)) == records
    for record in batch().records():
        assert record["threshold"] == 0.25
        assert not {"time_s", "scores", "sample_offset"} & set(record)


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"snr_db": np.zeros(3)}, "snr_db has 3 entries for 4 frames"),
        ({"truth": ["BPSK"]}, "truth has 1 entries"),
        ({"rx_time": []}, "rx_time has 0"),
        ({"sample_offset": np.arange(5)}, "sample_offset has 5"),
    ],
)
def test_columns_of_different_length_are_refused(columns, words):
    with pytest.raises(UserError, match=words):
        batch(**columns)


def test_scores_of_other_classes_are_refused():
    with pytest.raises(UserError, match="for 2 classes"):
        replace(batch(), scores=np.zeros((4, 3), np.float32))


def test_totals():
    totals = Totals()
    assert str(totals) == "0 frames decided, 0 rejected"
    totals.add(batch(truth=["BPSK", "BPSK", "QPSK", None], pnr_db=np.array([-10, np.nan, -5, 0])))
    found = totals.summary()
    counts = ("frames", "with_truth", "attacked", "rejected", "invalid", "correct")
    assert [found[name] for name in counts] == [4, 3, 3, 3, 1, 1]
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["accepted_accuracy"] == 1 and found["rejection_rate"] == 3 / 4
    assert found["robust_accuracy"] == pytest.approx(2 / 3)  # under attack a rejection counts
    assert str(totals) == (
        "4 frames decided, 3 rejected (1 of them not finite or all zero), "
        "accuracy 0.333 of 3 with known truth"
    )
    assert totals.confusion() == {"BPSK": {"BPSK": 1, None: 1}, "QPSK": {None: 1}, None: {None: 1}}


def test_totals_of_a_window():
    totals = Totals(window=2)
    totals.add(batch())
    found = totals.summary()
    assert (found["frames"], found["rejected"], found["invalid"]) == (2, 2, 1)
    assert np.isnan(found["accuracy"]) and found["rejection_rate"] == 1
    totals.reset()
    assert totals.summary()["frames"] == 0 and totals.confusion() == {}
