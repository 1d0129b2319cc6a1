"""Networks by name; :class:`Network` says what one is."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import fields, settings
from ..plugins import Registry

if TYPE_CHECKING:
    from .network import Network

ARCHITECTURES = Registry(
    "robust_amc.networks",
    "architecture",
    {
        "vtcnn2": "robust_amc.models.vtcnn2:VTCNN2",
        "residual": "robust_amc.models.residual:ResidualNetwork",
        "ensemble": "robust_amc.models.ensemble:Ensemble",
        "matched_filter": "robust_amc.models.matched_filter:MatchedFilterNetwork",
        "awn": "robust_amc.models.awn:AWN",
    },
)
MOST = 1024  # of a whole number among the settings: a width, layers, samples a symbol
_COMMON = ("classes", "frame_length", "input_gain")


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: the names alone need no PyTorch
    if name == "Network":
        from .network import Network

        return Network
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build(architecture: str, classes: int, frame_length: int = 128, **values: Any) -> "Network":
    """A new network for `classes` classes.

    Raises UserError when the architecture is unknown, or has no such settings.
    """
    further = {name: value for name, value in values.items() if name != "input_gain"}
    check_settings(architecture, further)
    return ARCHITECTURES[architecture](classes, frame_length, **values)


def check_settings(architecture: str, values: Mapping[str, Any]) -> None:
    """UserError unless `values` are further settings of an architecture, of their types."""
    types = settings_of(architecture)
    settings.check(types, values, "architecture")
    for name, value in values.items():
        if types[name] is int:
            fields.whole(0, MOST)(value, f"architecture.{name}")


def settings_of(architecture: str) -> dict[str, Any]:
    """Types of the further settings of an architecture, by name; Any where it does not say it."""
    parameters = inspect.signature(ARCHITECTURES[architecture]).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        each.name: _type(each)
        for each in parameters
        if each.kind in named and each.name not in _COMMON
    }


def _type(parameter: inspect.Parameter) -> Any:
    annotation, default = parameter.annotation, parameter.default
    if annotation is not parameter.empty and isinstance(annotation, type):
        return annotation
    return Any if default is None or default is parameter.empty else type(default)


__all__ = ["ARCHITECTURES", "Network", "build", "settings_of"]
