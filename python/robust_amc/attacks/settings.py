"""How hard the white-box attack tries."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UserError
from .objectives import Objective
from .searches import Search


@dataclass(frozen=True)
class AttackSettings:
    """How hard to try.

    Attributes:
        steps: gradient steps of the first descent; the others take 30 % of them, which get
            shorter and shorter, and win as much
        step_size: total path length in units of ε
        restarts: descents from random starts, beside those from the clean frame
        objectives: what the descents minimize: the first so many of
            :func:`objectives.objectives_for` (None: all, and then, on the frames that they leave
            over, all of :func:`searches.searches_for`), or objectives and Searches of one's own
            choice, themselves or by name in :data:`objectives.OBJECTIVES`
        chained: also start each objective where the one before it ended, and toward the
            nearest frame of a wrong class where such frames are given
        fast: search in bfloat16; success is judged in float32 all the same
        targets: wrong classes that a targeted Search aims at, those of the largest clean scores
            (None: all; 0: no Search at all is added to the objectives)

    Raises UserError for a negative number of targets.
    """

    steps: int = 100
    step_size: float = 2.5
    restarts: int = 1
    objectives: int | Sequence[str | Objective | Search] | None = None
    chained: bool = True
    fast: bool = True
    targets: int | None = None

    def __post_init__(self) -> None:
        if self.targets is not None and self.targets < 0:
            raise UserError("the number of target classes must not be negative")


# A few steps on the main objective: what keeps up with a flowgraph. Not for robustness figures.
LIVE = AttackSettings(steps=5, restarts=0, objectives=1, chained=False)
