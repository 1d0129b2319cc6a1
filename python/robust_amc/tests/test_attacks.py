import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from robust_amc import power
from robust_amc.attacks import (
    AttackSettings,
    Goal,
    craft,
    noise,
    objectives,
    transfer,
    white_box,
)
from robust_amc.attacks.pgd import descend, direction, project, random_start
from robust_amc.attacks.targets import targets
from robust_amc.classifier import Outputs
from robust_amc.errors import UserError
from robust_amc.frames import energy

from .conftest import toy_frames
from .rounding import on_edge

# the package exports the function under the name of its module
white_box_module = sys.modules["robust_amc.attacks.white_box"]
QUICK = AttackSettings(steps=8, restarts=1)
COUNT = 40  # frames that are attacked
SLOW = pytest.mark.slow  # where a processor computes bfloat16 in software


@pytest.fixture(scope="module")
def attacked_frames():
    iq, label = toy_frames(COUNT, 30)
    # budgets differ from frame to frame
    epsilon = power.epsilon(energy(iq), 10, np.linspace(-20, 10, len(iq)))
    return iq, label, epsilon


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def in_bfloat16(request, monkeypatch):
    """Whether attacks search in bfloat16, even where it is slow."""
    monkeypatch.setattr("robust_amc.runtime.device._cpu_has_bfloat16", lambda: request.param)
    return request.param


def some(attacked_frames, stride):
    """Every so many of the frames, with all classes and budgets: bfloat16 in software is slow."""
    return (each[::stride] for each in attacked_frames)


def norms(delta):
    return np.sqrt((delta.astype(np.float64) ** 2).sum((1, 2)))


WRONG_LABELS = {
    "too few": [0] * (COUNT - 1), "too many": [0] * (COUNT + 1), "one": 0,
    "pairs": [[0, 1]] * COUNT, "not a class": [0] * (COUNT - 1) + [9], "negative": [-1] * COUNT,
    "fractions": [0.5] * COUNT, "names": ["BPSK"] * COUNT, "none": None, "ragged": [[0], [0, 1]],
}  # fmt: skip
WRONG_RADII = {
    "too few": [0.1] * (COUNT - 1), "too many": np.full(COUNT + 1, 0.1),
    "pairs": np.full((COUNT, 2), 0.1), "text": "x", "none": [None] * COUNT,
    "ragged": [[0.1], [0.1, 0.2]], "negative": [-0.1] * COUNT, "infinite": np.inf,
    "not a number": [np.nan] * COUNT,
}  # fmt: skip


@pytest.mark.parametrize("attack", [white_box, transfer, craft])
@pytest.mark.parametrize("case", WRONG_LABELS)
def test_wrong_labels_are_told(case, attack, plain, attacked_frames):
    iq, _, epsilon = attacked_frames
    with pytest.raises(UserError, match=f"labels must .* {COUNT} |labels must lie in 0") as caught:
        attack(plain, iq, WRONG_LABELS[case], epsilon)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("attack", [white_box, transfer, craft])
@pytest.mark.parametrize("case", WRONG_RADII)
def test_wrong_radii_are_told(case, attack, plain, attacked_frames):
    iq, label, _ = attacked_frames
    with pytest.raises(UserError, match="perturbation radi") as caught:
        attack(plain, iq, label, WRONG_RADII[case])
    assert "\n" not in str(caught.value)


def test_labels_of_frames_that_are_not_attacked_do_not_matter(plain, attacked_frames):
    iq, label, epsilon = (each[:4].copy() for each in attacked_frames)
    iq[2], label[2], epsilon[2] = 0, 99, np.nan
    assert white_box(plain, iq, label, epsilon, settings=QUICK).success[2] == 0
    others = (iq[:2], label[:1])
    with pytest.raises(UserError, match="labels"):
        white_box(plain, iq, label, epsilon, settings=QUICK, others=others)


