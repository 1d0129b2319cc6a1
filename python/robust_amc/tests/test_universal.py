"""Attacks that do not see what they achieve: universal, grey-box, transfer; and `htrd attack`."""

import json

import numpy as np
import pytest
import torch

from robust_amc import power
from robust_amc.attacks import AttackSettings, Goal, craft, noise, transfer
from robust_amc.attacks.universal import principal_direction
from robust_amc.classifier import Classifier
from robust_amc.cli import attack as command
from robust_amc.cli import console
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.evaluation import Attack, SecurityCurve
from robust_amc.frames import energy
from robust_amc.models import build
from robust_amc.training import Standard, TrainSettings, train

from .conftest import CLASSES, toy_dataset, toy_frames, toy_metadata

QUICK = AttackSettings(steps=10, restarts=0)


@pytest.fixture(scope="module")
def other(dataset):
    """A network trained like `plain`, from another start on other frames."""
    torch.manual_seed(7)
    network = build("vtcnn2", len(CLASSES), input_gain=100.0)
    settings = TrainSettings(epochs=2, batch_size=64, patience=0)
    network, _ = train(network, Standard(), toy_dataset(640, 8), dataset.limit(100, 0), settings)
    return Classifier(network, CLASSES, metadata=toy_metadata(), name="other")


def left(classifier, iq, label):
    return np.mean(classifier.decide(iq).label == label)


def evaded(classifier, iq, label):
    decided = classifier.decide(iq).label
    return np.mean((decided >= 0) & (decided != label))


def norms(delta):
    return np.sqrt((delta.astype(np.float64) ** 2).sum((1, 2)))


