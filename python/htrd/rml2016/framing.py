# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting a run of the generator into frames, and measuring what is known of each."""

import numpy as np

from .modulators import SAMPLE_RATE

FIRST_START = (50, 500)  # of a run's first frame, samples, random
LARGEST_STEP = 0.05  # of a run, from one frame to the next
_HALF_PRECISION = 1024  # samples; in longer frames, values become too small for it


def starts(count, rng, length, maximum=None):
    """Where frames of `length` samples start in a run of `count`, integers ``[n]``, ascending.

    The first one is a random 50 … 500, the next ones are a random frame … 5 % of the run
    later. `maximum` of them are kept, drawn at random over the whole run.
    """
    found, start = [], int(rng.integers(*FIRST_START, endpoint=True))
    largest_step = max(length, round(LARGEST_STEP * count))
    while start + length < count:
        found.append(start)
        start += int(rng.integers(length, largest_step, endpoint=True))
    if maximum is not None and maximum < len(found):
        found = np.sort(rng.choice(found, maximum, replace=False))
    return np.asarray(found)


def longest(count):
    """Maximum length in samples of a frame of a run of `count` samples."""
    return count - FIRST_START[1] - 1


def cut(samples, begin, length):
    """The frames that start at `begin` ``[n]``, complex ``[n, length]``."""
    return samples[begin[:, None] + np.arange(length)]


def scaled(frames):
    """Frames whose magnitudes sum to 1, float16 ``[n, 2, length]``; long ones float32."""
    frames = frames / np.abs(frames).sum(1, keepdims=True)
    dtype = np.float16 if frames.shape[1] <= _HALF_PRECISION else np.float32
    return np.stack([frames.real, frames.imag], 1).astype(dtype)


def measured(run, begin, length, noise_bandwidth):
    """True SNR and carrier offset of each frame: dictionary of float32 ``[n]``.

    The SNR is the energy of the frame's signal over that of its noise, as much of it as
    falls into `noise_bandwidth` Hz of the 200 kHz; -inf for a signal that is zero.
    """
    signal = _energy(cut(run.signal, begin, length))
    noise = _energy(cut(run.noise, begin, length)) * noise_bandwidth / SAMPLE_RATE
    tone = cut(run.carrier, begin, length).astype(complex)
    turn = np.angle(tone[:, 1:] * tone[:, :-1].conj()).mean(1)
    with np.errstate(divide="ignore"):
        snr_db = 10 * np.log10(signal / noise)
    return {
        "true_snr_db": snr_db.astype(np.float32),
        "carrier_offset_hz": (turn * SAMPLE_RATE / (2 * np.pi)).astype(np.float32),
    }


def _energy(frames):
    return np.sum(np.abs(frames.astype(complex)) ** 2, 1)
