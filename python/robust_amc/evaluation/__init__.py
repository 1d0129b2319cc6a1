"""Evaluation: metrics, security curves, tables and figures."""

from typing import TYPE_CHECKING, Any

from .metrics import METRICS, Outcome, confusion, difference, risk_coverage, with_intervals

if TYPE_CHECKING:
    from .curve import Attack, SecurityCurve

__all__ = [
    "METRICS",
    "Attack",
    "Outcome",
    "SecurityCurve",
    "confusion",
    "difference",
    "risk_coverage",
    "with_intervals",
]


def __getattr__(name: str) -> Any:
    """What needs PyTorch, which takes seconds to import, is imported when it is asked for."""
    if name in ("Attack", "SecurityCurve"):
        from . import curve

        return getattr(curve, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
