"""How many frames were decided, and how well."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Totals:
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
