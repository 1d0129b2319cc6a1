"""Attacks: l2 PGD with full knowledge of a system, and attacks that know or do less."""

from .noise import noise
from .settings import LIVE, AttackSettings
from .threat import Goal
from .transfer import transfer
from .universal import Universal, craft
from .white_box import Attacked, white_box

__all__ = [
    "LIVE",
    "AttackSettings",
    "Attacked",
    "Goal",
    "Universal",
    "craft",
    "noise",
    "transfer",
    "white_box",
]
