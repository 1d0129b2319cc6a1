"""Plug-ins: what the library finds by name, its own and those of other packages.

Another package adds a plug with an entry point of the registry's group, in its pyproject.toml::

    [project.entry-points."robust_amc.rejectors"]
    energy = "my_package.energy:EnergyRejector"

The library's own are written down in the same way, where the registry is made. A module is
imported when its plug is asked for, and not to list the names.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import UserError


class Registry(Mapping[str, Any]):
    """Plugs of one kind, by name; those of the library first, then the others by name.

    Args:
        group: of the entry points
        what: the kind in words, for errors ("rejector")
        own: the library's plugs, ``module:attribute`` by name
    """

    def __init__(self, group: str, what: str, own: Mapping[str, str]) -> None:
        self.group, self.what = group, what
        self._own = {name: EntryPoint(name, value, group) for name, value in own.items()}
        self._loaded: dict[str, Any] = {}

    def _points(self) -> dict[str, EntryPoint]:
        others: dict[str, EntryPoint] = {}
        for point in sorted(entry_points(group=self.group), key=lambda each: each.name):
            known = self._own.get(point.name) or others.get(point.name)
            if known is not None and known.value != point.value:
                raise UserError(
                    f"two packages have a {self.what} called {point.name}: {known.value} and "
                    f"{point.value}; remove one of them"
                )
            others[point.name] = point
        return self._own | others

    def __getitem__(self, name: str) -> Any:
        """The plug `name`; UserError when there is none, or when it cannot be imported."""
        if name not in self._loaded:
            points = self._points()
            if name not in points:
                raise UserError(f"unknown {self.what} {name!r}; there are {', '.join(points)}")
            try:
                self._loaded[name] = points[name].load()
            except (ImportError, AttributeError) as error:
                raise UserError(
                    f"the {self.what} {name} ({points[name].value}) cannot be loaded: {error}"
                ) from error
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._points()

    def __iter__(self) -> Iterator[str]:
        return iter(self._points())

    def __len__(self) -> int:
        return len(self._points())
