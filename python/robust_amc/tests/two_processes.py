"""What test_engine.py has two processes do, and compares with what one does.

torchrun --nproc-per-node 2 two_processes.py FOLDER
"""

import sys
from pathlib import Path

import torch

from robust_amc.attacks import AttackSettings, white_box
from robust_amc.classifier import Classifier
from robust_amc.engine import Engine
from robust_amc.errors import UserError
from robust_amc.evaluation.sharded import sharded
from robust_amc.models import build
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
RADIUS = 0.3


def network(dropout):
    torch.manual_seed(0)
    made = build("vtcnn2", len(CLASSES), input_gain=100.0)
    if not dropout:
        made.dropout.cut = 0
    return made


def standard(engine=None):
    """Ordinary training, dropout and all: the network and its History."""
    settings = TrainSettings(epochs=2, batch_size=64, patience=0)
    return train(network(True), Standard(), TRAIN, VALIDATION, settings, engine=engine)


def cat(engine=None):
    """CAT without anything random but the order: the network, its History and the budgets."""
    recipe = CustomizedAdversarial(
        len(UNEVEN), CATSettings(r_max=0.2, growth=0.1, smoothing_max=0.0, steps=1)
    )
    settings = TrainSettings(epochs=2, robust_radius=0.1, average=0.5, **EXACT)
    trained, history = train(network(False), recipe, UNEVEN, VALIDATION, settings, engine=engine)
    return trained, history, recipe.budget


def evaluate(trained):
    """Decisions on the test frames, and the same after an attack without anything random."""
    classifier = Classifier(trained, CLASSES, metadata=toy_metadata())
    settings = AttackSettings(steps=3, restarts=0, chained=False, fast=False)
    norm = (TEST.iq**2).sum((1, 2)) ** 0.5
    decided = sharded(len(TEST), lambda rows: classifier.decide(TEST.iq[rows]))
    attacked = sharded(
        len(TEST),
        lambda rows: white_box(
            classifier, TEST.iq[rows], TEST.label[rows], RADIUS * norm[rows], settings=settings
        ),
    )
    return decided, attacked


def refused():
    raise UserError("said by the first process")


def main(folder):
    engine, exact = Engine("cpu"), Engine("cpu", fast=False)
    trained, history = standard(engine)
    exact_trained, exact_history, budget = cat(exact)
    decided, attacked = evaluate(trained)
    try:
        engine.from_first(refused)
        told = "nothing"
    except UserError as error:
        told = str(error)
    result = {
        "world": engine.world,
        "epochs": history.epochs,
        "weights": trained.state_dict(),
        "exact_epochs": exact_history.epochs,
        "exact_weights": exact_trained.state_dict(),
        "budget": budget,
        "label": torch.from_numpy(decided.label),
        "attacked_iq": torch.from_numpy(attacked.iq),
        "success": torch.from_numpy(attacked.success),
        "told": told,
        "first": engine.from_first(lambda: f"of {engine.rank}"),
        "sums": [engine.sum(engine.rank + 1), engine.sum(0.5), engine.sum(torch.ones(2))],
    }
    torch.save(result, Path(folder) / f"{engine.rank}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
