"""One decision for the frames of one signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from .arrays import Floats, Integers
from .decisions import REJECTED, Decisions
from .errors import UserError

LEAST = -4.6  # log posterior of a class in a frame: some frames in a pause must not decide
WITHOUT_SYMBOLS = ("AM-DSB", "AM-SSB", "WBFM")  # classes of RML2016: a symbol rate speaks against
_SURE_FRAMES = 16  # before which a signal is not sure, however clear its frames are
_SURE_SHARE = 0.8  # of the frames that are decided as the label
_SURE_MARGIN = 6.0  # standard errors of the mean margin over the second class


@dataclass(frozen=True)
class FusionSettings:
    """When the frames of a signal make a decision.

    Attributes:
        fewest_frames: with fewer there is none
        share: of the frames that have to be decided as the label
        stop_early: leave frames out as soon as a signal is sure
    """

    fewest_frames: int = 3
    share: float = 0.5
    stop_early: bool = True

    def __post_init__(self) -> None:
        if self.fewest_frames < 1 or not 0 <= self.share <= 1:
            raise UserError(
                f"a decision takes at least 1 frame and a share of 0 … 1 of them, not "
                f"{self.fewest_frames} and {self.share:g}"
            )


def evidence(decided: Decisions) -> Floats:
    """What the frames of some Decisions say of the classes, float ``[n, classes]``.

    The log posteriors; 0 for a frame that was rejected, which so takes no part in a sum of them.
    The Decisions must have `log_posterior`.
    """
    assert decided.log_posterior is not None
    return np.where(decided.rejected[:, None], 0, decided.log_posterior)


class SignalDecision:
    """What a signal is, from the decisions of its frames, which come in any number of parts.

    The noise of the frames is independent and their class is one, so their log posteriors add up:
    a Bayesian's product rule (Kittler et al., IEEE Trans. PAMI 20 (3), 1998). A frame counts at
    most 4.6 against a class (a posterior of 1 %), and not at all when it is rejected.

    Sure is a signal of at least 16 frames of which 0.8 are decided as its label, if the mean of
    their margins over the second class is six standard errors above 0. That asks how much the
    frames agree, and not how sure the network is of each, of which networks are no judges.

    Args:
        classes: how many
        settings: FusionSettings

    Attributes:
        frames: that were used
    """

    def __init__(self, classes: int, settings: FusionSettings | None = None) -> None:
        self.settings = settings or FusionSettings()
        self._sum = np.zeros(classes)
        self._products = np.zeros((classes, classes))
        self._votes = np.zeros(classes, int)
        self.frames = 0

    def add(self, decided: Decisions) -> Self:
        """Use the frames of some Decisions, which must have `log_posterior`."""
        return self.add_evidence(evidence(decided), decided.label)

    def add_evidence(self, found: Floats, label: Integers) -> Self:
        """The same of what :func:`evidence` says, ``[n, classes]``, and of labels ``[n]``."""
        found = np.maximum(np.asarray(found, float), LEAST)
        self._sum += found.sum(0)
        self._products += found.T @ found
        self._votes += np.bincount(label[label != REJECTED], minlength=len(self._sum))
        self.frames += len(label)
        return self

    @property
    def best(self) -> int:
        """The class with the most evidence; REJECTED where all frames were rejected."""
        return int(self._sum.argmax()) if self._votes.any() else REJECTED

    @property
    def label(self) -> int:
        """`best`, or REJECTED: too few frames, or too small a share of them is decided so."""
        enough = self.frames >= self.settings.fewest_frames
        return self.best if enough and self.confidence >= self.settings.share else REJECTED

    @property
    def mean(self) -> Floats:
        """Mean evidence of each class, ``[classes]``; 0 without frames."""
        return self._sum / max(self.frames, 1)

    @property
    def confidence(self) -> float:
        """Share of the frames that are decided as `best`."""
        best = self.best
        return 0.0 if best == REJECTED else float(self._votes[best] / self.frames)

    @property
    def is_sure(self) -> bool:
        """Whether further frames are hardly going to change the label."""
        if self.frames < _SURE_FRAMES or self.confidence < _SURE_SHARE or len(self._sum) < 2:
            return False
        second, best = np.argsort(self._sum)[-2:]
        mean = (self._sum[best] - self._sum[second]) / self.frames
        square = self._products[best, best] + self._products[second, second]
        square = (square - 2 * self._products[best, second]) / self.frames
        error = np.sqrt(max(square - mean**2, 0.0) / self.frames)
        return bool(mean > _SURE_MARGIN * error)


def label_name(
    decision: SignalDecision, classes: Sequence[str], has_symbols: bool = True
) -> str | None:
    """The modulation of a signal, one of `classes`.

    None: it is not known, or an analog one in spite of symbols, or a digital one without.
    """
    label = decision.label
    name = None if label == REJECTED else classes[label]
    return name if (name in WITHOUT_SYMBOLS) != has_symbols else None
