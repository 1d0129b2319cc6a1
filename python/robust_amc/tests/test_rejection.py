import numpy as np
import pytest
import torch

from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.rejection import threshold
from robust_amc.rejection.autoencoder import AutoencoderDetector
from robust_amc.rejection.calibrate import fit_rejector
from robust_amc.rejection.svm import NeuralRejection, SVMSettings, feature_scale, fit_svm

from .conftest import toy_dataset
from .rounding import assert_scores_close


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    label = np.arange(300) % 5
    features = np.maximum(rng.standard_normal((300, 256)) + 2 * np.eye(5, 256)[label], 0) * 3
    return fit_svm(features.astype(np.float32), label), features


def test_scores_equal_scikit_learn(fitted):
    estimator, features = fitted
    other = np.maximum(np.random.default_rng(1).standard_normal((200, 256)) * 3, 0)
    for probe in (features, other):
        ours = NeuralRejection.from_sklearn(estimator).scores(torch.tensor(probe).float())
        assert_scores_close(ours.numpy(), estimator.decision_function(probe))


def test_feature_scale_is_applied(fitted):
    estimator, features = fitted
    ours = NeuralRejection.from_sklearn(estimator, 0.5).scores(torch.tensor(features).float())
    assert_scores_close(ours.numpy(), estimator.decision_function(features * 0.5))


def test_gradient_is_the_closed_form(fitted):
    """∇S(ζ) = Σ -2γ α_i y_i exp(-γ‖ζ-ζ_i‖²)(ζ-ζ_i), the paper's Section II-C."""
    estimator, features = fitted
    point = torch.tensor(features[:1]).float().requires_grad_()
    scores = NeuralRejection.from_sklearn(estimator).scores(point)
    for column in range(5):
        (gradient,) = torch.autograd.grad(scores[0, column], point, retain_graph=True)
        svc = estimator.estimators_[column]
        away = features[0] - svc.support_vectors_
        kernel = np.exp(-0.01 * (away**2).sum(1))
        expected = (-2 * 0.01 * svc.dual_coef_[0] * kernel) @ away
        np.testing.assert_allclose(gradient[0], expected, rtol=0, atol=1e-3 * abs(expected).max())


def test_feature_scale_sets_the_median_distance():
    features = np.random.default_rng(2).standard_normal((2000, 8)) * 40
    scaled = features * feature_scale(features)
    distance = ((scaled[:1000] - scaled[1000:]) ** 2).sum(1)
    assert 0.01 * np.median(distance) == pytest.approx(1.5, rel=0.06)
    with pytest.raises(UserError, match="equal"):
        feature_scale(np.ones((10, 4)))


def test_threshold_rejects_the_wanted_share():
    score = np.random.default_rng(3).standard_normal((5000, 4))
    levels = threshold.quantiles(score)
    for target in (0.05, 0.10, 0.5):
        value = threshold.threshold_for(levels, target)
        assert np.mean(score.max(1) < value) == pytest.approx(target, abs=0.002)
    with pytest.raises(UserError, match="0 … 1"):
        threshold.threshold_for(levels, 1.5)
    for outside in (score.max() + 1, score.max(1).min() - 1, float("nan")):
        with pytest.raises(UserError, match="outside"):
            threshold.check_threshold(levels, outside)


def test_calibrated_rejection_holds_on_new_frames(rejecting):
    fresh = rejecting.decide(toy_dataset(2000, seed=9).iq)
    # 800 calibration and 2000 fresh frames: a standard error of 1.3 points
    assert fresh.rejected.mean() == pytest.approx(0.10, abs=0.04)
    facts = rejecting.metadata["rejector"]
    assert facts["calibration_frames"] == 800
    # the benign figures of the calibration frames themselves: exact up to the quantile grid
    assert rejecting.metadata["metrics"]["calibration"]["rejection_rate"] == pytest.approx(
        0.10, abs=0.005
    )
    assert facts["support_vectors"] == len(rejecting.rejector.support_vectors) <= 200


def test_rejection_improves_accuracy_on_the_accepted(rejecting):
    fresh = toy_dataset(2000, seed=10)
    decided = rejecting.decide(fresh.iq)
    everything = decided.score.argmax(1) == fresh.label
    assert everything[~decided.rejected].mean() >= everything.mean()


def test_too_few_calibration_frames(plain):
    with pytest.raises(UserError, match="too few"):
        fit_rejector(plain, toy_dataset(80, 2), toy_dataset(80, 3))


def test_class_without_frames(plain):
    some = toy_dataset(80, 2).select(classes=["tone", "chirp"])
    with pytest.raises(UserError, match="pulse"):
        fit_rejector(plain, some, toy_dataset(400, 3), SVMSettings())


def test_autoencoder_rejects_what_it_cannot_reconstruct(detecting):
    fresh = toy_dataset(1200, seed=9)
    decided = detecting.decide(fresh.iq)
    assert decided.rejected.mean() == pytest.approx(0.10, abs=0.04)
    # no class bears it alone, not even the noise, which has the largest errors
    for label in range(4):
        assert decided.rejected[fresh.label == label].mean() < 0.3
    error = detecting.rejector.errors(fresh.iq).numpy()
    assert error[fresh.label == 0].mean() < 0.5 < error[fresh.label == 3].mean()
    # a tone with every second sample negated is no signal that it knows
    strange = fresh.iq[fresh.label == 0].copy()
    strange[:, :, ::2] *= -1
    assert detecting.rejector.errors(strange).mean() > 2 * error[fresh.label == 0].mean()


def test_autoencoder_scores_keep_the_network_s_class(detecting, plain):
    fresh = toy_dataset(200, seed=11)
    scores = detecting.decide(fresh.iq).score
    logits = plain.decide(fresh.iq).score
    np.testing.assert_array_equal(scores.argmax(1), logits.argmax(1))
    rejector = detecting.rejector
    relative = rejector.errors(fresh.iq) / rejector.level[torch.as_tensor(logits.argmax(1))]
    np.testing.assert_allclose(-scores.max(1), relative, rtol=1e-3)
    np.testing.assert_allclose(rejector.errors(7 * fresh.iq), rejector.errors(fresh.iq), rtol=1e-3)


def test_autoencoder_is_saved_and_loaded(detecting, tmp_path):
    detecting.save(tmp_path / "two_fold.safetensors")
    again = Classifier.load(tmp_path / "two_fold.safetensors")
    assert isinstance(again.rejector, AutoencoderDetector)
    fresh = toy_dataset(100, seed=12)
    before, after = detecting.rejector.errors(fresh.iq), again.rejector.errors(fresh.iq)
    torch.testing.assert_close(before, after, rtol=1e-3, atol=0)
    assert again.threshold == detecting.threshold
    assert again.metadata["rejector"]["kind"] == "autoencoder"


def test_autoencoder_needs_a_length_it_can_halve():
    with pytest.raises(UserError, match="multiple of 8"):
        AutoencoderDetector(4, frame_length=100)
