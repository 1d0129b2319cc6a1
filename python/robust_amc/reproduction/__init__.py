"""The paper's evaluation from one command: train, calibrate, attack, report."""

from .study import FULL, QUICK, Study

__all__ = ["FULL", "QUICK", "Study"]