@pytest.mark.parametrize(
    ("model", "goal", "in_bfloat16"),
    [
        pytest.param(model, goal, fast, marks=SLOW if fast and model != "rejecting" else [])
        for model in ("plain", "rejecting", "detecting")
        for goal in Goal
        for fast in (False, True)
    ],
    indirect=["in_bfloat16"],
)
def test_every_attack_stays_in_its_ball_and_tells_the_truth(
    model, goal, request, attacked_frames, in_bfloat16
):
    classifier = request.getfixturevalue(model)
    iq, label, epsilon = some(attacked_frames, 3 if in_bfloat16 else 1)
    result = white_box(classifier, iq, label, epsilon, goal=goal, settings=QUICK)
    assert np.isfinite(result.iq).all() and result.iq.shape == iq.shape
    assert (norms(result.iq - iq) <= epsilon * (1 + 1e-5)).all()
    decided = classifier.decide(result.iq)
    won = decided.label != label
    if goal is Goal.EVASION:
        won &= ~decided.rejected
    # Judged in other batches, and a frame stops as soon as it has won: just behind an edge
    edge = on_edge(decided.score, classifier.threshold)
    assert edge.mean() < 0.2
    np.testing.assert_array_equal(won[~edge], result.success[~edge])
    assert result.success.mean() > (classifier.decide(iq).label != label).mean()


def test_a_stronger_goal_is_easier(rejecting, attacked_frames):
    iq, label, epsilon = attacked_frames
    wins = [
        white_box(rejecting, iq, label, epsilon, goal=goal, settings=QUICK).success
        for goal in (Goal.EVASION, Goal.EVASION_OR_REJECTION)
    ]
    assert wins[1].mean() > wins[0].mean()


def test_pgd_is_much_better_than_noise(plain, attacked_frames):
    iq, label, epsilon = attacked_frames
    noisy = noise(iq, epsilon, seed=1)
    assert norms(noisy - iq) == pytest.approx(epsilon, rel=1e-4)
    by_noise = (plain.decide(noisy).label != label).mean()
    by_pgd = white_box(plain, iq, label, epsilon, settings=QUICK).success.mean()
    assert by_pgd > by_noise + 0.2


def test_the_whole_battery_is_not_weaker_than_equation_5(rejecting, attacked_frames, monkeypatch):
    iq, label, epsilon = attacked_frames
    everything = white_box(rejecting, iq, label, epsilon, settings=QUICK).success
    monkeypatch.setattr(objectives, "objectives_for", lambda *_: (objectives.equation5,))
    alone = white_box(
        rejecting, iq, label, epsilon, settings=AttackSettings(steps=10, restarts=0)
    ).success
    assert everything.sum() >= alone.sum()


@pytest.mark.parametrize(
    "model",
    [pytest.param("plain", marks=SLOW), "rejecting", pytest.param("detecting", marks=SLOW)],
)
@pytest.mark.parametrize("in_bfloat16", [True], indirect=True)
def test_reduced_precision_finds_as_much(model, in_bfloat16, request, attacked_frames):
    classifier = request.getfixturevalue(model)
    iq, label, epsilon = some(attacked_frames, 2)
    exact, fast = (
        white_box(classifier, iq, label, epsilon, settings=replace(QUICK, fast=fast))
        for fast in (False, True)
    )
    assert (exact.iq != fast.iq).any()
    assert abs(exact.success.sum() - fast.success.sum()) <= 2  # of 20


def test_invalid_frames_come_back_unchanged(plain):
    iq, label = toy_frames(6, 31)
    iq[1] = 0
    iq[4, 0, 0] = np.nan
    result = white_box(plain, iq, label, np.full(6, 1.0), settings=QUICK)
    assert not result.success[[1, 4]].any()
    np.testing.assert_array_equal(result.iq[[1, 4]], iq[[1, 4]])
    assert result.success[[0, 2, 3, 5]].all()


def test_gradient_goes_through_the_scaling(plain):
    """Behind sum_abs scaling a loud frame is as easy to attack as the scaled one."""
    iq, label = toy_frames(60, 32)
    epsilon = power.epsilon(energy(iq), 10, -5)
    quiet = white_box(plain, iq, label, epsilon, settings=QUICK, scaling="sum_abs")
    loud = white_box(plain, iq * 500, label, epsilon * 500, settings=QUICK, scaling="sum_abs")
    assert abs(quiet.success.mean() - loud.success.mean()) < 0.1


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_radius_must_make_sense(plain, bad):
    iq, label = toy_frames(4, 33)
    with pytest.raises(UserError, match="radius"):
        white_box(plain, iq, label, np.full(4, bad))


