"""Robust automatic modulation classification: attacks on it, defenses, honest figures.

The library under the GNU Radio module gr-htrd. It needs PyTorch, NumPy and
scikit-learn, and never GNU Radio.
"""

__version__ = "0.1.0"
