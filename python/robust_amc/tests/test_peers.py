"""Our PGD against that of public toolboxes (extra `peers`): the same budget, the same harm."""

import numpy as np
import pytest
import torch
from torch import nn

from robust_amc import power
from robust_amc.attacks import AttackSettings, white_box
from robust_amc.attacks.pgd import descend
from robust_amc.benchmarks.peers import PEERS
from robust_amc.frames import energy

from .conftest import CLASSES, toy_frames

BUDGET = {"steps": 10, "step_size": 2.5}


def ours(network, iq, label, epsilon):
    """This project's loop with the same objective, start and steps; it stops at a success."""
    label = torch.as_tensor(label, dtype=torch.long)

    def evaluate(point, rows):
        logits = network(point)
        value = -nn.functional.cross_entropy(logits, label[rows], reduction="none")
        return value, logits.argmax(1) != label[rows]

    return descend(evaluate, torch.as_tensor(iq), torch.as_tensor(epsilon), **BUDGET).iq.numpy()


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the toolboxes' own imports
def test_the_same_robust_accuracy(peer, plain):
    """Cross entropy alone: within one point, never weaker; the whole battery: never weaker."""
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
        alone = left(ours(plain.network, iq, label, epsilon))
        assert theirs - 0.0101 <= alone <= theirs
        settings = AttackSettings(**BUDGET, restarts=0, fast=False)
        assert left(white_box(plain, iq, label, epsilon, settings=settings).iq) <= theirs
        seen.append(theirs)
    assert 0.8 > seen[0] > seen[1]  # the toolbox attacks, and more with a larger budget
