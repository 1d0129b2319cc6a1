"""The document that a bench returns: what was compared, on which machine, and the rows."""

import platform
from datetime import date
from math import nan
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..files import Document
from ..runtime.device import has_bfloat16

SEED = 0  # of every draw of a bench


def precisions() -> list[str]:
    """What this machine's processor is fast in: float32, and bfloat16 before it if it has it."""
    return ["bfloat16", "float32"] if has_bfloat16("cpu") else ["float32"]


def row(name: str, value: float, unit: str, baseline: str, baseline_value: float) -> Document:
    """One row; a ratio above 1 says that `value` is the larger (1 where both are 0)."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "baseline": baseline,
        "baseline_value": baseline_value,
        "ratio": 1.0 if value == baseline_value else value / (baseline_value or nan),
    }


def settings(bench: str, compared: str, **more: Any) -> Document:
    """What a reader has to know of a run: what was `compared` (a sentence), on what, when."""
    machine = {
        "cpu": cpu_model(),
        "threads": torch.get_num_threads(),
        "seed": SEED,
        "torch_version": torch.__version__,
        "version": __version__,
        "date": date.today().isoformat(),
    }
    return {"bench": bench, "compared": compared} | machine | more


def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
