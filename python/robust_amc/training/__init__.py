"""Training: one loop, and one way for each training to make its batches."""

from .customized import CATSettings, CustomizedAdversarial
from .loop import History, TrainSettings, train
from .standard import Standard

__all__ = ["CATSettings", "CustomizedAdversarial", "History", "Standard", "TrainSettings", "train"]
