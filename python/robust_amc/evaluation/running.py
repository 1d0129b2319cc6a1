"""Running totals over decisions, and the metrics of robust_amc.evaluation over them."""

import threading
from collections import Counter, deque
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays import Floats, listed
from ..decisions import DecisionBatch
from .metrics import Outcome

METRICS = ("accuracy", "accepted_accuracy", "rejection_rate", "robust_accuracy")
Cell = tuple[str | None, str | None, bool, bool]  # truth, decision, attacked, valid


class Totals:
    """Counts of (truth, decision, attacked, valid); batches may come from any thread.

    A frame with a `pnr_db` counts as attacked. Accuracies need the truth; frames without it
    count in `frames`, `rejected`, `invalid` and `rejection_rate` only.

    Args:
        window: number of frames, the last ones, that totals are over (0: all since the last reset)
    """

    def __init__(self, window: int = 0) -> None:
        self._lock = threading.Lock()
        self._window = window
        self.reset()

    def reset(self) -> None:
        """Forget everything counted."""
        with self._lock:
            self._cells: Counter[Cell] = Counter()
            self._latest: deque[Cell] = deque()

    def add(self, batch: DecisionBatch) -> None:
        """Count a DecisionBatch."""
        attacked = listed(~np.isnan(batch.pnr_db))
        cells = list(
            zip(batch.truth, batch.modulation, attacked, listed(batch.valid), strict=True)
        )
        with self._lock:
            self._cells.update(cells)
            if self._window:
                self._latest.extend(cells)
                while len(self._latest) > self._window:
                    self._cells[self._latest.popleft()] -= 1

    def summary(self) -> dict[str, Any]:
        """Totals as a dictionary.

        `frames`, `with_truth`, `attacked`, `rejected`, `invalid` (of these: not finite or all
        zero), `correct` (and accepted) are counts; `accuracy`, `accepted_accuracy`,
        `rejection_rate`, `robust_accuracy` are shares, NaN where there is nothing to divide by.
        """
        totals = {name: np.zeros(2) for name in METRICS}
        counts = dict.fromkeys(("frames", "with_truth", "attacked", "rejected", "invalid"), 0)
        for (truth, decided, attacked, valid), count in self._counted():
            counts["frames"] += count
            counts["with_truth"] += count * (truth is not None)
            counts["attacked"] += count * attacked
            counts["rejected"] += count * (decided is None)
            counts["invalid"] += count * (not valid)
            parts = _parts(-1 if decided is None else int(decided != truth), attacked)
            for name in METRICS if truth is not None else ("rejection_rate",):
                totals[name] += count * parts[name]
        counts["correct"] = int(totals["accuracy"][0])
        with np.errstate(invalid="ignore"):
            return counts | {name: float(np.divide(*pair)) for name, pair in totals.items()}

    def confusion(self) -> dict[str | None, dict[str | None, int]]:
        """Frames by truth and decision, ``{truth: {modulation: frames}}``; None: rejected."""
        table: dict[str | None, Counter[str | None]] = {}
        for (truth, decided, *_), count in self._counted():
            row = table.setdefault(truth, Counter())
            row[decided] += count
        return {truth: dict(row) for truth, row in table.items()}

    def _counted(self) -> list[tuple[Cell, int]]:
        with self._lock:
            return [(cell, count) for cell, count in self._cells.items() if count]

    def __str__(self) -> str:
        total = self.summary()
        text = f"{total['frames']} frames decided, {total['rejected']} rejected"
        if total["invalid"]:
            text += f" ({total['invalid']} of them not finite or all zero)"
        if total["with_truth"]:
            accuracy, known = total["accuracy"], total["with_truth"]
            text += f", accuracy {accuracy:.3f} of {known} with known truth"
        return text


@lru_cache
def _parts(chosen: int, attacked: bool) -> dict[str, Floats]:
    """What a frame adds to both parts of each metric; class 0 is true, any other 1, -1 none."""
    outcome = Outcome(np.array([0]), np.array([chosen]), attacked=attacked)
    return {name: np.array([part[0] for part in outcome.ratio(name)]) for name in METRICS}
