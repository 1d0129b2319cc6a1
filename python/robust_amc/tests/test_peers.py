"""Our PGD against that of public toolboxes (extra `peers`): the same budget, the same harm."""

import numpy as np
import pytest
import torch

from robust_amc import power
from robust_amc.attacks import AttackSettings, white_box
from robust_amc.benchmarks import agreement
from robust_amc.benchmarks.agreement import cross_entropy
from robust_amc.benchmarks.peers import PEERS
from robust_amc.frames import energy

from .conftest import CLASSES, toy_dataset, toy_frames

BUDGET = {"steps": 10, "step_size": 2.5}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the toolboxes' own imports
def test_the_same_robust_accuracy(peer, plain):
    """Cross entropy alone: within two points; the whole battery: no weaker."""
    pytest.importorskip(peer, reason="not installed, see docs/benchmarks.md")
    iq, label = toy_frames(100, 60)
    seen = []
    for pnr_db in (-5, -2):
        epsilon = power.epsilon(energy(iq), 10, pnr_db).astype(np.float32)

        def left(perturbed, epsilon=epsilon):
            """Robust accuracy of frames that are inside their balls."""
            norm = np.sqrt(energy((perturbed - iq).astype(np.float64)))
            assert (norm <= epsilon * (1 + 1e-3)).all()
            return np.mean(plain.decide(perturbed).label == label)

        found = PEERS[peer](plain.network, iq, label, epsilon, **BUDGET, classes=len(CLASSES))
        theirs = left(found)
        alone = left(cross_entropy(plain, iq, label, epsilon, **BUDGET))
        # of 100 frames: rounding decides of the last one or two
        assert alone == pytest.approx(theirs, abs=0.021)
        settings = AttackSettings(**BUDGET, restarts=0, fast=False)
        assert left(white_box(plain, iq, label, epsilon, settings=settings).iq) <= theirs + 0.011
        seen.append(theirs)
    assert 0.8 > seen[0] > seen[1]  # the toolbox attacks, and more with a larger budget


def test_the_table(plain, tmp_path, monkeypatch):
    """Its figures are those of the attacks; the battery is no weaker than cross entropy alone."""
    monkeypatch.setattr(agreement.peers, "PEERS", {"none": lambda network, iq, *rest, **more: iq})
    monkeypatch.setattr(agreement.peers, "versions", lambda: {"none": "1.0"})
    plain.save(tmp_path / "plain.safetensors")
    dataset = toy_dataset(200, 60).select(snr_db=[10])
    document = agreement.bench(
        dataset, pnr_db=(-5, 30), steps=5, log=print, model=str(tmp_path / "plain.safetensors")
    )
    weak, battery, strong, floor = document["rows"]
    clean = np.mean(plain.decide(dataset.iq).label == dataset.label)
    assert weak["baseline_value"] == strong["baseline_value"] == pytest.approx(clean, abs=0.02)
    assert battery["value"] <= weak["value"] + 0.02 < weak["baseline_value"]
    assert floor["value"] <= strong["value"] < weak["value"]
    assert document["settings"]["peers"] == {"none": "1.0"}


def test_of_a_system_that_rejects_the_network_alone(rejecting, tmp_path, monkeypatch):
    """A rejection would count as wrong in the rows: there is none."""
    monkeypatch.setattr(agreement.peers, "PEERS", {"none": lambda network, iq, *rest, **more: iq})
    monkeypatch.setattr(agreement.peers, "versions", lambda: {"none": "1.0"})
    rejecting.save(tmp_path / "m.safetensors")
    dataset = toy_dataset(60, 61).select(snr_db=[10])
    document = agreement.bench(
        dataset, pnr_db=(-60,), steps=1, log=print, model=str(tmp_path / "m.safetensors")
    )
    with torch.no_grad():
        decided = rejecting.network(torch.as_tensor(dataset.iq, dtype=torch.float32)).argmax(1)
    alone = np.mean(decided.numpy() == dataset.label)
    assert document["rows"][0]["baseline_value"] == pytest.approx(alone, abs=0.02)
    assert rejecting.decide(dataset.iq).rejected.any()
