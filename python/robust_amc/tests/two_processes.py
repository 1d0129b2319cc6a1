"""What test_runtime.py has two processes do, and compares with what one does.

torchrun --nproc-per-node 2 two_processes.py FOLDER
"""

import sys
from pathlib import Path

import torch
from torch import nn

from robust_amc.attacks import AttackSettings
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.evaluation import SecurityCurve
from robust_amc.models import build
from robust_amc.runtime.runtime import Runtime
from robust_amc.tests.conftest import CLASSES, toy_dataset, toy_metadata
from robust_amc.training import (
    CATSettings,
    CustomizedAdversarial,
    Standard,
    TrainSettings,
    train,
)

TRAIN = toy_dataset(385, 1)  # the last batch has one frame: none for the second process
UNEVEN = TRAIN.subset(slice(127))  # here it has one more frame for the first process
VALIDATION = toy_dataset(95, 2)
TEST = toy_dataset(101, 3)
EXACT = {"batch_size": 64, "patience": 0, "fast": False}


def network(dropout):
    torch.manual_seed(0)
    made = build("vtcnn2", len(CLASSES), input_gain=100.0)
    if not dropout:
        made.rectify, made.dropout = nn.ReLU(), nn.Identity()
    return made


def standard(runtime=None):
    """Ordinary training, dropout and all: the network and its History."""
    settings = TrainSettings(epochs=2, batch_size=64, patience=0)
    return train(network(True), Standard(), TRAIN, VALIDATION, settings, runtime=runtime)


def cat(runtime=None):
    """CAT without anything random but the order: the network, its History and the budgets."""
    recipe = CustomizedAdversarial(
        CATSettings(r_max=0.2, growth=0.1, smoothing_max=0.0, steps=1), len(UNEVEN)
    )
    settings = TrainSettings(epochs=2, robust_radius=0.1, ema_decay=0.5, **EXACT)
    trained, history = train(network(False), recipe, UNEVEN, VALIDATION, settings, runtime=runtime)
    return trained, history, recipe.budget


class Counting(Classifier):
    """Counts the frames that this process decides."""

    count = 0

    def decide(self, iq, *arguments, **named):
        self.count += len(iq)
        return super().decide(iq, *arguments, **named)


def evaluate(trained):
    """Rows without and under an attack that draws nothing, and the frames decided here."""
    classifier = Counting(trained, CLASSES, metadata=toy_metadata())
    settings = AttackSettings(steps=3, restarts=0, chained=False, fast=False)
    clean, _ = SecurityCurve(classifier, TEST, "none").point()
    count = classifier.count
    curve = SecurityCurve(classifier, TEST, "pgd", settings)
    attacked = [curve.point(pnr_db) for pnr_db in (-10.0, 0.0)]
    return [clean, *(row for row, _ in attacked)], attacked[-1][1].decided, count


def refused():
    raise UserError("said by the first process")


def main(folder):
    runtime, exact = Runtime("cpu"), Runtime("cpu", fast=False)
    trained, history = standard(runtime)
    exact_trained, exact_history, budget = cat(exact)
    rows, decided, count = evaluate(trained)
    try:
        runtime.from_first(refused)
        told = "nothing"
    except UserError as error:
        told = str(error)
    result = {
        "world": runtime.world,
        "epochs": history.epochs,
        "weights": trained.state_dict(),
        "exact_epochs": exact_history.epochs,
        "exact_weights": exact_trained.state_dict(),
        "budget": budget,
        "rows": rows,
        "decided": torch.from_numpy(decided),
        "count": count,
        "told": told,
        "first": runtime.from_first(lambda: f"of {runtime.rank}"),
        "sums": [runtime.sum(runtime.rank + 1), runtime.sum(0.5), runtime.sum(torch.ones(2))],
    }
    torch.save(result, Path(folder) / f"{runtime.rank}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
