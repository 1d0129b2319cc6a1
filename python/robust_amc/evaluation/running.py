# SPDX-License-Identifier: GPL-3.0-or-later
"""Running totals over decisions, and the metrics of robust_amc.evaluation over them."""

import threading
from collections import Counter, deque
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from robust_amc.evaluation import Outcome

METRICS = ("accuracy", "accepted_accuracy", "rejection_rate", "robust_accuracy")


class Totals:
    """Counts of (truth, decision, attacked); batches may come from any thread.

    A frame with a `pnr_db` counts as attacked. Accuracies need the truth; frames without it
    count in `frames`, `rejected` and `rejection_rate` only.

    Args:
        window: totals over that many latest frames (0: over all since the last reset)
    """

    def __init__(self, window=0):
        self._lock = threading.Lock()
        self._window = window
        self.reset()

    def reset(self):
        """Forget everything counted."""
        with self._lock:
            self._cells = Counter()
            self._latest = deque()

    def add(self, batch):
        """Count a Batch."""
        attacked = ~np.isnan(batch.pnr_db)
        cells = list(zip(batch.truth, batch.modulation, attacked.tolist(), strict=True))
        with self._lock:
            self._cells.update(cells)
            if self._window:
                self._latest.extend(cells)
                while len(self._latest) > self._window:
                    self._cells[self._latest.popleft()] -= 1

    def summary(self):
        """Totals as a dictionary.

        `frames`, `with_truth`, `attacked`, `rejected`, `correct` (and accepted) are counts;
        `accuracy`, `accepted_accuracy`, `rejection_rate`, `robust_accuracy` are shares, NaN
        where there is nothing to divide by.
        """
        totals = {name: np.zeros(2) for name in METRICS}
        counts = Counter(dict.fromkeys(("frames", "with_truth", "attacked"), 0))
        for (truth, decided, attacked), count in self._counted():
            counts.update(frames=count, with_truth=count * (truth is not None),
                          attacked=count * attacked)
            parts = _parts(-1 if decided is None else int(decided != truth), attacked)
            for name in METRICS if truth is not None else ("rejection_rate",):
                totals[name] += count * parts[name]
        with np.errstate(invalid="ignore"):
            shares = {name: float(np.divide(*pair)) for name, pair in totals.items()}
        counts["rejected"] = int(totals["rejection_rate"][0])
        counts["correct"] = int(totals["accuracy"][0])
        return dict(counts) | shares

    def confusion(self):
        """Frames by truth and decision, ``{truth: {modulation: frames}}``; None: rejected."""
        table = {}
        for (truth, decided, _), count in self._counted():
            row = table.setdefault(truth, Counter())
            row[decided] += count
        return {truth: dict(row) for truth, row in table.items()}

    def _counted(self):
        with self._lock:
            return [(cell, count) for cell, count in self._cells.items() if count]


@lru_cache
def _parts(chosen, attacked):
    """What a frame adds to both parts of each metric; class 0 is true, any other 1, -1 none."""
    outcome = Outcome([0], [chosen], attacked=attacked)
    return {name: np.array([part[0] for part in outcome.ratio(name)]) for name in METRICS}


@dataclass
class DecisionTotals:
    """Counts of frames.

    Attributes:
        decided: all of them
        rejected, invalid: of those; frames that are not finite or all zero are both
        known: those whose truth is known
        correct: of those, the ones that got their class
    """

    decided: int = 0
    rejected: int = 0
    invalid: int = 0
    known: int = 0
    correct: int = 0

    def add(self, decided):
        """Count a Decided."""
        self.decided += len(decided)
        self.rejected += int(np.count_nonzero(decided.decisions.rejected))
        self.invalid += int(np.count_nonzero(~decided.decisions.valid))
        pairs = zip(decided.truth, decided.modulation)
        known = [truth == name for truth, name in pairs if truth is not None]
        self.known += len(known)
        self.correct += sum(known)

    def __str__(self):
        said = f"{self.decided} frames decided, {self.rejected} rejected"
        if self.invalid:
            said += f" ({self.invalid} of them not finite or all zero)"
        if self.known:
            said += f", accuracy {self.correct / self.known:.3f} of {self.known} with known truth"
        return said
