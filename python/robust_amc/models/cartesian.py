"""Complex numbers as (real, imaginary) pairs of tensors, which every export format knows."""

import torch

TINY = 1e-6  # keeps the gradient of a magnitude finite

Pair = tuple[torch.Tensor, torch.Tensor]


def square(a: Pair) -> Pair:
    """a²."""
    real, imag = a
    return real * real - imag * imag, 2 * real * imag


def times_conjugate(a: Pair, b: Pair) -> Pair:
    """a·b*."""
    return a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]


def over(a: Pair, divisor: torch.Tensor | float) -> Pair:
    """Quotient of a and a real tensor."""
    return a[0] / divisor, a[1] / divisor


def mean(a: Pair, dim: int) -> Pair:
    """Mean over a dimension, which stays with one entry."""
    return a[0].mean(dim, keepdim=True), a[1].mean(dim, keepdim=True)


def magnitude(a: Pair, floor: float = TINY) -> torch.Tensor:
    """√(|a|² + floor): |a|, but smooth at zero."""
    return (a[0] * a[0] + a[1] * a[1] + floor).sqrt()


def unit_power(iq: torch.Tensor) -> torch.Tensor:
    """Frames ``[n, 2, length]`` scaled to a mean power of 1; zeros stay zeros."""
    power = iq.square().sum(1, keepdim=True).mean(2, keepdim=True)
    return iq / (power + torch.finfo(torch.float32).tiny).sqrt()
