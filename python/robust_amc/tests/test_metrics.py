import numpy as np
import pytest

from robust_amc.evaluation import Outcome, confusion, difference, with_intervals
from robust_amc.evaluation.metrics import by_class, risk_coverage

LABEL = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2, 0])
#        right  rej wrong right right rej wrong right right right
DECIDED = np.array([0, -1, 0, 1, 2, -1, 2, 1, 2, 0])
RUN = np.arange(10) // 2


def test_benign_metrics_by_hand():
    assert Outcome(LABEL, DECIDED).summary() == pytest.approx(
        {
            "accuracy": 0.6,
            "accepted_accuracy": 0.75,
            "rejection_rate": 0.2,
            "robust_accuracy": 0.6,
            "attacked_accuracy": 0.6,
        }
    )


def test_attacked_metrics_by_hand():
    recognized = np.array([True] * 3 + [False] * 7)
    figures = Outcome(LABEL, DECIDED, attacked=True, recognized=recognized).summary()
    assert figures["robust_accuracy"] == pytest.approx(0.8)
    assert figures["attacked_accuracy"] == pytest.approx(0.3)
    assert figures["accuracy"] == pytest.approx(0.6)


def test_nothing_accepted_is_not_a_number():
    row = with_intervals(Outcome(LABEL, np.full(10, -1)), RUN)
    assert np.isnan(row["accepted_accuracy"])
    assert row["rejection_rate"] == 1


def test_intervals_resample_runs():
    """With whole runs right or wrong, the interval is that of a coin a run, not a frame."""
    run = np.repeat(np.arange(40), 25)
    right = run % 2 == 0
    result = Outcome(np.ones(1000, int), right.astype(int))
    low, high = with_intervals(result, run)["accuracy_interval"]
    # 40 coins: 1.96·sqrt(0.25/40) = 0.155; frames taken for independent would give 0.031
    assert high - 0.5 == pytest.approx(0.155, abs=0.03)
    assert 0.5 - low == pytest.approx(0.155, abs=0.03)


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    hard = rng.random(1000)
    run = np.arange(1000)
    better, worse = (
        Outcome(np.ones(1000, int), (hard < share).astype(int)) for share in (0.55, 0.5)
    )
    found = difference(better, worse, run, "accuracy")
    assert found["difference"] == pytest.approx(np.mean((hard >= 0.5) & (hard < 0.55)))
    # unpaired intervals would be ±0.044 and reach below zero
    assert 0.02 < found["interval"][0] < found["difference"] < found["interval"][1] < 0.08


def test_confusion_by_hand():
    assert confusion(LABEL, DECIDED, 3).tolist() == [[2, 0, 1, 1], [1, 2, 0, 0], [0, 0, 2, 1]]


def test_classes_by_hand():
    recognized = np.array([True] * 3 + [False] * 7)
    score = np.zeros((10, 4))
    result = Outcome(LABEL, DECIDED, attacked=True, recognized=recognized, score=score)
    found = by_class(result, RUN, ("a", "b", "c", "absent"))
    assert list(found) == ["a", "b", "c"]
    assert [each["frames"] for each in found.values()] == [4, 3, 3]
    assert found["a"]["accuracy"] == pytest.approx(2 / 4)
    assert found["a"]["rejection_rate"] == pytest.approx(1 / 4)
    assert found["a"]["robust_accuracy"] == pytest.approx(3 / 4)
    assert [each["attacked_accuracy"] for each in found.values()] == pytest.approx(
        [2 / 4, 1 / 3, 0]
    )
    for each in found.values():
        low, high = each["accuracy_interval"]
        assert 0 <= low <= each["accuracy"] <= high <= 1


def test_risk_coverage_by_hand():
    score = np.array([[0.9, 0], [0, 0.8], [0.7, 0], [0.1, 0]])
    coverage, accuracy = risk_coverage(np.array([0, 1, 1, 1]), score, points=4)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert accuracy.tolist() == pytest.approx([1, 1, 2 / 3, 0.5])
