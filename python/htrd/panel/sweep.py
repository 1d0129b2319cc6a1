# SPDX-License-Identifier: GPL-3.0-or-later
"""Which PNR comes next."""

from itertools import cycle


class Sweep:
    """Levels from the first to the last and back, again and again.

    Args:
        levels: numbers; none: it leads nowhere

    Attributes:
        levels: the same
    """

    def __init__(self, levels):
        self.levels = tuple(levels)
        self._stops = cycle([*self.levels, *self.levels[-2:0:-1]])
        self._goal = None

    def next(self, level, enough):
        """The level to go to now, None: stay.

        It leads on when `level`, the present one, is the one it has led to, and there is
        `enough` of it.
        """
        if not self.levels or (self._goal is not None and not (level == self._goal and enough)):
            return None
        self._goal = next(self._stops)
        return self._goal
