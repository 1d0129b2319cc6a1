"""Rejectors beside the SVM and the autoencoder: what they score, keep, export and withstand."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from robust_amc import power
from robust_amc.attacks import AttackSettings, white_box
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.frames import energy as energy_of
from robust_amc.inference.graph import DecisionGraph
from robust_amc.rejection import REJECTORS
from robust_amc.rejection.calibrate import fit_rejector
from robust_amc.rejection.energy import EnergyDetector, EnergySettings
from robust_amc.rejection.knn import NearestNeighborSettings
from robust_amc.rejection.mahalanobis import MahalanobisSettings
from robust_amc.rejection.margin import MarginRejector, MarginSettings

from .conftest import CLASSES, toy_dataset, toy_frames
from .rounding import assert_decided_alike, assert_scores_close

SETTINGS = {
    "margin": MarginSettings(),
    "energy": EnergySettings(temperature=2.0),
    "mahalanobis": MahalanobisSettings(),
    "knn": NearestNeighborSettings(frames_per_class=40, k=5),
    "knn that detects": NearestNeighborSettings(frames_per_class=40, k=5, detects=True),
}


@pytest.fixture(scope="module", params=list(SETTINGS))
def rejector_of(request, plain):
    """A Classifier with a rejector of each kind."""
    settings = SETTINGS[request.param]
    assert REJECTORS[request.param.split()[0]].Settings is type(settings)
    return fit_rejector(plain, toy_dataset(400, 2), toy_dataset(400, 3), settings)


def parts(classifier, iq):
    """Features, logits and scores, float64."""
    outputs = classifier.outputs(torch.as_tensor(iq))
    return [each.detach().double().numpy() for each in
            (outputs.features, outputs.logits, outputs.scores)]  # fmt: skip


def test_rejects_the_wanted_share_and_is_right_about_the_rest(rejector_of, plain):
    fresh = toy_dataset(800, 9)
    decided, alone = rejector_of.decide(fresh.iq), plain.decide(fresh.iq)
    assert 0.03 < decided.rejected.mean() < 0.25
    kept = ~decided.rejected
    wrong = [(found.label != fresh.label)[kept].mean() for found in (decided, alone)]
    assert wrong[0] <= (alone.label != fresh.label).mean() + 0.02
    assert rejector_of.metadata["defense"]["run_time"] == rejector_of.rejector.kind


def test_a_file_keeps_it(rejector_of, tmp_path):
    path, (iq, _) = tmp_path / "model.safetensors", toy_frames(50, 4)
    rejector_of.save(path)
    again = Classifier.load(path)
    assert again.threshold == rejector_of.threshold
    assert again.rejector.facts() == rejector_of.rejector.facts()
    expected = rejector_of.decide(iq)
    found = again.decide(iq)
    # The network goes through half precision, the rejector has been there
    assert np.mean(found.label == expected.label) > 0.9
    features = torch.as_tensor(rejector_of.features(iq))
    logits = torch.as_tensor(parts(rejector_of, iq)[1]).float()
    one, other = (
        each.rejector(torch.as_tensor(iq), features, logits).numpy()
        for each in (rejector_of, again)
    )
    assert_scores_close(one, other)


def test_a_file_for_other_classes_is_refused(rejector_of):
    rejector = rejector_of.rejector
    tensors = {name: value.float() for name, value in rejector.tensors().items()}
    if not tensors:
        pytest.skip("nothing of it depends on the number of classes")
    with pytest.raises(UserError):
        type(rejector).load(tensors, rejector.facts(), len(CLASSES) + 1)


def test_what_is_exported_decides_the_same(rejector_of):
    iq, _ = toy_frames(80, 6)
    graph = DecisionGraph(rejector_of)
    label, scores = graph(torch.as_tensor(iq), torch.tensor(rejector_of.threshold))
    expected = rejector_of.decide(iq)
    assert_scores_close(scores.numpy(), expected.score)
    assert_decided_alike(label, expected, rejector_of.threshold)


def test_gradient_is_that_of_the_scores(rejector_of):
    """Along a random direction, by a difference of float64."""
    rejector = rejector_of.rejector
    iq, _ = toy_frames(12, 7)
    features, logits, _ = (torch.as_tensor(each) for each in parts(rejector_of, iq))
    torch.manual_seed(0)
    along = [0.05 * torch.randn_like(each) * each.std() for each in (features, logits)]
    moved = [each.float().requires_grad_() for each in (features, logits)]
    score = rejector(torch.as_tensor(iq), *moved).max(1)[0].sum()
    gradients = torch.autograd.grad(score, moved, allow_unused=True)
    slope = sum(
        float((gradient.double() * step).sum())
        for gradient, step in zip(gradients, along)
        if gradient is not None
    )
    size = 1e-2
    ends = [
        rejector(
            torch.as_tensor(iq),
            *(
                (each + sign * size * step).float()
                for each, step in zip((features, logits), along)
            ),
        )
        .max(1)[0]
        .double()
        .sum()
        for sign in (1, -1)
    ]
    assert slope == pytest.approx(float(ends[0] - ends[1]) / (2 * size), rel=0.1, abs=1e-3)


def test_the_attack_finds_its_way_past_it(rejector_of):
    iq, label = toy_frames(40, 8)
    benign = (rejector_of.decide(iq).label != label) & ~rejector_of.decide(iq).rejected
    epsilon = power.epsilon(energy_of(iq), 10, 5)
    result = white_box(
        rejector_of, iq, label, epsilon, settings=AttackSettings(steps=8, restarts=0)
    )
    assert result.success.mean() > benign.mean() + 0.3


def test_margin_by_hand(plain):
    iq, _ = toy_frames(30, 1)
    _, logits, _ = parts(plain, iq)
    scores = MarginRejector(len(CLASSES))(None, None, torch.as_tensor(logits)).numpy()
    for row, expected in zip(scores, logits):
        for place, score in enumerate(row):
            assert score == pytest.approx(expected[place] - np.delete(expected, place).max())


def test_energy_by_hand():
    logits = torch.tensor([[1.0, 3.0, -2.0], [900.0, 0.0, 0.0]])
    scores = EnergyDetector(3, temperature=2.0)(None, None, logits)
    assert scores.argmax(1).tolist() == [1, 0]
    expected = 2 * torch.logsumexp(logits / 2, 1)
    torch.testing.assert_close(scores.max(1)[0], expected)


def test_mahalanobis_by_hand(plain):
    train, (iq, _) = toy_dataset(400, 2), toy_frames(20, 1)
    rejector, facts = MahalanobisSettings().fit(plain, train)
    features = plain.features(train.iq).astype(np.float64)
    means = np.stack([features[train.label == label].mean(0) for label in range(len(CLASSES))])
    centered = features - means[train.label]
    plain_covariance = centered.T @ centered / len(centered)
    share = facts["shrinkage"]
    size = len(plain_covariance)
    shrunk = (1 - share) * plain_covariance + share * np.eye(size) * np.trace(
        plain_covariance
    ) / size
    probe = plain.features(iq)
    expected = -(cdist(probe, means, "mahalanobis", VI=np.linalg.inv(shrunk)) ** 2) / size
    found = rejector(None, torch.as_tensor(probe), None).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-3)


def test_knn_by_hand(plain):
    train, (iq, _) = toy_dataset(400, 2), toy_frames(20, 1)
    rejector, _ = NearestNeighborSettings(k=3).fit(plain, train)
    probe = plain.features(iq).astype(np.float64)
    probe /= np.linalg.norm(probe, axis=1, keepdims=True)
    found = rejector(None, torch.as_tensor(plain.features(iq)), None).numpy()
    for label in range(len(CLASSES)):
        known = NearestNeighbors(n_neighbors=3).fit(rejector.stored[label].double().numpy())
        distance = known.kneighbors(probe)[0][:, -1]
        np.testing.assert_allclose(found[:, label], -(distance**2), atol=1e-2)
    # As a detector: the network's class, with the distance to that class's frames
    detector, facts = NearestNeighborSettings(k=3, detects=True).fit(plain, train)
    logits = torch.as_tensor(np.random.default_rng(0).normal(size=found.shape)).float()
    detected = detector(None, torch.as_tensor(plain.features(iq)), logits).numpy()
    label = logits.numpy().argmax(1)
    np.testing.assert_array_equal(detected.argmax(1), label)
    np.testing.assert_allclose(detected.max(1), found[np.arange(len(label)), label], atol=1e-5)
    assert detector.facts()["detects"] and not rejector.facts()["detects"]


@pytest.mark.parametrize(
    "settings, reason",
    [
        (lambda: NearestNeighborSettings(k=0), "k must be positive"),
        (lambda: EnergySettings(temperature=0.0), "temperature must be positive"),
        (lambda: EnergySettings(temperature=float("nan")), "temperature must be positive"),
    ],
)
def test_settings_that_make_no_sense(settings, reason):
    with pytest.raises(UserError, match=reason):
        settings()


def test_more_neighbors_than_frames(plain):
    with pytest.raises(UserError, match="only 2 frames of a class"):
        NearestNeighborSettings(k=3).fit(plain, toy_dataset(2 * len(CLASSES), 1))