def test_principal_direction_is_that_of_the_decomposition():
    """Against NumPy's singular values, for gradients around a known direction."""
    rng = np.random.default_rng(0)
    known = rng.standard_normal(16)
    signs = rng.choice([-1, 1], 50)[:, None]
    rows = signs * known + 0.3 * rng.standard_normal((50, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found, share = principal_direction(torch.as_tensor(rows.reshape(50, 2, 8)))
    _, sizes, right = np.linalg.svd(rows)
    assert abs(found.flatten().numpy() @ right[0]) == pytest.approx(1, abs=1e-9)
    assert abs(found.flatten().numpy() @ known) / np.linalg.norm(known) > 0.98
    assert share == pytest.approx(sizes[0] ** 2 / (sizes**2).sum())


@pytest.mark.parametrize(
    ("model", "goal", "harm"),
    [
        ("plain", Goal.EVASION, evaded),
        ("rejecting", Goal.EVASION_OR_REJECTION, lambda *args: -left(*args)),
        ("detecting", Goal.EVASION, evaded),
    ],
)
def test_a_universal_waveform_beats_noise_on_frames_it_has_not_seen(model, goal, harm, request):
    classifier = request.getfixturevalue(model)
    iq, label = toy_frames(200, 40)
    radius = power.epsilon(energy(iq), 10, 5)
    found = craft(classifier, iq, label, radius, goal=goal)
    assert np.linalg.norm(found.waveform) == pytest.approx(1, rel=1e-5)
    assert (np.abs(found.unit_power) ** 2).mean() == pytest.approx(1, rel=1e-5)
    assert 1 / 256 < found.energy_share < 1
    fresh, truth = toy_frames(200, 41)
    epsilon = power.epsilon(energy(fresh), 10, 5)
    perturbed = found.added(fresh, epsilon)
    assert norms(perturbed - fresh) == pytest.approx(epsilon, rel=1e-4)
    noisy = noise(fresh, epsilon, seed=1)
    assert harm(classifier, perturbed, truth) > harm(classifier, noisy, truth)


def test_the_sign_of_a_universal_waveform_is_the_better_one(plain):
    iq, label = toy_frames(120, 42)
    epsilon = power.epsilon(energy(iq), 10, 0)
    found = craft(plain, iq, label, epsilon)
    wins = [np.mean(plain.decide(iq + sign * (found.added(iq, epsilon) - iq)).label != label)
            for sign in (1, -1)]  # fmt: skip
    assert wins[0] == pytest.approx(found.success_rate, abs=2 / 120) and wins[0] >= wins[1]


def test_nothing_to_craft_on(plain):
    with pytest.raises(UserError, match="no frame to craft"):
        craft(plain, np.zeros((3, 2, 128), np.float32), np.zeros(3, int), np.ones(3))


def test_transfer_takes_all_its_steps_whatever_the_source_decides(plain, other):
    """Every frame is at the edge of its ball, and it harms another network more than noise."""
    iq, label = toy_frames(200, 43)
    epsilon = power.epsilon(energy(iq), 10, -5)
    full = transfer(other, iq, label, epsilon, settings=QUICK)
    assert norms(full - iq) == pytest.approx(epsilon, rel=1e-3)
    assert left(other, full, label) < left(other, iq, label)
    assert left(plain, full, label) < left(plain, noise(iq, epsilon), label)


def test_transfer_leaves_invalid_frames_alone(plain):
    iq, label = toy_frames(6, 44)
    iq[2] = 0
    perturbed = transfer(plain, iq, label, np.full(6, 0.01), settings=QUICK)
    assert (perturbed[2] == 0).all() and (norms(perturbed - iq)[[0, 1, 3, 4, 5]] > 0).all()


@pytest.mark.parametrize("name", ["noise", "universal", "grey", "transfer"])
def test_curves_of_attacks_that_know_less(name, detecting, other):
    evaluated, rest = toy_dataset(60, 45), toy_dataset(120, 46)
    curve = SecurityCurve(detecting, evaluated, name, QUICK, source=other, craft_on=rest)
    row, outcome = curve.point(0.0)
    assert row["attack"] == name and row["pnr_db"] == 0 and row["frames"] == 60
    # they win by being wrong and accepted; to be rejected is not their aim
    assert row["attacked_accuracy"] == row["accuracy"] <= row["robust_accuracy"]
    # 10 and 0 dB labels: the PSR is that of the budget
    budget = power.epsilon(curve.energy, evaluated.snr_db, 0) ** 2 / curve.energy
    assert row["psr_db"] == pytest.approx(np.mean(10 * np.log10(budget)), abs=0.01)
    assert curve.excess <= 1e-4


def test_grey_knows_the_network_and_not_the_rejector(detecting, plain):
    """The same perturbations, whatever rejects; fooling the network as PGD on it does."""
    evaluated = toy_dataset(60, 47)
    points = [SecurityCurve(each, evaluated, Attack.GREY, QUICK) for each in (detecting, plain)]
    rows = np.arange(60)
    made = [curve.blind(Attack.GREY, rows, curve.epsilon(-5)) for curve in points]
    np.testing.assert_array_equal(*made)
    assert left(plain, made[0], evaluated.label) < left(plain, evaluated.iq, evaluated.label) - 0.2


def test_curves_without_what_their_attack_needs(plain, other, dataset):
    with pytest.raises(UserError, match="source"):
        SecurityCurve(plain, dataset, Attack.TRANSFER)
    with pytest.raises(UserError, match="fewer frames"):
        SecurityCurve(plain, dataset, Attack.UNIVERSAL)
    strange = Classifier(build("vtcnn2", 2), ("yes", "no"), metadata=toy_metadata(), name="strange")
    with pytest.raises(UserError, match="cannot be compared"):
        SecurityCurve(plain, dataset, Attack.TRANSFER, source=strange)


class TestCommand:
    """`htrd attack` as typed."""

    @pytest.fixture(autouse=True)
    def files(self, rejecting, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        rejecting.save("m.safetensors")
        npz.write(toy_dataset(200, 50), "toy.npz")

    def run(self, *arguments):
        try:
            command.app([str(each) for each in arguments], standalone_mode=False)
        finally:
            console._until_end.close()  # as when the program ends

    def test_universal(self, rejecting, tmp_path):
        self.run(
            "universal", "--model", "m.safetensors", "--dataset", "toy.npz", "--snr", 10,
            "--pnr", 5, "--output", "wave.cf32", "--device", "cpu",
        )  # fmt: skip
        wave = np.fromfile("wave.cf32", "<c8")
        assert len(wave) == 128 and (np.abs(wave) ** 2).mean() == pytest.approx(1, rel=1e-5)
        told = json.loads((tmp_path / "wave.json").read_text())
        assert told["model"] == "m" and told["snr_db"] == [10] and told["seed"] == 0
        assert told["fingerprint"] == npz.read("toy.npz").fingerprint()
        assert 0 < told["energy_share"] < 1 and told["frames"] <= 100
        # the file does what the sidecar says
        frames = npz.read("toy.npz").select(snr_db=[10])
        iq = frames.iq.astype(np.float32)
        epsilon = power.epsilon(energy(iq), frames.snr_db, 5)
        waveform = np.stack([wave.real, wave.imag]) / np.linalg.norm(wave)
        perturbed = iq + epsilon[:, None, None] * waveform
        won = evaded(Classifier.load("m.safetensors"), perturbed, frames.label)
        assert won == pytest.approx(told["success_rate"], abs=0.03)  # frames on an edge

    def test_pgd_writes_a_data_set(self):
        self.run(
            "pgd", "--model", "m.safetensors", "--dataset", "toy.npz", "--snr", "10", "--pnr", 8,
            "--frames", 40, "--steps", 8, "--restarts", 0, "--output", "p.npz", "--device", "cpu",
        )  # fmt: skip
        clean = npz.read("toy.npz").select(snr_db=[10]).limit(40, 0)
        perturbed = npz.read("p.npz")
        np.testing.assert_array_equal(perturbed.label, clean.label)
        radius = norms(perturbed.iq - clean.iq.astype(np.float32))
        assert (radius <= power.epsilon(energy(clean.iq), 10, 8) * 1.001).all()
        facts = perturbed.metadata
        assert facts["attack"] == "pgd" and facts["pnr_db"] == 8 and facts["model"] == "m"
        assert facts["perturbed_from"] == {"scaling": "sum_abs"} and facts["scaling"] == "sum_abs"
        won = evaded(Classifier.load("m.safetensors"), perturbed.iq, perturbed.label)
        # in other batches, a frame that has just won may be on an edge
        assert won == pytest.approx(facts["success_rate"], abs=2 / 40) and won > 0.3

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (("universal", "--output", "x.wav"), ".cf32"),
            (("pgd", "--pnr", 0, "--output", "x.cf32"), ".npz"),
            (("pgd", "--pnr", 0, "--output", "toy.npz"), "exists already"),
            (("pgd", "--pnr", 0, "--output", "no/x.npz"), "folder"),
            (("pgd", "--pnr", 900, "--output", "x.npz"), "pnr_db"),
            (("universal", "--snr", 7, "--output", "x.cf32"), "7 dB"),
        ],
    )
    def test_mistakes(self, arguments, line, tmp_path):
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(UserError, match=line):
            self.run(*arguments, "--model", "m.safetensors", "--dataset", "toy.npz")
        assert sorted(path.name for path in tmp_path.iterdir()) == before
