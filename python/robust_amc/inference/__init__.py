"""Engines that decide frames at speed: PyTorch, ONNX Runtime, OpenVINO behind one interface."""

from .choose import open_engine
from .engine import InferenceEngine, Precision

__all__ = ["InferenceEngine", "Precision", "open_engine"]
