"""Perturbations that the friendly receiver does not see, or sees less of."""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from .burst import Bursts
from .receiver import seen

if TYPE_CHECKING:  # it takes seconds to import, and a modem needs none of it
    import torch


class Spared:
    """Takes out of a perturbation what the receiver's decisions depend on.

    Of linear modulations that is what the matched filter has of it at the symbols: what is left is
    orthogonal to all pulses, and leaves the symbols of a receiver with the right clock as they are.
    The attack has the other dimensions, seven of eight. Of frequency-shift keying it is what passes
    the receiver's filter; the attack has four of five.

    Args:
        sent: Bursts, of which only `active` is perturbed
        share: of its amplitude that is taken out, 0 … 1

    Raises UserError for another share.
    """

    def __init__(self, sent: Bursts, share: float = 1.0) -> None:
        if not 0 <= share <= 1:
            raise UserError(f"the share that is spared must lie in 0 … 1, not {share:g}")
        import torch

        self._basis = torch.as_tensor(np.linalg.qr(seen(sent).T)[0], dtype=torch.float32)
        self._share = share

    def shape(self, delta: "torch.Tensor") -> "torch.Tensor":
        """The perturbations ``[n, 2, length]`` without it; none becomes longer."""
        basis = self._basis.to(delta.device)
        return delta - self._share * (delta @ basis) @ basis.T
