"""Modules and their weights, from files that nobody vouches for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from .errors import UserError

# What fills a new tensor: torch.nn.init.kaiming_uniform_ and so on, and methods of tensors
_FILLING = {name for name in dir(nn.init) if name[0].islower() and name.endswith("_")}
LARGEST = 1 << 28  # bytes of constants that a module makes beside its weights

Made = TypeVar("Made", bound=nn.Module)


def fitted(make: Callable[[], Made], tensors: Mapping[str, torch.Tensor], what: str) -> Made:
    """The module that `make` makes, in eval mode, with these tensors as its weights.

    It is made on PyTorch's meta device first, where nothing is allocated, and for real only if
    its weights have the names and shapes of `tensors`: a file cannot ask for more memory than
    it has bytes. Raises UserError, which calls the module `what`, when they do not fit, or it
    cannot be made.
    """
    try:
        with torch.device("meta"), _Unfilled():
            blank = make()
        _check_shapes(blank, tensors, what)
        module = make()
        module.load_state_dict(dict(tensors))
    except UserError:
        raise
    except Exception as error:  # whatever settings from a file do to somebody's module
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{what} cannot be made with the settings of the file: {reason}") from None
    return module.eval().requires_grad_(False)


class _Unfilled(TorchFunctionMode):
    """New tensors stay as they are: those on the meta device have nothing to be filled.

    PyTorch would first import its compiler for that, which takes seconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _FILLING:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _check_shapes(blank: nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    state = blank.state_dict()
    wanted = {name: tuple(value.shape) for name, value in state.items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise UserError(
                f"{what} does not fit its weights: {name} has the shape "
                f"{found.get(name, 'none')}, not {wanted.get(name, 'none')}"
            )
    constants = [value for name, value in blank.named_buffers() if name not in state]
    if sum(each.numel() * each.element_size() for each in constants) > LARGEST:
        raise UserError(f"{what} needs over {LARGEST >> 20} MB beside its weights")
