"""Impairments one by one, each of given parameters.

`samples` are complex ``[n, length]``, a NumPy array or a PyTorch tensor, and so is what comes back;
a parameter is a number, or of the same kind and of a shape that goes with ``[n, length]``, such as
``[n, 1]``. Nothing is drawn here. All are differentiable in the samples.
"""

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..arrays import Complexes

if TYPE_CHECKING:  # it takes seconds to import, and arrays do without
    import torch

Samples = TypeVar("Samples", Complexes, "torch.Tensor")
TAPS = 4  # on either side, of the interpolation of `stretched`


def library(values: Any) -> Any:
    """The module whose functions take `values`: numpy or torch, which share their names here."""
    return np if isinstance(values, (np.ndarray, np.generic)) else sys.modules["torch"]


def _beside(samples: Any, values: Any) -> Any:
    """`values` where the samples are: on the same device."""
    return values if isinstance(values, np.ndarray) else values.to(samples.device)


def rms(samples: Samples) -> Samples:
    """Root of the mean power of each row, real ``[n, 1]``."""
    power: Any = (samples.real**2 + samples.imag**2).mean(-1)
    root: Samples = power[:, None] ** 0.5
    return root


def multipath(samples: Samples, delays: Any, gains: Any) -> Samples:
    """Echoes beside the direct path, which stays as it is.

    The ends of a row are each other's neighbors: what an echo brings in at the start is the
    end of the same row.

    Args:
        samples: complex ``[n, length]``
        delays: ``[n, echoes]``, in samples, also between them
        gains: complex ``[n, echoes]``, of the amplitude relative to the direct path
    """
    xp = library(samples)
    frequency = _beside(samples, xp.fft.fftfreq(samples.shape[-1]))
    response: Any = 1.0
    for delay, gain in zip(delays.T, gains.T):
        turn = xp.exp(-2j * np.pi * delay[:, None] * frequency)
        response = response + gain[:, None] * turn
    result: Samples = xp.fft.ifft(xp.fft.fft(samples) * response)
    return result


def shifted(samples: Samples, frequency: Any) -> Samples:
    """Moved in frequency by so many cycles a sample; the phase of the first sample stays."""
    xp = library(samples)
    time = _beside(samples, xp.arange(samples.shape[-1]))
    result: Samples = samples * xp.exp(2j * np.pi * frequency * time)
    return result


def stretched(samples: Samples, rate: Any) -> Samples:
    """As many samples, a row taken at a rate that is wrong by `rate`, relative; its middle stays.

    A positive `rate` makes a row's symbols shorter than they should be. Interpolated by a
    windowed sinc of 8 taps, which takes what is slower than a tenth of a cycle a sample as it is,
    to 0.4 %; beyond the ends of a row its last sample goes on.
    """
    xp = library(samples)
    length = samples.shape[-1]
    time = _beside(samples, xp.arange(length))
    middle = (length - 1) / 2
    place = middle + (time - middle) * (1 + rate)
    whole = xp.floor(place)
    part = place - whole
    first = whole.astype(np.int64) if xp is np else whole.long()
    take: Any = np.take_along_axis if xp is np else xp.take_along_dim
    total: Any = 0.0
    for tap in range(1 - TAPS, TAPS + 1):
        distance = part - tap
        weight = xp.sinc(distance) * xp.cos(np.pi * distance / (2 * TAPS)) ** 2
        total = total + weight * take(samples, (first + tap).clip(0, length - 1), -1)
    result: Samples = total
    return result


def with_phase_noise(samples: Samples, steps: Any) -> Samples:
    """Turned by a phase that walks at random: by `steps` ``[n, length]``, in radians."""
    result: Samples = samples * library(samples).exp(1j * steps.cumsum(-1))
    return result


def iq_imbalance(samples: Samples, gain_db: Any, phase: Any) -> Samples:
    """Through a mixer whose two branches are not alike.

    `gain_db` is the gain of Q over that of I, `phase` what is missing between them to a
    quarter of a turn, in radians. The signal comes through with (1 + g·exp(-jφ))/2, its image
    with (1 - g·exp(jφ))/2: F. Horlin and A. Bourdoux, "Digital Compensation for Analog
    Front-Ends", Wiley 2008, chapter 4.
    """
    xp = library(samples)
    gain = 10 ** (gain_db / 20)
    turn = gain * xp.exp(1j * phase)
    result: Samples = (1 + turn.conj()) / 2 * samples + (1 - turn) / 2 * samples.conj()
    return result


def image_rejection_db(gain_db: Any, phase: Any) -> Any:
    """Power of a signal over that of its image behind :func:`iq_imbalance`, in dB."""
    gain = 10 ** (gain_db / 20)
    both = 1 + gain**2
    cross = 2 * gain * np.cos(phase)
    with np.errstate(divide="ignore"):
        return 10 * np.log10((both + cross) / (both - cross))


def clipped(samples: Samples, full_scale: Any) -> Samples:
    """I and Q cut off at ± `full_scale` each, as by an amplifier or a converter."""
    low, high = -full_scale, full_scale
    result: Samples = samples.real.clip(low, high) + 1j * samples.imag.clip(low, high)
    return result


def quantized(samples: Samples, bits: Any, full_scale: Any) -> Samples:
    """I and Q rounded to one of 2^bits levels each, evenly from -`full_scale` to `full_scale`.

    No level is 0. What is beyond the ends gets the last level. The gradient of a tensor is that of
    the samples before they were rounded.
    """
    step = 2 * full_scale / 2.0**bits
    last = 2.0 ** (bits - 1) - 1

    def level(part: Any) -> Any:
        xp = library(part)
        found = (xp.floor(part / step).clip(-last - 1, last) + 0.5) * step
        return found if xp is np else part + (found - part).detach()

    result: Samples = level(samples.real) + 1j * level(samples.imag)
    return result
