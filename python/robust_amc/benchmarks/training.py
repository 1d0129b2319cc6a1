"""An epoch of standard training and one of CAT, beside the plain eager loop in float32.

Each epoch starts from the same shipped network, because CAT leaves frames alone that the
network gets wrong: with random weights there would be little to attack. For the same reason
every frame's budget is the largest, as late in a training.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch

from ..classifier import Classifier
from ..data import FrameDataset
from ..files import Document
from ..runtime.runtime import Runtime
from ..training import CATSettings, Plan, TrainSettings, train
from . import gemm, plain
from .report import precisions, row, settings
from .sides import Rates, Side, Work, measure

START = "undefended"
METHODS = ("standard", "cat")
CAT = CATSettings()
COMPARED = (
    "an epoch of the training loop (Adam, batches of {batch}; CAT: {steps} PGD steps on every "
    "frame that the network gets right) with a plain eager float32 loop that does as many updates "
    "(CAT: as many steps, on every frame)"
)


def bench(
    dataset: FrameDataset, *, seconds: float, rounds: int, log: Callable[[str], None]
) -> Document:
    """Frames a second of one-epoch trainings on a FrameDataset; see :func:`sides.measure`.

    Raises UserError when the data set is not one that the shipped network knows.
    """
    model = Classifier.load(START, classes=dataset.classes, frame_length=dataset.frame_length)
    right = np.mean(model.decide(dataset.iq.astype(np.float32)).label == dataset.label)
    rates = measure(sides(dataset), seconds=seconds, rounds=rounds, log=log)
    batch = _settings(fast=False).batch_size
    described = settings(
        "training",
        COMPARED.format(batch=batch, steps=CAT.steps),
        start=START,
        frames=len(dataset),
        batch_size=batch,
        pgd_steps=CAT.steps,
        frames_right_at_the_start=float(right),
        seconds=seconds,
        rounds=rounds,
    )
    return {"settings": described, "rows": rows(rates)}


def sides(dataset: FrameDataset) -> list[Side]:
    """The Sides; units are frames."""
    own = [
        Side(
            _name(method, precision),
            "our loop",
            ours,
            {"dataset": dataset, "method": method, "fast": precision == "bfloat16"},
        )
        for method in METHODS
        for precision in precisions()
    ]
    plains = [
        Side(_name(method), "the plain loop", baseline, {"dataset": dataset, "method": method})
        for method in METHODS
    ]
    return [*own, *plains, *gemm.sides()]


def rows(rates: Rates) -> list[Document]:
    """Rows of the Rates of :func:`sides`."""
    kinds = [(method, precision) for method in METHODS for precision in precisions()]
    compared = [
        row(
            f"{method} epoch, {precision}",
            rates[_name(method, precision)].value,
            "frames/s",
            "plain float32 loop",
            rates[_name(method)].value,
        )
        for method, precision in kinds
    ]
    shares = [
        gemm.share(
            f"{method} epoch, {precision}", rates[_name(method, precision)], precision, rates
        )
        for method, precision in kinds
    ]
    return compared + shares + gemm.rows(rates)


def ours(dataset: FrameDataset, method: str, fast: bool) -> Work:
    """An epoch of robust_amc.training on a FrameDataset, and its frames."""
    network = Classifier.load(START).network.requires_grad_(True)
    start, runtime = deepcopy(network.state_dict()), Runtime("cpu", fast)
    plan = Plan(method=method, settings=_settings(fast), recipe=CAT if method == "cat" else None)
    validation = dataset.limit(1, 0)  # the loop wants some; one frame takes next to no time

    def epoch() -> None:
        network.load_state_dict(start)
        recipe = plan.batches(len(dataset))
        if method == "cat":
            recipe.load_state_dict({"budget": torch.full((len(dataset),), CAT.r_max)})
        train(network, recipe, dataset, validation, plan.settings, runtime=runtime)

    return epoch, len(dataset)


def baseline(dataset: FrameDataset, method: str) -> Work:
    """The same epoch written plainly, and its frames."""
    network = plain.PlainVTCNN2.of(Classifier.load(START).network, dataset.frame_length)
    start, common = deepcopy(network.state_dict()), _settings(fast=False)
    iq = torch.as_tensor(dataset.iq.astype(np.float32))
    label = torch.as_tensor(dataset.label, dtype=torch.long)

    def epoch() -> None:
        network.load_state_dict(start)
        if method == "standard":
            plain.standard_epoch(network, iq, label, common)
        else:
            budget = torch.full((len(iq),), CAT.r_max)
            plain.cat_epoch(network, iq, label, budget, common, CAT)

    return epoch, len(iq)


def _settings(fast: bool) -> TrainSettings:
    return TrainSettings(epochs=1, patience=0, fast=fast)


def _name(method: str, precision: str = "plain") -> str:
    return f"{method} {precision}"
