"""Data sets: frames in memory, their splits, and the files they come from."""

from .dataset import FrameDataset, joined
from .formats.registry import read
from .splits import FRACTIONS, Part, part, split

__all__ = ["FRACTIONS", "FrameDataset", "Part", "joined", "part", "read", "split"]
