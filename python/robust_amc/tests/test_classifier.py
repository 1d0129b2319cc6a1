import json

import numpy as np
import pytest
import safetensors.torch
import torch

from robust_amc.classifier import Classifier, same_classes
from robust_amc.errors import UserError
from robust_amc.model_file import read_parts

from .conftest import CLASSES, toy_frames
from .rounding import assert_scores_close


@pytest.fixture
def saved(rejecting, tmp_path):
    path = tmp_path / "model.safetensors"
    rejecting.save(path)
    return path


def rewrite(path, change_document=None, change_tensors=None):
    """The same file with its document or tensors changed."""
    tensors, document = read_parts(path)
    if change_document:
        change_document(document)
    if change_tensors:
        change_tensors(tensors)
    safetensors.torch.save_file(tensors, path, {"htrd": json.dumps(document)})


def test_decides_the_largest_score_unless_it_is_low(rejecting):
    iq, _ = toy_frames(400, 20)
    decided = rejecting.decide(iq)
    low = decided.score.max(1) < rejecting.threshold
    assert 0 < low.sum() < 400
    assert (decided.label[low] == -1).all()
    assert (decided.label[~low] == decided.score.argmax(1)[~low]).all()


def test_unscaled_frames_are_told_once_and_auto_scales_them(saved, caplog):
    model = Classifier.load(saved)
    iq, _ = toy_frames(60, 23)
    decided = model.decide(iq)
    loud = iq * np.linspace(3, 300, 60, dtype=np.float32)[:, None, None]
    assert not caplog.records
    assert (model.decide(loud).label != decided.label).any()
    model.decide(loud)
    (record,) = caplog.records
    assert "scaling='auto'" in record.getMessage() and "sum_abs" in record.getMessage()
    for scaling in ("auto", "as_model"):
        assert_scores_close(model.decide(loud, scaling).score, decided.score)
    np.testing.assert_array_equal(model.decide(iq, "auto").score, decided.score)
    Classifier.load(saved).decide(loud, "none")  # asked for
    assert len(caplog.records) == 1
    with pytest.raises(UserError, match="unknown scaling"):
        model.decide(iq, "loud")


def test_without_rejector_nothing_is_rejected(plain):
    iq, label = toy_frames(400, 21)
    decided = plain.decide(iq)
    assert not decided.rejected.any()
    assert (decided.label == label).mean() > 0.9
    for call in (plain.set_threshold, plain.set_target_rejection):
        with pytest.raises(UserError, match="no rejector"):
            call(0.1)


def test_frames_that_cannot_be_classified_are_rejected(plain):
    iq, _ = toy_frames(8, 22)
    iq[2] = 0
    iq[5, 0, 7] = np.nan
    decided = plain.decide(iq)
    assert np.flatnonzero(~decided.valid).tolist() == [2, 5]
    assert np.flatnonzero(decided.rejected).tolist() == [2, 5]
    alone = plain.decide(iq[[0, 1, 3]])
    assert_scores_close(decided.score[[0, 1, 3]], alone.score)


def test_scaling_is_applied_only_when_asked(plain):
    iq, label = toy_frames(100, 23)
    loud = iq * 1000
    assert_scores_close(plain.decide(loud, scaling="sum_abs").score, plain.decide(iq).score)
    assert np.abs(plain.decide(loud).score - plain.decide(iq).score).max() > 1


def test_saved_and_loaded_decides_the_same(rejecting, saved):
    loaded = Classifier.load(saved, classes=CLASSES, frame_length=128)
    iq, _ = toy_frames(400, 24)
    before, after = rejecting.decide(iq), loaded.decide(iq)
    assert loaded.threshold == rejecting.threshold
    assert after.score == pytest.approx(before.score, abs=0.02)  # half precision
    assert (before.label == after.label).mean() > 0.98
    assert loaded.metadata["format_version"] == 1
    halved, _ = read_parts(saved)
    loaded.save(saved)  # once halved, halving again changes nothing
    again, _ = read_parts(saved)
    assert halved.keys() == again.keys()
    assert all(torch.equal(halved[name], again[name]) for name in halved)


def test_target_rejection_moves_the_threshold(saved):
    model = Classifier.load(saved)
    iq, _ = toy_frames(1000, 25)
    rates = []
    for target in (0.02, 0.1, 0.4):
        model.set_target_rejection(target)
        rates.append(model.decide(iq).rejected.mean())
    assert rates == sorted(rates) and rates[2] == pytest.approx(0.4, abs=0.08)


def test_missing_file():
    with pytest.raises(UserError, match="no model nowhere"):
        Classifier.load("nowhere")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_truncated_file(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="damaged"):
        Classifier.load(saved)


def test_made_for_something_else(saved):
    with pytest.raises(UserError, match="made for the classes"):
        Classifier.load(saved, classes=["BPSK", "QPSK"])
    with pytest.raises(UserError, match="128 samples, not 1024"):
        Classifier.load(saved, frame_length=1024)
    model = Classifier.load(saved)
    with pytest.raises(UserError, match="64 samples, the model takes 128"):
        model.decide(np.zeros((1, 2, 64), np.float32))


def test_newer_format(saved):
    rewrite(saved, lambda document: document.update(format_version=99))
    with pytest.raises(UserError, match="format 99"):
        Classifier.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("classes"),
        lambda document: document.pop("frame_length"),
        lambda document: document.update(format_version="1"),
        lambda document: document.update(classes=["only one"]),
        lambda document: document.update(architecture={"name": "unheard of"}),
        lambda document: document["rejector"].pop("gamma"),
        lambda document: document.update(scaling="loud"),
        lambda document: document.pop("format_version"),
    ],
)
def test_wrong_documents(saved, change):
    rewrite(saved, change)
    with pytest.raises(UserError, match="model"):
        Classifier.load(saved)


def test_wrong_tensors(saved):
    def poison(tensors):
        tensors["network.dense2.bias"][0] = float("nan")

    rewrite(saved, change_tensors=poison)
    with pytest.raises(UserError, match="not finite"):
        Classifier.load(saved)
    rewrite_without = {"network.x": torch.zeros(1)}
    safetensors.torch.save_file(rewrite_without, saved)
    with pytest.raises(UserError, match="not a gr-htrd model"):
        Classifier.load(saved)


def test_models_with_other_classes_are_not_compared(plain, saved):
    other = Classifier.load(saved)
    other.classes = ("a", "b", "c", "d")
    with pytest.raises(UserError, match="cannot be compared"):
        same_classes([plain, other])


def test_scores_that_overflow_are_rejected(plain, rejecting):
    iq, _ = toy_frames(2, 26)
    iq[0] = 3e38
    for model in (plain, rejecting):
        assert model.decide(iq).label[0] == -1
