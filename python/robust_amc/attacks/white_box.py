"""The white-box attack: l2 PGD on everything the attacker knows, the best of all tries."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import torch

from .. import frames
from ..arrays import Bools, Floats
from ..classifier import Classifier
from ..frames import Scaling
from ..outputs import Outputs
from ..reduced import ReducedClassifier
from ..runtime.device import batch_size
from .pgd import Descent, descend, random_start
from .searches import Aim, Minimizer, Search
from .settings import AttackSettings
from .targets import Targets, labels, targets
from .threat import Goal
from .tries import Try, tries_for

LATER = 0.3  # share of the steps that an objective takes after the first try
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
    ended, toward a frame of a wrong class, and from random starts; then with every Search of
    :func:`searches.searches_for`, such as one toward each wrong class. A frame is dropped as
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
    classifier, a radius is negative or not finite, or the settings leave nothing to try.
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
        tries = tries_for(
            self.classifier, self.goal, self.settings, can_look=self.toward is not None
        )
        for done, each in enumerate(tries):
            left = torch.nonzero(~self.success)[:, 0]
            if not len(left):
                break
            result = self._minimize(each, left, short=done > 0)
            if done == 0:
                self.flat[left] = result.flat
            # What a later Search has not won stays where the objectives left it
            kept = result.success | (done == 0) | (not isinstance(each.what, Search))
            self.iq[left[kept]] = result.iq[kept]
            self.success[left] = result.success
            progress(int(self.success.sum()), (done + 1) / len(tries))

    def _start(self, name: str, left: torch.Tensor) -> torch.Tensor | None:
        """Perturbations to start from; None for zero."""
        if name == "last":
            return self.iq[left] - self.clean[left]
        if name == "toward" and self.toward is not None:
            return self.toward[left]  # descend() projects it on the ball
        if name == "random":
            return random_start(self.clean[left], self.epsilon[left], self.generator)
        return None

    @cached_property
    def _aims(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the clean frames, wrong classes ``[n, classes - 1]`` by score, and the logits."""
        with torch.no_grad():
            found = [
                self.classifier.outputs(frames.scale(iq, self.scaling))
                for iq in self.clean.split(batch_size(self.clean.device))
            ]
        scores, logits = (
            torch.cat([getattr(each, name) for each in found]) for name in ("scores", "logits")
        )
        last = scores.nan_to_num().scatter(1, self.label[:, None], -torch.inf)
        return last.argsort(stable=True, dim=1, descending=True)[:, :-1], logits

    def _minimize(self, each: Try, left: torch.Tensor, short: bool) -> Descent:
        """One try on the frames `left`."""
        label, settings = self.label[left], self.settings
        value = self._value(each, left)

        def evaluate(iq: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            outputs = self.reduced.outputs(frames.scale(iq, self.scaling))
            reached = self.goal.reached(self.classifier, outputs.scores, label[rows])
            return value(outputs, rows), reached

        @torch.no_grad()
        def confirm(iq: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            scores = self.classifier.scores(frames.scale(iq, self.scaling))
            return self.goal.reached(self.classifier, scores, label[rows])

        if isinstance(each.what, Search):
            minimize: Minimizer = each.what.minimize
            steps = settings.steps
        else:
            minimize = partial(descend, step_size=settings.step_size, decay=short)
            steps = math.ceil(LATER * settings.steps) if short else settings.steps
        return minimize(
            evaluate,
            self.clean[left],
            self.epsilon[left],
            steps=steps,
            start=self._start(each.start, left),
            confirm=confirm if self.reduced.fast else None,
        )

    def _value(
        self, each: Try, left: torch.Tensor
    ) -> Callable[[Outputs, torch.Tensor], torch.Tensor]:
        """What a try minimizes: of Outputs and their rows among the frames `left`."""
        what, classifier, label = each.what, self.reduced.classifier, self.label[left]
        if not isinstance(what, Search):
            return lambda outputs, rows: what(classifier, outputs, label[rows])
        order, logits = self._aims
        target, clean = order[left, each.rank], logits[left]
        return lambda outputs, rows: what.objective(
            classifier, outputs, label[rows], Aim(target[rows], clean[rows])
        )
