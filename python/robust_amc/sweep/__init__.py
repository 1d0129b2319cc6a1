"""Choosing the settings of a system on validation data: train, calibrate, attack, rank."""

from .candidates import SweepSettings, candidates
from .measure import Sweep
from .results import Results, ranked, rule

__all__ = ["Results", "Sweep", "SweepSettings", "candidates", "ranked", "rule"]
