"""From samples of a band to what a model takes: where a signal is, its symbol rate, its carrier."""

from .analyze import Signal, analyze
from .bring import Brought, bring, reduced
from .carrier import Carrier
from .normalize import by_width, follow_carrier, normalize
from .occupied import Band, strongest
from .symbol_rate import SymbolRate

__all__ = [
    "Band",
    "Brought",
    "Carrier",
    "Signal",
    "SymbolRate",
    "analyze",
    "bring",
    "by_width",
    "follow_carrier",
    "normalize",
    "reduced",
    "strongest",
]
