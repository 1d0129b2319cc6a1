"""What the frames of one signal say together."""

import numpy as np
import pytest

from robust_amc.decisions import Decisions
from robust_amc.errors import UserError
from robust_amc.signal_decision import FusionSettings, SignalDecision, evidence, label_name

NAMES = ("BPSK", "QPSK", "AM-DSB")


def frames(labels, margin=3.0, seed=0):
    """Decisions of frames with those labels (-1: rejected), whose log posteriors say so."""
    label = np.array(labels, np.int16)
    logits = np.random.default_rng(seed).normal(size=(len(label), len(NAMES)))
    taken = np.flatnonzero(label >= 0)
    logits[taken, label[taken]] += margin
    posterior = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return Decisions(label, logits, np.ones(len(label), bool), posterior)


def test_evidence_of_rejected_frames_is_nothing():
    decided = frames([0, -1, 1])
    found = evidence(decided)
    assert (found[1] == 0).all()
    np.testing.assert_array_equal(found[[0, 2]], decided.log_posterior[[0, 2]])


def test_the_sum_decides_in_any_number_of_parts():
    decided = frames([0, 1, 1, -1, 1, 0, 1])
    whole = SignalDecision(3).add(decided)
    parts = SignalDecision(3).add(decided[:2]).add(decided[2:])
    np.testing.assert_allclose(whole.mean, parts.mean)
    expected = np.maximum(evidence(decided), -4.6).mean(0)
    np.testing.assert_allclose(whole.mean, expected)
    assert whole.best == whole.label == expected.argmax() == 1
    assert (whole.frames, whole.confidence) == (7, 4 / 7)
    assert label_name(whole, NAMES) == "QPSK"


def test_one_frame_counts_no_more_than_a_hundredth_against_a_class():
    decision = SignalDecision(3)
    decision.add_evidence(np.array([[-1e6, 0.0, -50.0]]), np.array([1]))
    np.testing.assert_allclose(decision.mean, [-4.6, 0, -4.6])


def test_what_has_no_label():
    assert SignalDecision(3).best == SignalDecision(3).label == -1
    assert SignalDecision(3).add(frames([-1] * 5)).label == -1
    assert SignalDecision(3).add(frames([1, 1])).label == -1
    few = FusionSettings(fewest_frames=2)
    assert SignalDecision(3, few).add(frames([1, 1])).label == 1
    torn = frames([0, 0, 0, 1, 1, 2, 2])
    assert SignalDecision(3).add(torn).label == -1
    assert SignalDecision(3, FusionSettings(share=0.3)).add(torn).label == 0
    analog = SignalDecision(3).add(frames([2] * 9))
    assert analog.label == 2 and label_name(analog, NAMES) is None
    assert label_name(analog, NAMES, has_symbols=False) == NAMES[2]
    digital = SignalDecision(3).add(frames([1] * 9))
    assert label_name(digital, NAMES, has_symbols=False) is None


def test_sure_is_what_further_frames_do_not_change():
    assert SignalDecision(3).add(frames([1] * 15)).is_sure is False
    assert SignalDecision(3).add(frames([1] * 40)).is_sure is True
    assert SignalDecision(3).add(frames([1] * 40 + [0] * 30)).is_sure is False
    # Frames that are each clear, but do not agree
    wild = np.zeros((64, 3))
    wild[:, 0] = np.tile([-4.6, 4.5], 32)
    assert SignalDecision(3).add_evidence(wild, np.zeros(64, int)).is_sure is False


def test_hardly_ever_sure_of_what_is_not_there():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(300):  # two classes that the frames do not tell apart, asked after every frame
        decision = SignalDecision(2)
        for _ in range(10):
            odds = rng.normal(0, 2, 8)
            found = np.stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)], 1)
            decision.add_evidence(found, found.argmax(1))
            wrong += decision.is_sure
    assert wrong == 0


@pytest.mark.parametrize("wrong", [{"fewest_frames": 0}, {"share": 2}, {"share": float("nan")}])
def test_what_cannot_be(wrong):
    with pytest.raises(UserError, match="a decision takes"):
        FusionSettings(**wrong)
