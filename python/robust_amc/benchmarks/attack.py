"""PGD steps beside those of public toolboxes and of a plain loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import frames
from ..attacks import objectives
from ..attacks.pgd import descend
from ..classifier import Classifier
from ..data import FrameDataset
from ..files import Document
from ..reduced import ReducedClassifier
from ..runtime.runtime import Runtime
from . import gemm, peers, plain
from .report import precisions, row, settings
from .sides import Rates, Side, Work, measure

START = "undefended"
RADIUS = 0.095  # relative to the frame: PNR -10 dB at 10 dB SNR
STEP_SIZE = 2.5
UNIT = "frames*steps/s"
OURS, PLAIN = "our network", "plain network"
COMPARED = (
    "l2 PGD on the cross entropy, {steps} steps on every frame: our loop and the same attack by "
    "{others}, each on VT-CNN2 of plain layers and on our network in float32"
)


def bench(
    dataset: FrameDataset, *, steps: int, seconds: float, rounds: int, log: Callable[[str], None]
) -> Document:
    """Frames times PGD steps a second on a FrameDataset; see :func:`sides.measure`.

    Toolboxes that are not installed are left out, and named in the settings. Raises UserError
    when the data set is not one that the shipped network knows.
    """
    Classifier.load(START, classes=dataset.classes, frame_length=dataset.frame_length)
    versions = peers.versions()
    for name in peers.PEERS:
        if not versions[name]:
            log(f"{name} is not installed, and left out (docs/benchmarks.md says how to have it)")
    rates = measure(sides(dataset, steps), seconds=seconds, rounds=rounds, log=log)
    described = settings(
        "attack",
        COMPARED.format(steps=steps, others=", ".join(_present())),
        model=START,
        frames=len(dataset),
        pgd_steps=steps,
        relative_radius=RADIUS,
        peers={name: version or "not installed" for name, version in versions.items()},
        peers_batch_size=peers.BATCH,
        seconds=seconds,
        rounds=rounds,
    )
    return {"settings": described, "rows": rows(rates)}


def sides(dataset: FrameDataset, steps: int) -> list[Side]:
    """The Sides; units are frames times steps."""
    given = {"dataset": dataset, "steps": steps}
    own = [
        Side(f"ours {precision}", "our loop", ours, given | {"fast": precision == "bfloat16"})
        for precision in precisions()
    ]
    others = [
        Side(_name(loop, network), loop, baseline, given | {"loop": loop, "network": network})
        for loop in _present()
        for network in (PLAIN, OURS)
    ]
    return [*own, *others, *gemm.sides()]


def rows(rates: Rates) -> list[Document]:
    """Rows of the Rates of :func:`sides`; first beside the fastest of the others on a network."""
    own = {precision: rates[f"ours {precision}"] for precision in precisions()}
    fastest = precisions()[0]
    best, others = [], []
    for network in (PLAIN, OURS):
        values = {loop: rates[_name(loop, network)].value for loop in _present()}
        winner = max(values, key=lambda loop: values[loop])
        best += [
            row(
                f"PGD, {precision}", rate.value, UNIT,
                f"the best on {network}: {winner}", values[winner],
            )
            for precision, rate in own.items()
        ]  # fmt: skip
        others += [
            row(f"PGD, {fastest}", own[fastest].value, UNIT, _name(loop, network), value)
            for loop, value in values.items()
        ]
    shares = [
        gemm.share(f"PGD, {precision}", rate, precision, rates) for precision, rate in own.items()
    ]
    return best + others + shares + gemm.rows(rates)


def ours(dataset: FrameDataset, steps: int, fast: bool) -> Work:
    """The descent of our attacks, as `htrd evaluate` runs it, and its frames times steps."""
    Runtime("cpu", fast)
    reduced = ReducedClassifier(Classifier.load(START), fast)
    iq, label, epsilon = _targets(dataset)
    none = torch.zeros(len(iq), dtype=torch.bool)

    def evaluate(perturbed: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = reduced.outputs(perturbed)
        return objectives.cross_entropy(reduced.classifier, outputs, label[rows]), none[rows]

    def attack() -> torch.Tensor:
        return descend(evaluate, iq, epsilon, steps=steps, step_size=STEP_SIZE).iq

    return attack, len(iq) * steps


def baseline(dataset: FrameDataset, steps: int, loop: str, network: str) -> Work:
    """The same attack by another `loop` on a `network`, and its frames times steps."""
    model: nn.Module = Classifier.load(START).network.requires_grad_(True)
    if network == PLAIN:
        model = plain.PlainVTCNN2.of(model, dataset.frame_length)
    iq, label, epsilon = _targets(dataset)
    budget: dict[str, Any] = {"steps": steps, "step_size": STEP_SIZE}
    if loop in peers.PEERS:
        own = (iq.numpy(), label.numpy(), epsilon.numpy())
        budget["classes"] = len(dataset.classes)
        return lambda: peers.PEERS[loop](model, *own, **budget), len(iq) * steps

    def attack() -> torch.Tensor:
        batches = zip(*(part.split(peers.BATCH) for part in (iq, label, epsilon)))
        return torch.cat([plain.pgd(model, *batch, **budget) for batch in batches])

    return attack, len(iq) * steps


def _targets(dataset: FrameDataset) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Frames, labels and radii, tensors."""
    iq = torch.as_tensor(dataset.iq.astype(np.float32))
    label = torch.as_tensor(dataset.label, dtype=torch.long)
    return iq, label, RADIUS * frames.flat_norm(iq)[:, 0, 0]


def _present() -> list[str]:
    """The loops to compare with: the toolboxes that are installed, and the plain one."""
    versions = peers.versions()
    return [name for name in peers.PEERS if versions[name]] + ["plain loop"]


def _name(loop: str, network: str) -> str:
    return f"{loop} on {network}"
