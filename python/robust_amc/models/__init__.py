"""Networks by name; :class:`Network` says what one is."""

import inspect
from typing import TYPE_CHECKING, Any, Protocol

from ..plugins import Registry

if TYPE_CHECKING:  # the names alone need no PyTorch
    from torch import Tensor

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
_COMMON = ("classes", "frame_length", "input_gain")


class Network(Protocol):
    """What the library asks of a network, which is a torch.nn.Module besides.

    One of another package is registered as an entry point of the group
    ``robust_amc.networks``; its name is then an architecture. All that its weights need to be
    loaded again are the arguments of its constructor: those below, and further settings of its
    own with defaults, from the table ``[architecture]`` of a system's file or ``htrd train
    --set architecture.NAME=VALUE``. A model file keeps them.

    Attributes:
        feature_count: width of the last feature layer, which a rejector sees
    """

    feature_count: int

    def __init__(
        self, classes: int, frame_length: int = 128, input_gain: float = 1.0, **settings: Any
    ) -> None:
        """Make the network for `classes` classes and frames of `frame_length` samples.

        `input_gain` multiplies a frame inside the network, before anything else.
        """

    def features(self, iq: "Tensor") -> "Tensor":
        """Last feature layer: frames ``[n, 2, length]`` to ``[n, feature_count]``."""

    def logits(self, features: "Tensor") -> "Tensor":
        """Class scores of features, ``[n, feature_count]`` to ``[n, classes]``."""

    def __call__(self, iq: "Tensor") -> "Tensor":
        """Class scores of frames; ``logits(features(iq))``, at least in eval mode."""


def build(architecture: str, classes: int, frame_length: int = 128, **settings: Any) -> Network:
    """A new network for `classes` classes; UserError when the architecture is unknown."""
    return ARCHITECTURES[architecture](classes, frame_length, **settings)


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
