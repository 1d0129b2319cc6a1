"""The white-box attack: l2 PGD on everything the attacker knows, the best of all tries."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from .. import frames
from ..arrays import Bools, Floats
from ..classifier import Classifier
from ..frames import Scaling
from ..reduced import ReducedClassifier
from . import objectives
from .objectives import Objective
from .pgd import descend, random_start
from .targets import Targets, labels, targets
from .threat import Goal

LATER = 0.3  # share of the steps that a try after the first one takes
AttackProgress = Callable[[int, float], None]  # is told the frames won, the share of tries done


@dataclass(frozen=True)
class Attacked:
    """Frames after an attack.

    Attributes:
        iq: float32 ``[n, 2, length]``; the perturbation is within its budget
        success: bool ``[n]``, judged in float32 as decide() does
        flat: bool ``[n]``; the gradient of the system's own objective was zero at the clean
            frame, a sign that a robustness figure may mislead
    """

    iq: Floats
    success: Bools
    flat: Bools


@dataclass(frozen=True)
class AttackSettings:
    """How hard to try.

    Attributes:
        steps: gradient steps of the first descent; the others take 30 % of them, which get
            shorter and shorter, and win as much
        step_size: total path length in units of ε
        restarts: descents from random starts, beside those from the clean frame
        objectives: what the descents minimize: the first so many of
            :func:`objectives.objectives_for` (None: all), or objectives of one's own choice, as
            functions or by name in :data:`objectives.OBJECTIVES`
        chained: also start each objective where the one before it ended, and toward the
            nearest frame of a wrong class where such frames are given
        fast: search in bfloat16; success is judged in float32 all the same
    """

    steps: int = 100
    step_size: float = 2.5
    restarts: int = 1
    objectives: int | Sequence[str | Objective] | None = None
    chained: bool = True
    fast: bool = True


# A few steps on the main objective: what keeps up with a flowgraph. Not for robustness figures.
LIVE = AttackSettings(steps=5, restarts=0, objectives=1, chained=False)


def white_box(
    classifier: Classifier,
    iq: Floats,
    label: npt.ArrayLike,
    epsilon: npt.ArrayLike,
    *,
    goal: Goal | str = Goal.EVASION,
    settings: AttackSettings | None = None,
    seed: int = 0,
    scaling: Scaling | str = Scaling.NONE,
    others: tuple[Floats, npt.ArrayLike] | None = None,
    progress: AttackProgress | None = None,
) -> Attacked:
    """Attack frames knowing the whole classifier.

    l2 PGD (Zhang et al., IEEE WCL 2022, Section II-C) with every objective of
    :func:`objectives.objectives_for`, from the clean frame, from where the objective before
    ended, toward a frame of a wrong class, and from random starts; a frame is dropped as
    soon as one try has won.

    Args:
        classifier: the Classifier under attack
        iq: float ``[n, 2, length]``; frames that are not valid come back unchanged
        label: true classes, integers ``[n]``
        epsilon: l2 radii ``[n]``, see :func:`robust_amc.power.epsilon`
        goal: what counts as a success
        settings: AttackSettings
        seed: of the random starts
        scaling: the input scaling in force behind the perturbation; differentiated through
        others: frames ``[m, 2, length]`` and their classes ``[m]``, to start toward (None:
            no such starts)
        progress: called with the number of frames won so far and the share of tries done

    Raises UserError when labels or radii are not as many as frames, a label is no class of the
    classifier, or a radius is negative or not finite.
    """
    target = targets(classifier, iq, label, epsilon)
    generator = torch.Generator().manual_seed(seed)
    attack = _WhiteBox(
        classifier, target, Goal(goal), settings or AttackSettings(), generator, scaling
    )
    if others is not None:
        attack.look_around(*others)
    attack.run(progress or (lambda won, share: None))
    success, flat = np.zeros((2, len(target.iq)), bool)
    success[target.usable] = attack.success.cpu().numpy()
    flat[target.usable] = attack.flat.cpu().numpy()
    return Attacked(target.filled(attack.iq), success, flat)


class _WhiteBox:
    """The state of one attack: what is won so far, and the tries that remain."""

    def __init__(
        self,
        classifier: Classifier,
        target: Targets,
        goal: Goal,
        settings: AttackSettings,
        generator: torch.Generator,
        scaling: Scaling | str,
    ) -> None:
        self.classifier, self.goal, self.settings = classifier, goal, settings
        self.reduced = ReducedClassifier(classifier, settings.fast)
        self.generator, self.scaling = generator, scaling
        self.clean, self.label, self.epsilon = target.clean, target.label, target.epsilon
        self.iq = self.clean.clone()
        self.success = torch.zeros(len(self.clean), dtype=torch.bool, device=self.clean.device)
        self.flat = torch.zeros_like(self.success)
        self.toward: torch.Tensor | None = None

    def look_around(self, iq: Floats, label: npt.ArrayLike) -> None:
        """Find for each frame the nearest of another class that is decided as what it is."""
        iq = frames.check(iq).astype(np.float32)
        true = labels(label, len(iq), np.ones(len(iq), bool), len(self.classifier.classes))
        known = self.classifier.decide(iq, self.scaling).label == true
        if not known.any():
            return
        other = torch.as_tensor(iq[known], device=self.clean.device)
        other_label = torch.as_tensor(true[known], device=self.clean.device, dtype=torch.long)
        nearest = []
        for rows in torch.arange(len(self.clean), device=self.clean.device).split(1024):
            distance = torch.cdist(self.clean[rows].flatten(1), other.flatten(1))
            distance[self.label[rows][:, None] == other_label] = torch.inf
            nearest.append(distance.argmin(1))
        self.toward = other[torch.cat(nearest)] - self.clean if nearest else None

    def run(self, progress: AttackProgress) -> None:
        """Go through the tries until every frame is won or nothing is left to try."""
        tries = self._tries()
        for done, (objective, start) in enumerate(tries):
            left = torch.nonzero(~self.success)[:, 0]
            if not len(left):
                break
            flat = self._descend(objective, start, left, short=done > 0)
            if done == 0:
                self.flat[left] = flat
            progress(int(self.success.sum()), (done + 1) / len(tries))

    def _tries(self) -> list[tuple[Objective, str]]:
        chosen = objectives.chosen(self.classifier, self.goal, self.settings.objectives)
        starts = ["clean"]
        if self.settings.chained and len(chosen) > 1:
            starts.append("last")
        if self.settings.chained and self.toward is not None:
            starts.append("toward")
        starts += ["random"] * self.settings.restarts
        return [(objective, start) for start in starts for objective in chosen]

    def _start(self, name: str, left: torch.Tensor) -> torch.Tensor | None:
        """Perturbations to start from; None for zero."""
        if name == "last":
            return self.iq[left] - self.clean[left]
        if name == "toward" and self.toward is not None:
            return self.toward[left]  # descend() projects it on the ball
        if name == "random":
            return random_start(self.clean[left], self.epsilon[left], self.generator)
        return None

    def _descend(
        self, objective: Objective, start: str, left: torch.Tensor, short: bool
    ) -> torch.Tensor:
        """One descent on the frames `left`; returns where its gradient was zero at the start."""
        label, settings = self.label[left], self.settings

        def evaluate(iq: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            outputs = self.reduced.outputs(frames.scale(iq, self.scaling))
            value = objective(self.reduced.classifier, outputs, label[rows])
            return value, self.goal.reached(self.classifier, outputs.scores, label[rows])

        @torch.no_grad()
        def confirm(iq: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            scores = self.classifier.scores(frames.scale(iq, self.scaling))
            return self.goal.reached(self.classifier, scores, label[rows])

        result = descend(
            evaluate,
            self.clean[left],
            self.epsilon[left],
            steps=math.ceil(LATER * settings.steps) if short else settings.steps,
            step_size=settings.step_size,
            start=self._start(start, left),
            confirm=confirm if self.reduced.fast else None,
            decay=short,
        )
        self.iq[left] = result.iq
        self.success[left] = result.success
        return result.flat
