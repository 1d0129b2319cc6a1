"""What a training or an evaluation runs on: device, precision and processes, by Lightning Fabric.

Several processes are started by `torchrun` (docs/cluster.md); each runs the same program and
makes a Runtime, which connects them: NCCL between GPUs, gloo between CPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import nn
from torch.optim import Optimizer

from ..errors import UserError
from . import processes
from .device import AnyDevice, batch_size, has_bfloat16, pick_device
from .memory import keep_freed_memory

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Result = TypeVar("Result")
Summed = TypeVar("Summed", int, float, torch.Tensor)


class Runtime:
    """This process's part of the work; all of it where there is only one process.

    Attributes:
        device: torch.device
        precision: of matrix products, ``bfloat16`` or ``float32``; all else is float32
        rank: number of this process, 0 for the first
        world: how many processes there are
        is_first: whether this process speaks and writes files
        mine: slice that takes this process's share of a sequence
        batch_size: frames that go through a network at once
    """

    def __init__(self, device: AnyDevice = "auto", fast: bool = True) -> None:
        """`device` as for pick_device(); `fast` asks for bfloat16 where the hardware has it.

        Raises UserError when the device is not there, or too few are for the processes.
        """
        self.rank, self.world = processes.rank(), processes.world()
        self.is_first = self.rank == 0
        self.mine = slice(self.rank, None, self.world)
        self.device = torch.device(pick_device(str(device)))
        keep_freed_memory()
        if self.world > 1:
            _check_processes(self.device)
        self.precision = "bfloat16" if fast and has_bfloat16(self.device) else "float32"
        if self.world > 1:
            self.device = self._fabric.device  # each process has its own
        self.batch_size = batch_size(self.device)

    @cached_property
    def _fabric(self) -> Fabric:
        """What trains, and what connects processes: one that only evaluates needs none of it."""
        from .fabric import launch

        return launch(self.device, self.precision == "bfloat16")

    def fast_math(self) -> AbstractContextManager[Any]:
        """A context in which matrix products have the runtime's precision."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def setup(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """The model and the optimizer of a training step.

        The model's forward pass has the runtime's precision, its backward pass averages
        gradients over the processes. `network` shares its parameters and stays as it
        was, for attacks and validation.
        """
        return self._fabric.setup(network, optimizer)

    def accumulating(self, model: nn.Module, more: bool) -> AbstractContextManager[Any]:
        """A context for a forward and backward pass; with `more` to come, nothing is exchanged."""
        return self._fabric.no_backward_sync(cast(Any, model), enabled=more)

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of a loss that is summed, not averaged, over the processes."""
        self._fabric.backward(loss * self.world)

    def sum(self, value: Summed) -> Summed:
        """Sum over the processes of a number, or of a tensor (then on its device)."""
        if self.world == 1:
            return value
        if torch.is_tensor(value):
            return self._sum(value.clone()).to(value.device)
        kind = torch.float64 if isinstance(value, float) else torch.int64
        return self._sum(torch.tensor(value, dtype=kind)).item()

    def _sum(self, value: torch.Tensor) -> Any:
        return self._fabric.all_reduce(value, reduce_op="sum")

    def from_first(self, function: Callable[[], Result]) -> Result:
        """What `function` returns, or the UserError it raises, in the first process: in all."""
        if self.world == 1:
            return function()
        result: Result | None = None
        error = None
        if self.is_first:
            try:
                result = function()
            except UserError as raised:
                error = raised
        result, error = self._fabric.broadcast((result, error))
        if error is not None:
            raise error
        return cast(Result, result)


def _check_processes(device: torch.device) -> None:
    """UserError unless every process can have a device, alike on all machines."""
    here = processes.local_world()
    if device.index is not None:
        raise UserError(f"torchrun gives each process its GPU: say cuda, not {device}")
    if device.type == "cuda" and here > torch.cuda.device_count():
        raise UserError(
            f"{here} processes on this machine, but {torch.cuda.device_count()} GPUs: start as "
            "many processes as there are GPUs, or add --device cpu"
        )
    if processes.world() % here:
        raise UserError("start as many processes on each machine (--nproc-per-node)")
