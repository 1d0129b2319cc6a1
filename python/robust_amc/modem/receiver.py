"""The friendly receiver: matched filter, clock and carrier recovery, decisions, checksum.

The clock is that of the preamble's correlation; the carrier is followed by a second-order loop on
decisions, which begins with what the preamble says. All feed-forward but for that.
"""

from dataclasses import dataclass

import numpy as np
import scipy.signal

from ..arrays import Bools, Complexes, Floats
from .burst import PREAMBLE, SAMPLES_PER_SYMBOL, SPAN, Bursts, checked, preamble, pulse
from .constellation import Constellation

LOOP = 0.1, 0.0025  # gains of the phase and of the frequency, a symbol
SEARCHED = SPAN * SAMPLES_PER_SYMBOL  # samples on either side of where the preamble should be


@dataclass(frozen=True)
class Reception:
    """What was received of n bursts.

    Attributes:
        values: symbols before the decision, complex ``[n, symbols]``
        symbol_errors, bit_errors: shares, ``[n]``
        error_vector: its power over that of the points, ``[n]``
        passed: whether the checksum is right, ``[n]``
    """

    values: Complexes
    symbol_errors: Floats
    bit_errors: Floats
    error_vector: Floats
    passed: Bools


def receive(samples: Complexes, sent: Bursts) -> Reception:
    """Demodulate bursts as received, complex ``[n, length]``, and compare them with what was sent.

    The level, the phase, the carrier and the time within SEARCHED samples are found from the
    samples. There is no equalizer.
    """
    constellation, known = Constellation.of(sent.name), preamble(sent.name)
    filtered = scipy.signal.fftconvolve(samples, pulse()[None], mode="same", axes=1)
    start = _start(filtered, known)
    values = _at(filtered, start, PREAMBLE + sent.symbols)
    values = _followed(values, known, constellation)[:, PREAMBLE:]
    number = constellation.nearest(values)
    bits = constellation.demodulated(number)
    error = values - constellation.points[sent.number]
    return Reception(
        values,
        (number != sent.number).mean(1),
        (bits != sent.bits).mean(1),
        (np.abs(error) ** 2).mean(1),
        checked(bits),
    )


def _start(filtered: Complexes, known: Complexes) -> Floats:
    """Where the first symbol is, in samples, between them too, ``[n]``."""
    first = 2 * SPAN * SAMPLES_PER_SYMBOL - SEARCHED
    places = first + np.arange(2 * SEARCHED + 1)
    at = places[:, None] + SAMPLES_PER_SYMBOL * np.arange(len(known))
    likeness = np.abs(filtered[:, at] @ known.conj()) ** 2
    peak = likeness[:, 1:-1].argmax(1) + 1
    rows = np.arange(len(peak))
    before, here, after = (likeness[rows, peak + step] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    part = np.where(bend < 0, (before - after) / (2 * np.minimum(bend, -1e-30)), 0)
    return first + peak + part.clip(-0.5, 0.5)


def _at(filtered: Complexes, start: Floats, symbols: int) -> Complexes:
    """Values at the symbols from `start` on, ``[n, symbols]``: linear between samples."""
    time = np.arange(filtered.shape[1])
    at = start[:, None] + SAMPLES_PER_SYMBOL * np.arange(symbols)
    return np.stack([np.interp(own, time, row) for own, row in zip(at, filtered, strict=True)])


def _followed(values: Complexes, known: Complexes, constellation: Constellation) -> Complexes:
    """Symbols at the level and the phase of the points, ``[n, symbols]``."""
    begin = values[:, : len(known)]
    turned = begin * known.conj()
    frequency = np.angle((turned[:, 1:] * turned[:, :-1].conj()).sum(1))
    turn = np.exp(-1j * frequency[:, None] * np.arange(len(known)))
    gain = (turned * turn).sum(1) / np.sum(np.abs(known) ** 2)
    phase, made = np.zeros(len(values)), np.empty_like(values)
    for place in range(values.shape[1]):
        made[:, place] = values[:, place] / gain * np.exp(-1j * phase)
        if place < len(known):
            point = np.full(len(values), known[place])
        else:
            point = constellation.points[constellation.nearest(made[:, place])]
        error = np.imag(made[:, place] * point.conj()) / np.maximum(np.abs(point) ** 2, 0.1)
        frequency = frequency + LOOP[1] * error
        phase = phase + frequency + LOOP[0] * error
    return made
