"""Engines that decide frames at speed: PyTorch, ONNX Runtime, OpenVINO behind one interface."""

from .choose import open_engine
from .engine import InferenceEngine, Precision
from .sources import source_of

__all__ = ["InferenceEngine", "Precision", "open_engine", "source_of"]
