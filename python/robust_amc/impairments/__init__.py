"""What a channel and a receiver do to a signal, on NumPy arrays and on PyTorch tensors alike."""

from .draw import Impairments, draw
from .settings import ImpairmentSettings

__all__ = ["ImpairmentSettings", "Impairments", "draw"]
