"""Evaluation: metrics, security curves, tables and figures."""

from .curve import Attack, SecurityCurve
from .metrics import METRICS, Outcome, confusion, difference, risk_coverage, with_intervals

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
