"""What the white-box attack tries, in order."""

from dataclasses import dataclass

from ..classifier import Classifier
from ..errors import UserError
from . import objectives
from .objectives import OBJECTIVES, Objective
from .searches import Search, searches_for
from .settings import AttackSettings
from .threat import Goal


@dataclass(frozen=True)
class Try:
    """An objective and where it starts; of a targeted Search, which wrong class it aims at.

    Attributes:
        what: the objective or Search
        start: ``clean``, ``last``, ``toward`` or ``random``
        rank: place of the class among the wrong ones, the largest clean score first
    """

    what: Objective | Search
    start: str
    rank: int = 0


def tries_for(
    classifier: Classifier, goal: Goal, settings: AttackSettings, can_look: bool
) -> list[Try]:
    """The tries of an attack on `classifier`: all objectives from each start, then the Searches.

    `can_look`: there are frames of other classes to start toward. Raises UserError for an unknown
    name, and where the settings leave nothing to try.
    """
    first, then = _chosen(classifier, goal, settings)
    starts = ["clean"]
    if settings.chained and len(first) > 1:
        starts.append("last")
    if settings.chained and can_look:
        starts.append("toward")
    again = ["random"] * settings.restarts
    tries = [Try(objective, start) for start in starts + again for objective in first]
    wrong = len(classifier.classes) - 1
    targets = wrong if settings.targets is None else min(settings.targets, wrong)
    for search in then:
        if search.targeted:
            tries += [Try(search, search.start, rank) for rank in range(targets)]
        else:
            tries += [Try(search, start) for start in [search.start, *again]]
    if not tries:
        raise UserError("nothing to try: the objectives are targeted, and there is no target")
    return tries


def _chosen(
    classifier: Classifier, goal: Goal, settings: AttackSettings
) -> tuple[list[Objective], list[Search]]:
    """The objectives and Searches that the settings choose."""
    choice = settings.objectives
    if choice is None or isinstance(choice, int):
        added = searches_for(classifier, goal) if choice is None and settings.targets != 0 else ()
        return list(objectives.objectives_for(classifier, goal)[:choice]), list(added)
    found = [OBJECTIVES[each] if isinstance(each, str) else each for each in choice]
    then = [each for each in found if isinstance(each, Search)]
    return [each for each in found if not isinstance(each, Search)], then
