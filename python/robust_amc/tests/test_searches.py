"""The searches on what the objectives leave over: optimizers, targeted margins, their place."""

import math

import numpy as np
import pytest
import torch

from robust_amc import power
from robust_amc.attacks import AttackSettings, Goal, searches, white_box
from robust_amc.attacks.adam import adam
from robust_amc.attacks.apgd import apgd, checkpoints
from robust_amc.attacks.objectives import OBJECTIVES
from robust_amc.attacks.pgd import descend
from robust_amc.attacks.searches import Aim, Search
from robust_amc.attacks.tries import tries_for
from robust_amc.classifier import Classifier, Outputs
from robust_amc.errors import UserError
from robust_amc.evaluation import SecurityCurve
from robust_amc.frames import energy
from robust_amc.rejection.base import Rejector
from robust_amc.rejection.svm import NeuralRejection, fit_svm

from .conftest import CLASSES, toy_dataset, toy_frames


def never(rows):
    return torch.zeros(len(rows), dtype=torch.bool)


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 100])
def test_checkpoints_are_the_papers(steps):
    """p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06), in exact numbers."""
    from fractions import Fraction as F

    place = [F(0), F(22, 100)]
    while place[-1] <= 1:
        place.append(place[-1] + max(place[-1] - place[-2] - F(3, 100), F(6, 100)))
    expected = {math.ceil(p * steps) for p in place[1:] if p <= 1}
    assert checkpoints(steps) == sorted(expected)


def test_checkpoints_of_a_hundred_steps():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def bumpy(iq, rows):
    """A function with many local minima, its gradient from 0 to large."""
    x = iq.flatten(1)
    return (torch.sin(5 * x) + 0.3 * x**2).sum(1) + 3 * x[:, 0] * x[:, 1], never(rows)


@pytest.mark.parametrize("minimize", [apgd, adam])
@pytest.mark.parametrize("start", [None, "random"])
def test_optimizers_stay_in_the_ball(minimize, start):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(20, 2, 6, generator=generator)
    epsilon = torch.logspace(-3, 1, 20)
    delta = None if start is None else torch.randn(20, 2, 6, generator=generator)
    result = minimize(bumpy, clean, epsilon, steps=25, start=delta)
    assert torch.isfinite(result.iq).all()
    norm = (result.iq.double() - clean.double()).flatten(1).norm(dim=1)
    size = clean.flatten(1).norm(dim=1)
    assert (norm <= epsilon * (1 + 1e-5) + 1e-6 * size).all()
    assert not result.success.any() and not result.flat.any()


@pytest.mark.parametrize("start", [None, "random"])
def test_apgd_never_ends_above_its_start(start):
    generator = torch.Generator().manual_seed(1)
    clean = torch.randn(50, 2, 6, generator=generator)
    epsilon = torch.linspace(0, 4, 50)
    delta = torch.zeros(50, 2, 6)
    if start:  # inside of the balls
        delta = 0.1 * epsilon[:, None, None] * torch.randn(50, 2, 6, generator=generator) / 4
    result = apgd(bumpy, clean, epsilon, steps=20, start=delta)
    before, after = bumpy(clean + delta, clean)[0], bumpy(result.iq, clean)[0]
    assert (after <= before + 1e-4).all()
    assert (after < before - 1).float().mean() > 0.8


def test_apgd_reaches_the_minimum_in_a_ball():
    """Of a linear function on the sphere, of a quadratic one inside."""
    generator = torch.Generator().manual_seed(0)
    along = torch.randn(3, 2, 8, generator=generator)
    clean, epsilon = torch.zeros(3, 2, 8), torch.tensor([0.5, 1.0, 2.0])
    unit = along / along.flatten(1).norm(dim=1)[:, None, None]
    result = apgd(lambda iq, rows: ((iq * along[rows]).sum((1, 2)), never(rows)),
                  clean, epsilon, steps=30)  # fmt: skip
    torch.testing.assert_close(result.iq, -unit * epsilon[:, None, None], rtol=1e-2, atol=1e-2)
    inside = 0.3 * epsilon[:, None, None] * unit
    scale = torch.linspace(1, 20, 16).view(1, 2, 8)
    result = apgd(
        lambda iq, rows: ((scale * (iq - inside[rows]) ** 2).sum((1, 2)), never(rows)),
        clean, epsilon, steps=150,
    )  # fmt: skip
    assert ((result.iq - inside).flatten(1).norm(dim=1) < 0.05 * epsilon).all()