def test_no_budget_no_change(plain):
    iq, label = toy_frames(40, 34)
    result = white_box(plain, iq, label, np.zeros(40), settings=QUICK)
    assert (result.iq == iq).all()
    decided = plain.decide(iq)
    edge = on_edge(decided.score)
    assert edge.mean() < 0.2
    np.testing.assert_array_equal(result.success[~edge], (decided.label != label)[~edge])


def test_descend_reaches_the_minimum_on_a_sphere():
    """min <c, x> over the ball around 0 is at -ε·c/‖c‖."""
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(3, 2, 8, generator=generator)
    clean = torch.zeros(3, 2, 8)
    epsilon = torch.tensor([0.5, 1.0, 2.0])

    def evaluate(iq, rows):
        return (iq * direction[rows]).sum((1, 2)), torch.zeros(len(rows), dtype=torch.bool)

    result = descend(evaluate, clean, epsilon, steps=10, step_size=2.5)
    expected = -direction / direction.flatten(1).norm(dim=1)[:, None, None]
    torch.testing.assert_close(result.iq, expected * epsilon[:, None, None], rtol=1e-4, atol=1e-5)


def test_direction_of_two_values_keeps_the_second():
    generator = torch.Generator().manual_seed(0)
    a, b, point = torch.randn(3, 5, 2, 8, generator=generator, dtype=torch.float64)
    point.requires_grad_()
    value = torch.stack([(a * point).sum((1, 2)), (b * point).sum((1, 2))], 1)
    found = direction(value, point)
    assert (found * b).sum((1, 2)).abs().max() < 1e-9
    assert ((found * a).sum((1, 2)) > 0).all()  # descending it still lowers the first
    torch.testing.assert_close(direction((a * point).sum((1, 2)), point), a)


@pytest.mark.parametrize("model", ["plain", "rejecting"])
@pytest.mark.parametrize("objective", ["two_phase", "orthogonal", "raised_error"])
def test_two_phase_objectives_need_an_autoencoder(model, objective, request):
    classifier = request.getfixturevalue(model)
    outputs = classifier.outputs(torch.as_tensor(toy_frames(4, 1)[0]))
    with pytest.raises(UserError, match=f"{model} has none"):
        getattr(objectives, objective)(classifier, outputs, torch.zeros(4, dtype=torch.long))


def test_two_phase_objectives_by_hand(detecting):
    """Frame 0: the network is right; frame 1: it is wrong. S0 is -2, the errors are 3 and 5."""
    logits = torch.tensor([[4.0, 1.0, 0.0, 0.0], [1.0, 6.0, 0.0, 0.0]])
    scores = logits - logits.max(1, keepdim=True)[0] - torch.tensor([[3.0], [5.0]])
    outputs, label = Outputs(None, None, logits, scores), torch.tensor([0, 0])
    assert objectives.two_phase(detecting, outputs, label).tolist() == [3, 5]
    both = objectives.orthogonal(detecting, outputs, label)
    assert both.tolist() == [[3, 3], [5, -5]]
    assert objectives.raised_error(detecting, outputs, label).tolist() == [-3, -5]


def test_the_attack_knows_the_detector(detecting, plain, attacked_frames):
    """White-box, through the autoencoder, is stronger than on the network alone."""
    iq, label, epsilon = attacked_frames
    grey = white_box(plain, iq, label, epsilon, settings=QUICK).iq
    white = white_box(detecting, iq, label, epsilon, settings=QUICK).iq
    evaded = [
        np.mean((decided >= 0) & (decided != label))
        for decided in (detecting.decide(each).label for each in (grey, white))
    ]
    assert evaded[1] > evaded[0]


def test_flat_objectives_are_reported():
    result = descend(
        lambda iq, rows: (iq.sum((1, 2)) * 0, torch.zeros(len(rows), dtype=torch.bool)),
        torch.ones(2, 2, 4),
        torch.ones(2),
        steps=3,
        step_size=1.0,
    )
    assert result.flat.all() and not result.success.any()


