"""Complex numbers as (real, imaginary) pairs of tensors, which every export format knows."""

import torch

TINY = 1e-6  # keeps the gradient of a magnitude finite


def square(a):
    """a²."""
    real, imag = a
    return real * real - imag * imag, 2 * real * imag


def times_conjugate(a, b):
    """a·b*."""
    return a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]


def over(a, divisor):
    """Quotient of a and a real tensor."""
    return a[0] / divisor, a[1] / divisor


def mean(a, dim):
    """Mean over a dimension, which stays with one entry."""
    return a[0].mean(dim, keepdim=True), a[1].mean(dim, keepdim=True)


def magnitude(a, floor=TINY):
    """√(|a|² + floor): |a|, but smooth at zero."""
    return (a[0] * a[0] + a[1] * a[1] + floor).sqrt()


def unit_power(iq):
    """Frames ``[n, 2, length]`` scaled to a mean power of 1; zeros stay zeros."""
    power = iq.square().sum(1, keepdim=True).mean(2, keepdim=True)
    return iq / (power + torch.finfo(torch.float32).tiny).sqrt()