@pytest.mark.parametrize("minimize", [apgd, adam])
def test_optimizers_stop_at_a_confirmed_success_and_report_flat_ones(minimize):
    seen = []

    def evaluate(iq, rows):
        seen.append(rows.tolist())
        return iq.sum((1, 2)) * 0, torch.ones(len(rows), dtype=torch.bool)

    result = minimize(
        evaluate, torch.zeros(3, 2, 4), torch.ones(3), steps=2, confirm=lambda iq, rows: rows != 1
    )
    assert result.success.tolist() == [True, False, True] and result.flat.all()
    assert seen == [[0, 1, 2], [1], [1]]


def test_a_weighted_second_value_by_hand():
    """First value x, second -10x with a weight of 1 in the first half: up, then down."""
    taken = []

    def evaluate(iq, rows):
        taken.append(float(iq.detach()[0, 0, 0]))
        x = iq.sum((1, 2))
        return torch.stack([x, -10 * x], 1), never(rows)

    descend(
        evaluate, torch.zeros(1, 1, 1), torch.ones(1), steps=4, step_size=0.4,
        weight=lambda share: float(share < 0.5),
    )  # fmt: skip
    assert taken == pytest.approx([0, 0.1, 0.2, 0.1, 0.0], abs=1e-5)
    assert [searches.guidance(share) for share in (0, 0.125, 0.25, 1)] == [50, 25, 0, 0]


def outputs_of(logits, scores=None):
    return Outputs(None, None, logits, logits if scores is None else scores)


def test_targeted_margins_by_hand(plain, rejecting, detecting):
    logits = torch.tensor([[5.0, 3.0, 2.0, 1.0], [5.0, 3.0, 2.0, 1.0]])
    label, target = torch.tensor([0, 0]), torch.tensor([1, 3])
    aim = Aim(target, logits)
    margin, dlr = searches.targeted_margin.objective, searches.targeted_dlr.objective
    assert margin(plain, outputs_of(logits), label, aim).tolist() == [2, 4]
    # the largest is 5, the third and the fourth are 2 and 1
    assert dlr(plain, outputs_of(logits), label, aim).tolist() == pytest.approx([2 / 3.5, 4 / 3.5])
    few = outputs_of(logits[:, :2])
    assert dlr(plain, few, label[:1], Aim(target[:1], None)).shape in ((1,), (2,))
    s0 = rejecting.threshold
    scores = torch.tensor([[s0 + 2, s0 + 1.5, s0 - 1, s0 - 3], [s0 - 2, s0 - 1, s0 - 9, s0 - 4]])
    found = margin(rejecting, outputs_of(logits, scores), label, aim)
    assert found.tolist() == pytest.approx([0.5, 4], abs=1e-5)


def test_the_target_class_sets_the_level_of_a_detector(detecting):
    """Errors 6 and 1 of frames decided as class 0; S0 = -2; the levels are 1, 2, 3 and 4."""
    detector, before = detecting.rejector, detecting.rejector.level.clone()
    logits = torch.tensor([[4.0, 1.0, 0.0, 0.0], [4.0, 4.5, 0.0, 0.0]])
    label, target = torch.tensor([0, 0]), torch.tensor([2, 1])
    try:
        detector.level[:] = torch.tensor([1.0, 2.0, 3.0, 4.0])
        relative = torch.tensor([9.0, 1.0]) / detector.level[torch.tensor([0, 1])]
        scores = logits - logits.max(1, keepdim=True)[0] - relative[:, None]
        found = detector.targeted_margin(outputs_of(logits, scores), label, target, -2.0)
    finally:
        detector.level[:] = before
    # 4 logits from class 2, and 9/3 - 2 = 1 above its level; the other is won on both counts
    assert found.tolist() == pytest.approx([5, 0])


