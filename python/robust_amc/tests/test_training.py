import numpy as np
import pytest
import torch

from robust_amc.classifier import Classifier
from robust_amc.data import FrameDataset
from robust_amc.errors import UserError
from robust_amc.models import build
from robust_amc.training import (
    LSGNA,
    Adversarial,
    AdversarialSettings,
    CATSettings,
    CustomizedAdversarial,
    LSGNASettings,
    Plan,
    Rule,
    Standard,
    Trades,
    TradesSettings,
    TrainSettings,
    train,
)
from robust_amc.training.attack import attack
from robust_amc.training.augment import augment
from robust_amc.training.plan import _start

from .conftest import CLASSES, toy_dataset
from .rounding import on_edge

TRAIN = toy_dataset(192, 1)
VALIDATION = toy_dataset(96, 2)
CAT = CATSettings(r_max=0.2, growth=0.1, steps=2)
SHORT = {"steps": 2, "step_size": 2.0, "stop_at_success": False}


def network(seed=0):
    torch.manual_seed(seed)
    return build("residual", len(CLASSES), input_gain=100.0)  # the quickest to train


RECIPES = {
    "standard": Standard,
    "ls_gna": LSGNA,
    "adversarial": lambda: Adversarial(AdversarialSettings(share=0.5, steps=2)),
    "drawn": lambda: Adversarial(AdversarialSettings(drawn=True, steps=2)),
    "cat": lambda: CustomizedAdversarial(CAT, len(TRAIN)),
    "trades": lambda: Trades(TradesSettings(steps=2)),
}


class Stopped(Exception):
    pass


@pytest.mark.parametrize("method", RECIPES)
def test_stopped_and_resumed_is_the_same_as_not_stopped(method, tmp_path):
    settings = TrainSettings(
        epochs=3, batch_size=64, patience=0, ema_decay=0.9, robust_radius=0.1, cosine=True
    )
    straight, history = train(network(), RECIPES[method](), TRAIN, VALIDATION, settings)

    def stop_in_the_second_epoch(epoch, done, frames, loss):
        if epoch == 1 and done == 128:
            raise Stopped

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Stopped):
        train(
            network(), RECIPES[method](), TRAIN, VALIDATION, settings,
            checkpoint=checkpoint, identity={}, report=stop_in_the_second_epoch,
        )  # fmt: skip
    resumed, again = train(
        network(seed=5), RECIPES[method](), TRAIN, VALIDATION, settings,
        checkpoint=checkpoint, identity={}, resume=True,
    )  # fmt: skip
    assert again.epochs == history.epochs
    for name, weight in straight.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_checkpoint_of_another_run_is_refused(tmp_path):
    checkpoint = tmp_path / "run.checkpoint"
    settings = TrainSettings(epochs=1, batch_size=96)
    arguments = (Standard(), TRAIN, VALIDATION, settings)
    train(network(), *arguments, checkpoint=checkpoint, identity={"seed": 1})
    with pytest.raises(UserError, match="another run.*seed"):
        train(network(), *arguments, checkpoint=checkpoint, identity={"seed": 2}, resume=True)
    with pytest.raises(UserError, match="another run.*seed"):
        train(network(), *arguments, checkpoint=checkpoint, resume=True)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        train(network(), *arguments, checkpoint=checkpoint, identity={"seed": 1}, resume=True)


def test_training_learns_and_keeps_the_best_epoch():
    settings = TrainSettings(epochs=3, batch_size=64, patience=0, fast=False)
    trained, history = train(network(), Standard(), toy_dataset(480, 3), VALIDATION, settings)
    scores = [entry["validation"] for entry in history.epochs]
    assert history.best_epoch == int(np.argmax(scores))
    assert max(scores) > 0.8
    with torch.no_grad():
        right = trained(torch.tensor(VALIDATION.iq)).argmax(1).numpy() == VALIDATION.label
    assert right.mean() == pytest.approx(max(scores), abs=0.02)


def test_patience_stops():
    settings = TrainSettings(epochs=9, batch_size=96, patience=2, learning_rate=1e-12)
    _, history = train(network(), Standard(), TRAIN, VALIDATION, settings)
    assert history.best_epoch == 0 and len(history.epochs) == 3


def test_dry_run_makes_one_update_and_writes_nothing(tmp_path):
    updates = []
    train(
        network(), Standard(), TRAIN, VALIDATION, TrainSettings(batch_size=64), dry_run=True,
        checkpoint=tmp_path / "run.checkpoint", report=lambda *what: updates.append(what),
    )  # fmt: skip
    assert [done for _, done, _, _ in updates] == [64, 192]
    assert not list(tmp_path.iterdir())


def test_diverging_training_is_told():
    with pytest.raises(UserError, match="no longer finite"):
        train(
            network(), Standard(), TRAIN, VALIDATION,
            TrainSettings(epochs=5, batch_size=32, learning_rate=1e18),
        )  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    settings = TrainSettings(epochs=2, batch_size=64, patience=0)
    return train(network(), Standard(), toy_dataset(480, 3), VALIDATION, settings)[0]


