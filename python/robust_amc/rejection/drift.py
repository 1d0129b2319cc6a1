"""An alarm when live scores are no longer like those of the calibration.

Conformal test martingale with the Simple Jumper (Vovk et al., Retrain or not retrain: conformal
test martingales for change-point detection, COPA 2021, arXiv 2102.10439).
"""

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Bools, Floats, listed
from ..decisions import DecisionBatch
from ..errors import UserError

JUMP = 0.01  # of the capital, moved between the bets at each step: the Simple Jumper's
# Bets that p-values are small, or large, or that they are near 0 and 1, or near the middle
_BETS = ((-1.0, False), (1.0, False), (1.0, True), (-1.0, True))


@dataclass(frozen=True)
class DriftSettings:
    """How the alarm is raised.

    Attributes:
        false_alarm: largest probability of an alarm in a window of exchangeable frames
        window: frames looked at in a window; each begins with the calibration alone
        every: one frame of so many is looked at: neighbors share a channel
    """

    false_alarm: float = 0.01
    window: int = 10_000
    every: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.false_alarm < 1 or self.window < 1 or self.every < 1:
            raise UserError(
                "the drift alarm needs a probability between 0 and 1, and a window and a step of "
                "at least one frame"
            )


class DriftMonitor:
    """Ranks each live score among those of the calibration and of the window, and bets on it.

    A frame is ranked among the frames that were decided as the same class (rejected or not), so
    that the classes may come in any mix. As long as those are exchangeable, the ranks are
    independent and uniform and the capital is a martingale: it reaches 1/false_alarm with
    probability false_alarm at most (Ville). Then the alarm is on, up to the end of the window.

    Attributes:
        frames: looked at, so far
        alarms: windows with an alarm, so far
        alarm: whether it is on
        evidence: the capital, 1 at the start of a window

    Args:
        scores: largest scores of the calibration's frames, sorted, a list for each class
        settings: DriftSettings
        seed: of the order of equal scores
    """

    def __init__(
        self, scores: Sequence[Sequence[float]], settings: DriftSettings, seed: int = 0
    ) -> None:
        self.settings = settings
        self.frames = self.alarms = 0
        self._reference = scores
        self._random = np.random.RandomState(seed)  # lib/drift_monitor.cc draws the same
        self._passed = 0
        self._begin()

    def add(self, score: Floats) -> Bools:
        """Whether the alarm is on after each frame, bool ``[n]``; `score` is ``[n, classes]``.

        Frames whose scores are not finite are not looked at.
        """
        usable = listed(np.isfinite(score).all(1))
        best, label = listed(score.max(1)), listed(score.argmax(1))
        is_on = np.empty(len(score), bool)
        for row, (value, number) in enumerate(zip(best, label, strict=True)):
            if usable[row]:
                if self._passed % self.settings.every == 0:
                    self._look(value, number)
                self._passed += 1
            is_on[row] = self.alarm
        return is_on

    def report(self) -> dict[str, Any]:
        """`alarm`, `alarms`, `evidence` and `frames`, a dictionary."""
        names = ("alarm", "alarms", "evidence", "frames")
        return {name: getattr(self, name) for name in names}

    def _begin(self) -> None:
        self._window = 0
        self._known = [list(each) for each in self._reference]
        self._capital = [1 / (len(_BETS) + 1)] * (len(_BETS) + 1)
        self.alarm, self.evidence = False, 1.0

    def _look(self, value: float, number: int) -> None:
        if self._window == self.settings.window:
            self._begin()
        self._window += 1
        self.frames += 1
        if not self.alarm:
            self._bet(self._rank(value, self._known[number]))

    def _rank(self, value: float, known: list[float]) -> float:
        """The conformal p-value, uniform in 0 … 1; ties are broken by chance."""
        below = bisect_left(known, value)
        equal = bisect_right(known, value) - below
        rank = (below + self._random.random() * (equal + 1)) / (len(known) + 1)
        insort(known, value)
        return rank

    def _bet(self, rank: float) -> None:
        shared = JUMP * self.evidence / len(self._capital)
        kept = [(1 - JUMP) * each + shared for each in self._capital]
        far = abs(2 * rank - 1)
        for place, (stake, is_far) in enumerate(_BETS):
            kept[place] *= 1 + stake * ((far if is_far else rank) - 0.5)
        self._capital, self.evidence = kept, sum(kept)
        if self.evidence >= 1 / self.settings.false_alarm:
            self.alarm = True
            self.alarms += 1


class Watch:
    """The DriftMonitor of whichever model decides; of one that was never calibrated, nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calibration: Mapping[str, Any] | None = None
        self._monitor: DriftMonitor | None = None

    def add(self, calibration: Mapping[str, Any] | None, batch: DecisionBatch) -> None:
        """Look at a DecisionBatch of the model with that calibration, and note the alarm in it."""
        with self._lock:
            if calibration is not self._calibration:
                self._calibration = calibration
                self._monitor = monitor_of(calibration) if calibration else None
            if self._monitor:
                batch.drift = listed(self._monitor.add(batch.scores))

    def report(self) -> dict[str, Any]:
        """``{"drift": …}``, see :meth:`DriftMonitor.report`; empty without a calibration."""
        with self._lock:
            return {"drift": self._monitor.report()} if self._monitor else {}


def monitor_of(calibration: Mapping[str, Any]) -> DriftMonitor:
    """The DriftMonitor of a calibration in a model's document."""
    scores = list(calibration["scores"].values())
    return DriftMonitor(scores, DriftSettings(**calibration["drift"]))
