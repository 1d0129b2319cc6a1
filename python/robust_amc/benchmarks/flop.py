"""Counts the floating-point operations that PyTorch does."""

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def count_flop(work: Callable[[], object]) -> int:
    """FLOP of the matrix products and convolutions while `work` is called, from their shapes."""
    with _Counter() as counter:
        work()
    return counter.total


class _Counter(TorchDispatchMode):
    # torch's own FlopCounterMode also hooks into modules, and then torch.autograd.grad fails.
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        count = flop_registry.get(function.overloadpacket)
        if count is not None:
            self.total += count(*args, **kwargs, out_val=result)
        return result