def evaded(trained, inputs, label):
    """Which frames are misclassified, and which are not on an edge."""
    with torch.no_grad():
        logits = trained(inputs)
    sure = ~on_edge(logits.numpy())
    assert sure.mean() > 0.9
    return logits.argmax(1) != label, torch.from_numpy(sure)


def batch(cat, trained, rows):
    iq = torch.tensor(TRAIN.iq[rows])
    label = torch.tensor(TRAIN.label[rows], dtype=torch.long)
    generator = torch.Generator().manual_seed(0)
    return iq, label, *cat.batch(trained, iq, label, rows, len(CLASSES), generator)


def test_budgets_grow_until_the_attack_succeeds(trained):
    cat = CustomizedAdversarial(CATSettings(r_max=0.25, growth=0.1, steps=4), len(TRAIN))
    rows = torch.arange(64)
    for _ in range(5):
        before = cat.budget.clone()
        iq, label, inputs, _ = batch(cat, trained, rows)
        delta = (inputs - iq).flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
        assert (delta <= before[rows] * (1 + 1e-4)).all()
        won, sure = evaded(trained, inputs, label)
        expected = torch.where(won, before[rows], (before[rows] + 0.1).clamp(max=0.25))
        torch.testing.assert_close(cat.budget[rows][sure], expected[sure])
        assert (cat.budget[64:] == 0).all()  # frames outside the batch are left alone
    assert cat.budget[rows].max() == 0.25
    assert cat.budget[rows].unique().numel() > 1


def test_the_other_rule_grows_after_success(trained):
    settings = CATSettings(r_max=0.25, growth=0.1, steps=4, rule=Rule.AFTER_SUCCESS.value)
    cat = CustomizedAdversarial(settings, len(TRAIN))
    rows = torch.arange(64)
    cat.budget[:] = 0.1
    iq, label, inputs, _ = batch(cat, trained, rows)
    won, sure = evaded(trained, inputs, label)
    assert 0 < won.sum() < 64
    torch.testing.assert_close(cat.budget[rows][sure], torch.where(won, 0.2, 0.1)[sure])


def test_adversarial_draws_budgets_up_to_its_radius(trained):
    recipe = Adversarial(AdversarialSettings(radius=0.2, drawn=True, steps=3))
    iq, _, inputs, _ = batch(recipe, trained, torch.arange(192))
    relative = (inputs - iq).flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
    moved = relative[relative > 0]  # the others were misclassified as they are
    assert len(moved) > 100 and moved.max() <= 0.2
    assert moved.mean() == pytest.approx(0.1, abs=0.02)
    assert moved.min() < 0.02


def test_augmented_frames_are_turned_and_half_of_them_mirrored():
    iq = torch.randn(400, 2, 16, generator=torch.Generator().manual_seed(1))
    before = torch.complex(*iq.unbind(1))
    after = torch.complex(*augment(iq, torch.Generator().manual_seed(2)).unbind(1))
    turned = torch.stack([(after * each.conj()).mean(1) for each in (before, before.conj())])
    power = before.abs().square().mean(1)
    # One factor of modulus 1 a frame, of the frame or of its conjugate
    factor = turned / power
    mirrored = factor[1].abs() > factor[0].abs()
    torch.testing.assert_close(factor.abs().max(0)[0], torch.ones(400))
    assert 150 < mirrored.sum() < 250
    phase = torch.where(mirrored, factor[1], factor[0]).angle()
    assert phase.histc(4, -torch.pi, torch.pi).min() > 70


def test_adversarial_attacks_the_wanted_share_on_the_ball(trained):
    recipe = Adversarial(AdversarialSettings(radius=0.2, share=0.5, steps=3))
    iq, label, inputs, target = batch(recipe, trained, torch.arange(192))
    wrong, sure = evaded(trained, iq, label)
    right = ~wrong
    delta = (inputs - iq).flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
    assert (delta <= 0.2 * (1 + 1e-4)).all()
    moved = delta > 0
    assert not moved[wrong & sure].any()
    assert moved[right].float().mean() == pytest.approx(0.5, abs=0.12)
    assert delta[moved].median() == pytest.approx(0.2, rel=1e-3)  # no early stop: on the sphere
    assert torch.equal(target, torch.eye(4)[label])


def test_ls_gna_adds_noise_of_the_wanted_power_and_smooths(trained):
    recipe = LSGNA(LSGNASettings(smoothing=0.2, noise=0.3))
    iq, label, inputs, target = batch(recipe, trained, torch.arange(192))
    noise = inputs - iq
    relative = noise.flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
    assert relative.mean() == pytest.approx(0.3, rel=0.01)
    assert noise.mean().abs() < 0.01 * noise.std()
    torch.testing.assert_close(target, 0.8 * torch.eye(4)[label] + 0.05)


