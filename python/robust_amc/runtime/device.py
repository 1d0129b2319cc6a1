"""Where PyTorch computes, and what it can do there."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ..errors import UserError

Module = TypeVar("Module", bound=nn.Module)

AnyDevice = str | torch.device
# Of an x86 or ARM processor that multiplies bfloat16 matrices in hardware
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def pick_device(name: str) -> str:
    """Device for a name: ``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` takes a GPU if there is one.

    Raises UserError when it is not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).cpu()  # 'meta' exists, but computes nothing
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0][:200]
        raise UserError(f"no device {name[:40]!r} here: {why}") from None
    return name


def has_bfloat16(device: AnyDevice) -> bool:
    """Whether bfloat16 matrix products are faster than float32 on a device.

    By what the hardware says it has, not by measuring: a run that is interrupted and
    resumed, and all processes of one run, must decide alike. False where it is not known.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and _cpu_has_bfloat16()


@lru_cache
def _cpu_has_bfloat16() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return False
    return any(
        not _BFLOAT16_FLAGS.isdisjoint(line.split())
        for line in lines
        if line.lower().startswith(("flags", "features"))
    )


def fast_math(device: AnyDevice, wanted: bool = True) -> torch.autocast:
    """A context with bfloat16 matrix products, where wanted and the device has them.

    Elsewhere bfloat16 is emulated and slower: float32 is kept.
    """
    device = torch.device(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has_bfloat16(device))


def in_bfloat16(module: Module) -> Module:
    """A copy whose matrix layers hold bfloat16: :func:`fast_math` would cast at every step."""
    module = copy.deepcopy(module)
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
            layer.to(torch.bfloat16)
    return module


def batch_size(device: AnyDevice) -> int:
    """Frames that go through a network at once: 128 stay in a CPU's cache, a GPU wants many."""
    return 128 if torch.device(device).type == "cpu" else 2048
