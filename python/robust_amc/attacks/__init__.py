"""Attacks: l2 PGD with full knowledge of a system, and noise for comparison."""

from .noise import noise
from .threat import Goal
from .white_box import LIVE, Attacked, AttackSettings, white_box

__all__ = ["LIVE", "AttackSettings", "Attacked", "Goal", "noise", "white_box"]