def test_labels_are_smoothed_in_proportion_to_the_budget(trained):
    cat = CustomizedAdversarial(CATSettings(r_max=0.2, smoothing_max=0.4), len(TRAIN))
    rows = torch.arange(64)
    _, label, _, target = batch(cat, trained, rows)
    assert torch.equal(target, torch.eye(4)[label])  # r = 0: one-hot
    cat.budget[rows] = torch.linspace(0, 0.2, 64)
    _, label, _, target = batch(cat, trained, rows)
    assert torch.allclose(target.sum(1), torch.ones(64))
    # Eq. 1: all other classes share α·u, so the true one is 1 - α + α·u_y
    alpha = torch.linspace(0, 0.4, 64)
    true = target.gather(1, label[:, None])[:, 0]
    assert ((1 - alpha - 1e-6 <= true) & (true <= 1)).all()
    share = ((1 - true[1:]) / alpha[1:]).mean()  # E[1 - u_y] = 3/4
    assert share == pytest.approx(0.75, abs=0.1)


def test_frames_already_wrong_are_not_attacked(trained):
    cat = CustomizedAdversarial(CATSettings(r_max=0.2), len(TRAIN))
    rows = torch.arange(64)
    cat.budget[:] = 0.2
    iq = torch.tensor(TRAIN.iq[rows])
    wrong = (torch.tensor(TRAIN.label[rows], dtype=torch.long) + 1) % 4
    result = attack(trained, iq, wrong, cat.budget[rows], **SHORT)
    misclassified, sure = evaded(trained, iq, wrong)
    misclassified &= sure
    assert misclassified.sum() > 50
    assert torch.equal(result.iq[misclassified], iq[misclassified])


def test_attack_leaves_the_network_as_it_was(trained):
    trained.train().requires_grad_(True)
    label = torch.tensor(TRAIN.label[:8], dtype=torch.long)
    attack(trained, torch.tensor(TRAIN.iq[:8]), label, torch.full((8,), 0.1), **SHORT)
    assert trained.training
    assert all(weight.requires_grad for weight in trained.parameters())
    trained.eval()


@pytest.mark.parametrize(
    ("settings", "bad"),
    [
        (CATSettings, {"growth": 0}),
        (CATSettings, {"growth": 1.0}),
        (CATSettings, {"smoothing_max": 2}),
        (CATSettings, {"steps": 0}),
        (CATSettings, {"rule": "never"}),
        (AdversarialSettings, {"radius": 0}),
        (AdversarialSettings, {"share": 1.5}),
        (AdversarialSettings, {"steps": 0}),
        (LSGNASettings, {"smoothing": -0.1}),
        (LSGNASettings, {"noise": float("nan")}),
    ],
)
def test_settings_are_checked(settings, bad):
    with pytest.raises(UserError):
        settings(**bad)


def test_the_start_may_have_frames_of_another_length():
    """Where the weights do not depend on it; else it is said."""
    modern = Classifier.load("modern")
    rng = np.random.default_rng(0)
    iq = rng.standard_normal((44, 2, 256)).astype(np.float32)
    label = np.arange(44) % len(modern.classes)
    longer = FrameDataset(iq, label, modern.classes, np.full(44, 10.0), np.arange(44), {})
    started, described, origin = _start(Plan(start_from="modern"), longer)
    assert described["name"] == "matched_filter" and origin["name"] == "modern"
    assert started(torch.from_numpy(iq)).shape == (44, len(modern.classes))
    with pytest.raises(UserError, match="cannot be the start"):
        _start(Plan(start_from="undefended"), longer)


def test_trades_has_the_gradient_of_the_written_loss():
    """CE(x, y) + β·KL(p(x) ‖ p(x')), differentiated by PyTorch through both predictions."""
    made = network().eval()
    iq, label = torch.tensor(TRAIN.iq[:24]), torch.tensor(TRAIN.label[:24]).long()
    recipe = Trades(TradesSettings(beta=3.0, radius=0.2, steps=3))
    inputs, target = recipe.batch(
        made, iq, label, torch.arange(24), len(CLASSES), torch.Generator().manual_seed(0)
    )
    soft = torch.nn.functional.cross_entropy(made(inputs), target, reduction="sum")
    got = torch.autograd.grad(soft, list(made.parameters()))
    clean, attacked = made(inputs).split(24)
    p, log_q = clean.softmax(1), attacked.log_softmax(1)
    kl = (p * (clean.log_softmax(1) - log_q)).sum()
    written = torch.nn.functional.cross_entropy(clean, label, reduction="sum") + 3.0 * kl
    wanted = torch.autograd.grad(written, list(made.parameters()))
    for mine, theirs in zip(got, wanted):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max()))
    torch.testing.assert_close(inputs[:24], iq)
    length = (inputs[24:] - iq).flatten(1).norm(dim=1) / iq.flatten(1).norm(dim=1)
    assert (length <= 0.2 * (1 + 1e-5)).all()
    noise = iq + 0.2 * iq.flatten(1).norm(dim=1)[:, None, None] * torch.nn.functional.normalize(
        torch.randn(iq.shape, generator=torch.Generator().manual_seed(1)).flatten(1), dim=1
    ).view(iq.shape)
    blind = (p * (clean.log_softmax(1) - made(noise).log_softmax(1))).sum()
    assert kl > 1.5 * blind > 0
    with pytest.raises(UserError, match="positive radius"):
        TradesSettings(radius=0.0)
