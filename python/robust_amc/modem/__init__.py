"""A transmitter of known bits and the receiver that it means: what a perturbation costs them."""

from .burst import Bursts
from .constellation import Constellation
from .receiver import NAMES, Reception, modulated, receive, transmitted
from .spared import Spared

__all__ = [
    "NAMES", "Bursts", "Constellation", "Reception", "Spared", "modulated", "receive",
    "transmitted",
]  # fmt: skip
