"""What l2 PGD leaves of a plain network: ours beside that of public toolboxes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from .. import frames, power
from ..arrays import Floats, Integers
from ..attacks import AttackSettings, objectives, white_box
from ..attacks.pgd import descend
from ..classifier import Classifier
from ..data import FrameDataset
from ..files import Document
from ..reduced import ReducedClassifier
from . import peers
from .report import row, settings

START = "undefended"
STEP_SIZE = 2.5
UNIT = "robust accuracy"
COMPARED = (
    "robust accuracy of {model}'s network on the same {frames} frames after l2 PGD with {steps} "
    "steps from the clean frame: cross entropy alone beside each of {others}, and our whole "
    "battery beside the best of them, all in float32"
)


def bench(
    dataset: FrameDataset,
    *,
    pnr_db: Sequence[float],
    steps: int,
    log: Callable[[str], None],
    model: str = START,
) -> Document:
    """Robust accuracies on a FrameDataset at each PNR in dB.

    Of a model that rejects, its network alone: the toolboxes know no rejector. Toolboxes that are
    not installed are left out. Raises UserError when the data set is not one that the network
    knows.
    """
    whole = Classifier.load(model, classes=dataset.classes, frame_length=dataset.frame_length)
    classifier = Classifier(whole.network, whole.classes, metadata=whole.metadata, name=model)
    present = {name: version for name, version in peers.versions().items() if version}
    rows = []
    for level in pnr_db:
        log(f"PNR {level:g} dB")
        rows += rows_at(classifier, dataset, level, steps, [*present])
    compared = COMPARED.format(
        model=model, frames=len(dataset), steps=steps, others=", ".join(present) or "no toolbox"
    )
    more = {"model": model, "frames": len(dataset), "pgd_steps": steps, "peers": present}
    return {"settings": settings("agreement", compared, **more), "rows": rows}


def rows_at(
    classifier: Classifier, dataset: FrameDataset, pnr_db: float, steps: int, others: Sequence[str]
) -> list[Document]:
    """Rows at one PNR: our descent beside each of `others`, and all we have beside the best."""
    iq, label = dataset.iq.astype(np.float32), dataset.label.astype(np.int64)
    epsilon = power.epsilon(frames.energy(iq), dataset.snr_db, pnr_db).astype(np.float32)
    budget: dict[str, Any] = {"steps": steps, "step_size": STEP_SIZE}

    def left(perturbed: Floats) -> float:
        return float(np.mean(classifier.decide(perturbed, frames.Scaling.NONE).label == label))

    alone = left(cross_entropy(classifier, iq, label, epsilon, **budget))
    more = AttackSettings(**budget, restarts=0, fast=False)
    battery = left(white_box(classifier, iq, label, epsilon, settings=more).iq)
    theirs = {
        name: left(
            peers.PEERS[name](
                classifier.network, iq, label, epsilon, **budget, classes=len(dataset.classes)
            )
        )
        for name in others
    }
    at = f"at PNR {pnr_db:g} dB"
    best, least = min(theirs.items(), key=lambda item: item[1], default=("cross entropy", alone))
    return [
        row(f"cross entropy {at}", alone, UNIT, name, value) for name, value in theirs.items()
    ] + [
        row(f"whole battery {at}", battery, UNIT, best, least)
    ]


def cross_entropy(
    classifier: Classifier,
    iq: Floats,
    label: Integers,
    epsilon: Floats,
    *,
    steps: int,
    step_size: float,
) -> Floats:
    """Our descent on the cross entropy from the clean frames, float32; each keeps its best."""
    reduced = ReducedClassifier(classifier, False)
    truth = torch.as_tensor(label, dtype=torch.long)

    def evaluate(perturbed: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = reduced.outputs(perturbed)
        value = objectives.cross_entropy(classifier, outputs, truth[rows])
        return value, outputs.logits.argmax(1) != truth[rows]

    clean, radius = torch.as_tensor(iq), torch.as_tensor(epsilon)
    return descend(evaluate, clean, radius, steps=steps, step_size=step_size).iq.numpy()
