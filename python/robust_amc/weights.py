"""Modules and their weights, from files that nobody vouches for."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import nn

from .errors import UserError

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
        with torch.device("meta"):
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
