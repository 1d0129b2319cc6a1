"""Security curves: what is left of a classifier as the attack gets stronger."""

from enum import StrEnum
from typing import Any

import numpy as np

from .. import frames, power
from ..arrays import Array, Bools, Floats, Integers
from ..attacks import Attacked, AttackSettings, Goal, Universal, craft, noise, transfer, white_box
from ..attacks.white_box import AttackProgress
from ..classifier import Classifier, Decisions, same_classes
from ..data import FrameDataset
from ..errors import UserError
from ..files import Document
from .metrics import Outcome, with_intervals
from .sharded import sharded

ROUNDING = 1e-6  # of float32, relative to ‖x‖: what x + δ may be off without any mistake


Point = tuple[Document, Outcome]


class Attack(StrEnum):
    """Attacks by name, see docs/threat-model.md."""

    NONE = "none"
    NOISE = "noise"
    PGD = "pgd"
    UNIVERSAL = "universal"
    GREY = "grey"
    TRANSFER = "transfer"


class SecurityCurve:
    """One classifier on one set of frames, at PNR after PNR.

    A success of PGD at one PNR holds at every larger one, since the smaller ball lies inside
    the larger: go through the levels in ascending order and won frames are not attacked
    again. The other attacks do not see what they achieve: each PNR stands for itself.

    Attributes:
        classifier, dataset, attack, settings, seed: as given
        points: (row, Outcome) of every level so far
        flat_share: share of frames at which the gradient of PGD was zero, the largest so far
        excess: largest ‖δ‖/ε - 1 of any perturbation so far, 0 where all are inside
    """

    def __init__(
        self,
        classifier: Classifier,
        dataset: FrameDataset,
        attack: Attack | str,
        settings: AttackSettings | None = None,
        seed: int = 0,
        source: Classifier | None = None,
        craft_on: FrameDataset | None = None,
    ) -> None:
        """A curve.

        Args:
            classifier: the Classifier under attack
            dataset: FrameDataset in memory, of frames with known classes
            attack: an Attack
            settings: AttackSettings
            seed: of every random choice
            source: the Classifier that `transfer` crafts on; `universal` too, if given
            craft_on: FrameDataset in memory of other frames, that `universal` crafts on

        Raises UserError when the attack lacks its source or frames, or no frame is valid.
        """
        self.classifier = classifier
        self.dataset = dataset.require_classes(classifier.classes)
        self.attack = Attack(attack)
        self.settings = settings or AttackSettings()
        self.seed = seed
        self.source, self.craft_on = source, craft_on
        self.iq = self.dataset.iq.astype(np.float32)
        self.energy = frames.energy(self.iq)
        self.invalid = int((~frames.valid(self.iq)).sum())
        self.points: list[Point] = []
        self.flat_share, self.excess = 0.0, 0.0
        self._best: dict[Goal, tuple[Floats, Bools]] = {}
        self._level = -np.inf
        if self.invalid == len(dataset):
            raise UserError("no frame of the selection can be classified: all are zero")
        if source is not None:
            same_classes([classifier, source])
        elif self.attack is Attack.TRANSFER:
            raise UserError("the attack transfer needs a source: the model that it is crafted on")
        if self.attack is Attack.UNIVERSAL and (craft_on is None or not len(craft_on)):
            raise UserError(
                "the attack universal is crafted on frames that are not evaluated, and none are "
                "left: evaluate fewer frames"
            )

    def point(self, pnr_db: float | None = None, progress: AttackProgress | None = None) -> Point:
        """Result row and Outcome at one PNR in dB; without an attack the PNR is ignored.

        Raises UserError for an attack without a PNR.
        """
        label = self.dataset.label
        if self.attack is Attack.NONE:
            decided = self.decide(self.iq)
            return self._row(None, Outcome(label, decided.label, score=decided.score), self.iq)
        if pnr_db is None:
            raise UserError(f"the attack {self.attack} needs a PNR")
        epsilon = self.epsilon(pnr_db)
        if self.attack is Attack.PGD:
            return self._white_box(pnr_db, epsilon, progress)
        perturbed = self.blind(self.attack, np.arange(len(self.iq)), epsilon)
        self._measure(perturbed, epsilon)
        outcome = Outcome(label, self.decide(perturbed).label, attacked=True)
        return self._row(pnr_db, outcome, perturbed)

    def state_dict(self) -> dict[str, Any]:
        """What later points go on from, arrays by name: excess, and what PGD has won so far."""
        numbers = {"flat_share": self.flat_share, "excess": self.excess, "level": self._level}
        state: dict[str, Any] = {name: np.float64(value) for name, value in numbers.items()}
        for goal, (iq, won) in self._best.items():
            state |= {f"{goal.value}.iq": iq, f"{goal.value}.won": won}
        return state

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Go on from a state_dict() of the same curve."""
        self._level = float(state["level"])
        self.flat_share, self.excess = float(state["flat_share"]), float(state["excess"])
        self._best = {
            goal: (state[f"{goal.value}.iq"], state[f"{goal.value}.won"])
            for goal in Goal
            if f"{goal.value}.iq" in state
        }

    def epsilon(self, pnr_db: float) -> Floats:
        """l2 radius of each frame ``[n]`` at a PNR in dB."""
        return power.epsilon(self.energy, self.dataset.snr_db, pnr_db)

    def decide(self, iq: Floats) -> Decisions:
        """Decisions of the classifier; the frames are shared out between the processes."""
        return sharded(len(iq), lambda rows: self.classifier.decide(iq[rows], frames.Scaling.NONE))

    def white_box(
        self,
        rows: Integers,
        epsilon: Floats,
        goal: Goal = Goal.EVASION,
        *,
        settings: AttackSettings,
        seed: int,
        progress: AttackProgress | None = None,
    ) -> Attacked:
        """Attacked frames `rows` (integers) of radii `epsilon` ``[n]``; shared out as well."""
        return sharded(
            len(rows),
            lambda part: white_box(
                self.classifier,
                self.iq[rows[part]],
                self.dataset.label[rows[part]],
                epsilon[rows[part]],
                goal=goal,
                settings=settings,
                seed=seed,
                others=(self.iq, self.dataset.label),
                progress=progress,
            ),
        )

    def blind(self, attack: Attack, rows: Integers, epsilon: Floats) -> Floats:
        """The frames `rows` after an attack that does not see what it achieves.

        `epsilon` are the radii of all frames, ``[n]``.
        """
        iq, label, epsilon = self.iq[rows], self.dataset.label[rows], epsilon[rows]
        if attack is Attack.NOISE:
            return noise(iq, epsilon, self.seed)
        if attack is Attack.UNIVERSAL:
            return self._universal(iq, epsilon).added(iq, epsilon)
        source = self.classifier if attack is Attack.GREY else self.source
        assert source is not None  # see __init__
        return transfer(source, iq, label, epsilon, settings=self.settings)

    def _universal(self, iq: Floats, epsilon: Floats) -> Universal:
        """The universal perturbation for frames with these radii, crafted on other frames."""
        assert self.craft_on is not None  # see __init__
        other = self.craft_on.require_classes(self.classifier.classes)
        # as large, relative to its frames, as the evaluated ones' perturbations
        norm = np.sqrt(frames.energy(iq))
        relative = np.median(epsilon[norm > 0] / norm[norm > 0])
        radius = relative * np.sqrt(frames.energy(other.iq.astype(np.float32)))
        return craft(self.source or self.classifier, other.iq, other.label, radius)

    def _white_box(self, pnr_db: float, epsilon: Floats, progress: AttackProgress | None) -> Point:
        if pnr_db < self._level:
            self._best.clear()
        self._level = pnr_db
        label = self.dataset.label
        perturbed = self._attacked(Goal.EVASION, epsilon, progress)
        decided = self.decide(perturbed).label
        recognized = None
        if self.classifier.rejector is not None:
            stripped = self._attacked(Goal.EVASION_OR_REJECTION, epsilon, progress)
            recognized = (self.decide(stripped).label == label) & (decided == label)
        outcome = Outcome(label, decided, attacked=True, recognized=recognized)
        return self._row(pnr_db, outcome, perturbed)

    def _attacked(self, goal: Goal, epsilon: Floats, progress: AttackProgress | None) -> Floats:
        """Frames after the white-box attack; wins of smaller budgets and stricter goals kept."""
        iq, won = self._best.get(goal, (self.iq, np.zeros(len(self.iq), bool)))
        iq, won = iq.copy(), won.copy()
        if goal is Goal.EVASION_OR_REJECTION:
            # A frame that evades has also gone unrecognized: only the others are tried.
            stricter, evaded = self._best[Goal.EVASION]
            iq[evaded & ~won] = stricter[evaded & ~won]
            won |= evaded
        left = np.flatnonzero(~won)
        result = self.white_box(
            left, epsilon, goal, settings=self.settings, seed=self.seed, progress=progress
        )
        iq[left], won[left] = result.iq, result.success
        if len(left):
            self.flat_share = max(self.flat_share, float(np.mean(result.flat)))
        self._best[goal] = (iq, won)
        self._measure(iq, epsilon)
        return iq

    def _measure(self, perturbed: Floats, epsilon: Floats) -> None:
        """Keep how far any perturbation lies outside its ball."""
        delta = np.sqrt(frames.energy(perturbed.astype(np.float64) - self.iq))
        inside = np.sqrt(self.energy) * ROUNDING + epsilon
        self.excess = max(self.excess, float(np.max(delta / np.maximum(inside, 1e-30))) - 1)

    def _row(self, pnr_db: float | None, result: Outcome, perturbed: Floats) -> Point:
        levels = np.unique(self.dataset.snr_db)
        delta = frames.energy(perturbed - self.iq)
        present = (self.energy > 0) & (delta > 0)
        psr = power.psr_db(delta[present], self.energy[present])
        row = {
            "model": self.classifier.name,
            "attack": self.attack.value,
            "snr_db": float(levels[0]) if len(levels) == 1 else None,
            "pnr_db": pnr_db,
            "frames": len(self.dataset),
            "invalid_frames": self.invalid,
        }
        row |= with_intervals(result, self.dataset.run_id)
        row["psr_db"] = float(np.mean(psr)) if present.any() else None
        self.points.append((row, result))
        return row, result