class Silent(Rejector):
    """As another package may have it: nothing beyond what has to be."""

    kind = "silent"

    def __init__(self, classes):
        super().__init__()
        self._classes = classes

    def forward(self, iq, features, logits):
        return logits.softmax(1)

    @property
    def classes(self):
        return self._classes

    @classmethod
    def load(cls, tensors, facts, classes):
        return cls(classes)


class SilentDetector(Silent):
    detects = True

    def forward(self, iq, features, logits):
        return logits - logits.max(1, keepdim=True)[0] + logits.softmax(1).max(1, keepdim=True)[0]


@pytest.fixture(scope="module")
def attacked():
    iq, label = toy_frames(12, 130)
    return iq, label, power.epsilon(energy(iq), 10, np.linspace(-20, 5, len(iq)))


def wins(classifier, attacked, goal=Goal.EVASION, **settings):
    iq, label, epsilon = attacked
    given = AttackSettings(**{"steps": 4, "restarts": 0, "fast": False} | settings)
    result = white_box(classifier, iq, label, epsilon, goal=goal, settings=given)
    delta = np.sqrt(energy((result.iq - iq).astype(np.float64)))
    assert (delta <= epsilon * (1 + 1e-5)).all()
    return result


@pytest.mark.parametrize("kind", [Silent, SilentDetector])
@pytest.mark.parametrize("goal", list(Goal))
def test_a_rejector_without_a_margin_of_its_own(kind, goal, plain, attacked):
    classifier = Classifier(
        plain.network, CLASSES, kind(len(CLASSES)), 0.6, metadata=plain.metadata, name="silent"
    )
    without, with_them = (
        wins(classifier, attacked, goal, targets=count).success for count in (0, None)
    )
    assert (with_them >= without).all() and with_them.any()


@pytest.mark.parametrize("model", ["plain", "rejecting", "detecting"])
@pytest.mark.parametrize("goal", list(Goal))
def test_the_searches_take_nothing_away(model, goal, request, attacked):
    """They come last: what was won stays won, and what is not stays where it was."""
    classifier = request.getfixturevalue(model)
    without = wins(classifier, attacked, goal, targets=0)
    with_them = wins(classifier, attacked, goal)
    assert (with_them.success >= without.success).all()
    same = ~with_them.success | without.success
    np.testing.assert_array_equal(with_them.iq[same], without.iq[same])


class Plane(torch.nn.Module):
    """The first two samples of I are the features."""

    feature_count = 2

    def __init__(self):
        super().__init__()
        self.last = torch.nn.Linear(2, 3)

    def features(self, iq):
        return iq[:, 0, :2]

    def logits(self, features):
        return self.last(features)


def test_aiming_wins_frames_that_the_maximum_misses():
    """A class near by that is nowhere accepted hides the one that a frame can be taken for.

    Class 0 is at the origin. Class 1 is at its right among as many frames of class 0, so that its
    score stays below S0 everywhere; class 2 is at its left, further off, and accepted there. A
    margin over the best wrong class goes right, and stays there.
    """
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2, 3], [60, 25, 25, 60])
    centers = np.array([[0.0, 0.0], [0.9, 0.0], [0.9, 0.0], [-1.6, 0.0]])
    points = centers[kind] + rng.normal(0, 0.2, (len(kind), 2))
    rejector = NeuralRejection.from_sklearn(fit_svm(points, np.array([0, 1, 0, 2])[kind], gamma=1))
    facts = {"frame_length": 2, "scaling": "none"}
    classifier = Classifier(Plane(), ("a", "b", "c"), rejector, 0.8, facts, "plane")
    iq = np.zeros((20, 2, 2), np.float32)
    iq[:, 0, 0] = np.linspace(0.2, 0.35, 20)
    true, epsilon = np.zeros(20, int), np.full(20, 1.7, np.float32)
    assert (classifier.decide(iq, "none").label == 0).all()
    everywhere = np.zeros((400, 2, 2), np.float32)
    everywhere[:, 0] = rng.uniform(-2, 3, (400, 2))
    assert classifier.decide(everywhere, "none").score[:, 1].max() < 0.7
    maximum, aimed = (
        white_box(
            classifier, iq, true, epsilon,
            settings=AttackSettings(
                steps=30, restarts=0, fast=False, chained=False, objectives=objectives
            ),
        ).success
        for objectives in (("equation5", "equation5_threshold"), ("targeted_margin",))
    )  # fmt: skip
    assert aimed.sum() >= maximum.sum() + 5


