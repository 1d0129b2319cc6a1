"""A transmitter of known bits and the receiver that it means: what a perturbation costs them."""

from .burst import Bursts, transmitted
from .constellation import NAMES, Constellation
from .receiver import Reception, receive
from .spared import Spared

__all__ = ["NAMES", "Bursts", "Constellation", "Reception", "Spared", "receive", "transmitted"]
