"""Security curves: what is left of a classifier as the attack gets stronger."""

from enum import Enum

import numpy as np

from .. import frames, power
from ..attacks import AttackSettings, Goal, noise, white_box
from ..errors import UserError
from .metrics import outcome, with_intervals


class Attack(str, Enum):
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
        self.flat_share = 0.0
        self._best = {}

    def benign(self):
        """Row and Outcome without any perturbation."""
        decided = self.classifier.decide(self.iq).label
        return self._row("none", None, outcome(self.dataset.label, decided), self.iq)

    def point(self, pnr_db, progress=None):
        """Row and Outcome at one PNR in dB."""
        if self.attack is Attack.NONE:
            return self.benign()
        epsilon = power.epsilon(self.energy, self.dataset.snr_db, pnr_db)
        if self.attack is Attack.NOISE:
            noisy = noise(self.iq, epsilon, self.seed)
            decided = self.classifier.decide(noisy).label
            result = outcome(self.dataset.label, decided, attacked=True)
            return self._row("noise", pnr_db, result, noisy)
        perturbed = self._attacked(Goal.EVASION, epsilon, progress)
        decided = self.classifier.decide(perturbed).label
        recognized = None
        if self.classifier.rejector is not None:
            # A frame that evades has also gone unrecognized: only the others are tried.
            stripped = self._attacked(Goal.EVASION_OR_REJECTION, epsilon, progress)
            recognized = self.classifier.decide(stripped).label == self.dataset.label
        result = outcome(self.dataset.label, decided, attacked=True, recognized=recognized)
        return self._row("pgd", pnr_db, result, perturbed)

    def _attacked(self, goal, epsilon, progress):
        """Frames after the white-box attack; wins of smaller budgets and stricter goals kept."""
        iq, won = self._best.get(goal, (self.iq.copy(), np.zeros(len(self.iq), bool)))
        if goal is Goal.EVASION_OR_REJECTION:
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
            progress=progress,
        )
        iq[left], won[left] = result.iq, result.success
        self.flat_share = max(self.flat_share, float(np.mean(result.flat)) if len(left) else 0.0)
        self._best[goal] = (iq, won)
        return iq

    def _row(self, attack, pnr_db, result, perturbed):
        levels = np.unique(self.dataset.snr_db)
        delta = frames.energy(perturbed - self.iq)
        present = (self.energy > 0) & (delta > 0)
        psr = power.psr_db(delta[present], self.energy[present])
        row = {
            "model": self.classifier.name,
            "attack": attack,
            "snr_db": float(levels[0]) if len(levels) == 1 else None,
            "pnr_db": pnr_db,
            "frames": len(self.dataset),
        }
        row |= with_intervals(result, self.dataset.run_id)
        row["psr_db"] = float(np.mean(psr)) if present.any() else None
        return row, result


def check_same_frames(dataset):
    """Raise UserError unless the frames can be evaluated."""
    bad = ~frames.valid(dataset.iq)
    if bad.all():
        raise UserError("no frame of the selection can be classified: all are zero or not finite")
    return int(bad.sum())
