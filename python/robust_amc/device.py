"""Where PyTorch computes."""

import torch

from .errors import UserError


def pick_device(name):
    """Device for a name: ``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` takes a GPU if there is one.

    Raises UserError when it is not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).cpu()  # 'meta' exists, but computes nothing
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"no device {name!r} here: {str(error).splitlines()[0]}") from None
    return name