def test_won_frames_are_dropped():
    """Each frame is evaluated until it wins and never again."""
    seen = []

    def evaluate(iq, rows):
        seen.append(rows.tolist())
        return iq.sum((1, 2)), rows < len(seen)

    descend(evaluate, torch.zeros(3, 2, 4), torch.ones(3), steps=9, step_size=2.0)
    assert seen == [[0, 1, 2], [1, 2], [2]]


def test_a_success_that_the_judge_denies_is_not_one():
    def evaluate(iq, rows):
        return iq.sum((1, 2)), torch.ones(len(rows), dtype=torch.bool)

    result = descend(
        evaluate,
        torch.zeros(2, 2, 4),
        torch.ones(2),
        steps=2,
        step_size=1.0,
        confirm=lambda iq, rows: rows == 1,
    )
    assert result.success.tolist() == [False, True]


def test_projection_by_hand():
    delta = torch.tensor([[[3.0], [4.0]], [[0.3], [0.4]]])
    projected = project(delta, torch.tensor([1.0, 1.0]))
    assert projected.flatten().tolist() == pytest.approx([0.6, 0.8, 0.3, 0.4], rel=1e-5)


def test_random_starts_fill_the_ball():
    delta = random_start(
        torch.zeros(4000, 1, 2), torch.full((4000,), 2.0), torch.Generator().manual_seed(0)
    )
    radius = delta.flatten(1).norm(dim=1) / 2
    assert radius.max() <= 1
    # uniform in a disk: the median radius is sqrt(1/2)
    assert radius.median().item() == pytest.approx(0.7071, abs=0.03)


def test_objectives_by_hand(rejecting):
    scores = torch.tensor([[1.0, 0.2, -0.5, -0.9]], dtype=torch.float64)
    outputs = Outputs(None, None, scores * 10, scores)
    label = torch.tensor([0])
    threshold = rejecting.threshold
    assert objectives.equation5(rejecting, outputs, label).item() == pytest.approx(0.8)
    assert objectives.network_margin(rejecting, outputs, label).item() == pytest.approx(8.0)
    assert objectives.true_score(rejecting, outputs, label).item() == 1.0
    expected = max(1.0, threshold) - 0.2
    assert objectives.equation5_threshold(rejecting, outputs, label).item() == pytest.approx(
        expected
    )
    expected = 1.0 - max(0.2, threshold)
    assert objectives.rejection_margin(rejecting, outputs, label).item() == pytest.approx(expected)


def test_no_frames_no_trouble(plain):
    empty = np.empty((0, 2, 128), np.float32)
    assert len(white_box(plain, empty, np.empty(0, int), np.empty(0), settings=QUICK).iq) == 0
    assert len(plain.decide(empty).label) == 0


def test_starts_toward_the_nearest_frame_of_a_wrong_class(plain):
    """Two classes on a line: each frame's start points at the other class's nearest frame."""
    iq, label = toy_frames(80, 35)
    target = targets(plain, iq, label, np.ones(80))
    state = white_box_module._WhiteBox(plain, target, Goal.EVASION, QUICK, None, "none")
    state.look_around(iq, label)
    known = plain.decide(iq).label == label
    flat = iq.reshape(80, -1).astype(np.float64)
    for i in range(0, 80, 9):
        distance = np.sqrt(((flat - flat[i]) ** 2).sum(1))
        distance[~known | (label == label[i])] = np.inf
        found = np.abs(state.toward[i].numpy() - (iq - iq[i])).max((1, 2)).argmin()
        np.testing.assert_allclose(state.toward[i].numpy(), iq[found] - iq[i], atol=1e-6)
        assert distance[found] <= distance.min() * (1 + 1e-3)  # of two as near, either


def test_more_tries_never_win_less(rejecting, attacked_frames):
    iq, label, epsilon = attacked_frames
    settings = replace(QUICK, restarts=0)  # which would draw other numbers after more tries
    plain_tries = white_box(rejecting, iq, label, epsilon, settings=settings)
    more = white_box(rejecting, iq, label, epsilon, settings=settings, others=toy_frames(80, 36))
    assert more.success.sum() >= plain_tries.success.sum()
