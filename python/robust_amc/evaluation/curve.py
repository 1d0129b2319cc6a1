"""Security curves: what is left of a classifier as the attack gets stronger."""

from enum import StrEnum

import numpy as np

from .. import frames, power
from ..attacks import AttackSettings, Goal, noise, white_box
from ..errors import UserError
from .metrics import Outcome, with_intervals


class Attack(StrEnum):
    """Attacks by name."""

    NONE = "none"
    NOISE = "noise"
    PGD = "pgd"


class SecurityCurve:
    """One classifier on one set of frames, at PNR after PNR.

    A success at one PNR holds at every larger one, since the smaller ball lies inside the
    larger: go through the levels in ascending order and won frames are not attacked again.
    """

    def __init__(self, classifier, dataset, attack, settings=None, seed=0):
        self.classifier = classifier
        self.dataset = dataset.require_classes(classifier.classes)
        self.attack = Attack(attack)
        self.settings = settings or AttackSettings()
        self.seed = seed
        self.iq = self.dataset.iq.astype(np.float32)
        self.energy = frames.energy(self.iq)
        self.invalid = int((~frames.valid(self.iq)).sum())
        self.flat_share = 0.0
        self._best = {}
        self._level = -np.inf
        if self.invalid == len(dataset):
            raise UserError("no frame of the selection can be classified: all are zero")

    def point(self, pnr_db=None, progress=None):
        """Result row and Outcome at one PNR in dB; without an attack the PNR is ignored."""
        label = self.dataset.label
        if self.attack is Attack.NONE:
            decided = self.classifier.decide(self.iq)
            return self._row(None, Outcome(label, decided.label, score=decided.score), self.iq)
        epsilon = power.epsilon(self.energy, self.dataset.snr_db, pnr_db)
        if self.attack is Attack.NOISE:
            noisy = noise(self.iq, epsilon, self.seed)
            return self._row(pnr_db, Outcome(label, self._decide(noisy), attacked=True), noisy)
        if pnr_db < self._level:
            self._best.clear()
        self._level = pnr_db
        perturbed = self._attacked(Goal.EVASION, epsilon, progress)
        decided = self._decide(perturbed)
        recognized = None
        if self.classifier.rejector is not None:
            stripped = self._attacked(Goal.EVASION_OR_REJECTION, epsilon, progress)
            recognized = (self._decide(stripped) == label) & (decided == label)
        result = Outcome(label, decided, attacked=True, recognized=recognized)
        return self._row(pnr_db, result, perturbed)

    def _decide(self, iq):
        return self.classifier.decide(iq).label

    def _attacked(self, goal, epsilon, progress):
        """Frames after the white-box attack; wins of smaller budgets and stricter goals kept."""
        iq, won = self._best.get(goal, (self.iq.copy(), np.zeros(len(self.iq), bool)))
        if goal is Goal.EVASION_OR_REJECTION:
            # A frame that evades has also gone unrecognized: only the others are tried.
            stricter, evaded = self._best[Goal.EVASION]
            iq[evaded & ~won] = stricter[evaded & ~won]
            won = won | evaded
        left = np.flatnonzero(~won)
        result = white_box(
            self.classifier,
            self.iq[left],
            self.dataset.label[left],
            epsilon[left],
            goal=goal,
            settings=self.settings,
            seed=self.seed,
            others=(self.iq, self.dataset.label),
            progress=progress,
        )
        iq[left], won[left] = result.iq, result.success
        if len(left):
            self.flat_share = max(self.flat_share, float(np.mean(result.flat)))
        self._best[goal] = (iq, won)
        return iq

    def _row(self, pnr_db, result, perturbed):
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
        return row, result
