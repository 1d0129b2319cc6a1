"""Networks by name. Each has features(), logits() and a feature_count."""

from ..errors import UserError
from .ensemble import Ensemble
from .residual import ResidualNetwork
from .vtcnn2 import VTCNN2

ARCHITECTURES = {"vtcnn2": VTCNN2, "residual": ResidualNetwork, "ensemble": Ensemble}


def build(architecture, classes, frame_length=128, **settings):
    """A new network for `classes` classes; UserError when the architecture is unknown."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"unknown architecture {architecture!r}; there are {known}")
    return ARCHITECTURES[architecture](classes, frame_length, **settings)


__all__ = ["ARCHITECTURES", "Ensemble", "ResidualNetwork", "VTCNN2", "build"]
