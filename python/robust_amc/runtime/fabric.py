"""Lightning Fabric as a Runtime uses it; a module of its own, since it takes seconds to import."""

import logging
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies import DDPStrategy

from . import processes

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
# A process may wait long for what only the first one does; torchrun sees when one has died.
PATIENCE = timedelta(days=1)


def launch(device: torch.device, fast: bool) -> Fabric:
    """A Fabric that is connected to those of the other processes, if there are any.

    `fast` asks for bfloat16 in the forward pass of what it sets up.
    """
    fabric = Fabric(
        accelerator=device.type,
        devices=[device.index] if device.index is not None else processes.local_world(),
        num_nodes=processes.world() // processes.local_world(),
        strategy=DDPStrategy(timeout=PATIENCE) if processes.world() > 1 else "auto",
        plugins=[_Bfloat16("bf16-mixed", device.type)] if fast else None,
    )
    fabric.launch()
    return fabric


class _Bfloat16(MixedPrecision):
    """bfloat16 products of float32 frames: a perturbation may be smaller than bfloat16's steps."""

    def convert_input(self, data: Any) -> Any:
        """Leave the frames as they are; Fabric's own rounds them before the input gain."""
        return data
