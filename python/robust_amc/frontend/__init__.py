"""From samples of a band to what a model takes: where a signal is, its symbol rate, its carrier."""

from .analyze import Signal, analyze
from .carrier import Carrier
from .normalize import by_width, follow_carrier, normalize
from .occupied import Band
from .symbol_rate import SymbolRate

__all__ = [
    "Band",
    "Carrier",
    "Signal",
    "SymbolRate",
    "analyze",
    "by_width",
    "follow_carrier",
    "normalize",
]
