"""Networks by name. Each has features(), logits() and a feature_count."""

from ..errors import UserError
from .awn import AWN
from .ensemble import Ensemble
from .matched_filter import MatchedFilterNetwork
from .residual import ResidualNetwork
from .vtcnn2 import VTCNN2

ARCHITECTURES = {
    "vtcnn2": VTCNN2,
    "residual": ResidualNetwork,
    "ensemble": Ensemble,
    "matched_filter": MatchedFilterNetwork,
    "awn": AWN,
}


def build(architecture, classes, frame_length=128, **settings):
    """A new network for `classes` classes; UserError when the architecture is unknown."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"unknown architecture {architecture!r}; there are {known}")
    return ARCHITECTURES[architecture](classes, frame_length, **settings)


__all__ = [
    "ARCHITECTURES",
    "AWN",
    "Ensemble",
    "MatchedFilterNetwork",
    "ResidualNetwork",
    "VTCNN2",
    "build",
]