def test_what_is_tried_and_in_which_order(plain, rejecting, detecting):
    def tried(classifier, goal=Goal.EVASION, **settings):
        return [
            (each.what, each.start, each.rank)
            for each in tries_for(classifier, goal, AttackSettings(**settings), can_look=True)
            if isinstance(each.what, Search)
        ]

    margin, dlr = searches.targeted_margin, searches.targeted_dlr
    guided, rejection = searches.guided_margin, searches.adaptive_rejection
    for classifier in (rejecting, detecting):
        assert tried(classifier) == [(margin, "clean", rank) for rank in range(3)]
        assert tried(classifier, targets=1) == [(margin, "clean", 0)]
        assert tried(classifier, Goal.EVASION_OR_REJECTION, restarts=0) == [(rejection, "clean", 0)]
        for less in ({"targets": 0}, {"objectives": 2}, {"objectives": ("equation5",)}):
            assert tried(classifier, **less) == []
    own = [(dlr, "clean", rank) for rank in range(3)]
    assert tried(plain, targets=9, restarts=1) == [*own, *2 * [(guided, "random", 0)]]
    last = tries_for(rejecting, Goal.EVASION, AttackSettings(), can_look=True)[-1]
    assert isinstance(last.what, Search)
    with pytest.raises(UserError, match="nothing to try"):
        tried(rejecting, objectives=("targeted_margin",), targets=0)
    with pytest.raises(UserError, match="negative"):
        AttackSettings(targets=-1)


def test_targets_are_the_likeliest_first(rejecting, attacked):
    iq, label, epsilon = attacked
    aimed = []

    def spy(classifier, outputs, label, aim):
        aimed.append(aim.target)
        return outputs.scores[:, 0]

    settings = AttackSettings(steps=1, restarts=0, fast=False, objectives=(Search(spy),))
    left = ~white_box(rejecting, iq, label, epsilon * 0, settings=settings).success
    score = rejecting.decide(iq).score
    by_rank = torch.stack(aimed[::2]) if len(aimed) == 6 else torch.stack(aimed[1::2])
    expected = [
        [each for each in np.argsort(-row) if each != own] for row, own in zip(score, label)
    ]
    assert by_rank.T.tolist() == np.array(expected)[left].tolist()


@pytest.mark.parametrize("name", ["targeted_margin", "guided_margin", "smooth_margin"])
def test_searches_are_chosen_by_name(name, plain, attacked):
    assert OBJECTIVES[name] is getattr(searches, name)
    benign = (plain.decide(attacked[0]).label != attacked[1]).mean()
    # Adam's steps are a fifth of ε: four of them do not lead through the ball
    found = wins(plain, attacked, objectives=(name,), steps=40)
    assert found.success.mean() > benign + 0.2


@pytest.mark.parametrize("model", ["plain", "rejecting", "detecting"])
def test_searching_in_parts_is_searching_at_once(model, request, attacked):
    """Frames do not know of each other: shared out among processes they end alike."""
    classifier, (iq, label, epsilon) = request.getfixturevalue(model), attacked
    settings = AttackSettings(steps=4, restarts=0, chained=False, fast=False)
    whole = white_box(classifier, iq, label, epsilon, settings=settings).success
    parts = np.empty_like(whole)
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        parts[rows] = white_box(
            classifier, iq[rows], label[rows], epsilon[rows], settings=settings
        ).success
    assert (whole != parts).sum() <= 1  # sums in another order may turn a frame on the edge


def test_a_curve_goes_on_with_the_searches(rejecting):
    few = toy_dataset(40, 71).select(snr_db=[10])
    settings = AttackSettings(steps=2, restarts=0, chained=False, fast=False)
    first, second = (SecurityCurve(rejecting, few, "pgd", settings) for _ in range(2))
    first.point(-8)
    second.load_state_dict(first.state_dict())
    (row, outcome), (again, repeated) = first.point(0), second.point(0)
    assert row == again
    np.testing.assert_array_equal(outcome.decided, repeated.decided)
