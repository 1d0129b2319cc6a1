"""Attacks: l2 PGD with full knowledge of a system, and attacks that know or do less."""

from .link import Link, LinkSettings
from .noise import noise
from .settings import LIVE, AttackSettings
from .stream import StreamSettings, per_burst
from .stream import universal as universal_stream
from .threat import Goal
from .transfer import transfer
from .universal import Universal, craft
from .white_box import Attacked, white_box

__all__ = [
    "LIVE",
    "AttackSettings",
    "Attacked",
    "Goal",
    "Link",
    "LinkSettings",
    "StreamSettings",
    "Universal",
    "craft",
    "noise",
    "per_burst",
    "transfer",
    "universal_stream",
    "white_box",
]
