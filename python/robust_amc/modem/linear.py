"""Linear modulation of known bits, root-raised-cosine pulses, and its receiver.

Matched filter; the clock is that of the preamble's correlation; the carrier is followed by a
second-order loop on decisions, which begins with what the preamble says.
"""

import numpy as np

from ..arrays import Array, Complexes, Floats
from ..pulse import root_raised_cosine
from .burst import PREAMBLE, SAMPLES_PER_SYMBOL, SEARCHED, SPAN, Bursts
from .constellation import Constellation
from .filtering import filtered

LOOP = 0.1, 0.0025  # gains of the phase and of the frequency, a symbol


def modulated(name: str, bits: Array) -> Bursts:
    """Bursts of a class, see :func:`robust_amc.modem.modulated`."""
    constellation = Constellation.of(name)
    number = constellation.modulated(bits)
    sent = np.concatenate(
        [np.tile(preamble(name), (len(bits), 1)), constellation.points[number]], axis=1
    )
    samples = sent @ pulses(sent.shape[1])
    samples = samples * SAMPLES_PER_SYMBOL**0.5
    return Bursts(name, samples, number, bits)


def preamble(name: str) -> Complexes:
    """The symbols that every burst of a class begins with, ``[PREAMBLE]``."""
    points = Constellation.of(name).points
    return points[np.random.default_rng(PREAMBLE).integers(len(points), size=PREAMBLE)]


def pulse() -> Floats:
    """A pulse of energy 1, ``[2·SPAN·SAMPLES_PER_SYMBOL + 1]``."""
    time = np.arange(-SPAN * SAMPLES_PER_SYMBOL, SPAN * SAMPLES_PER_SYMBOL + 1)
    made = root_raised_cosine(time / SAMPLES_PER_SYMBOL)
    return made / np.sqrt(np.sum(made**2))


def pulses(symbols: int) -> Floats:
    """The pulses of all symbols of a burst, silence around them, ``[symbols, length]``."""
    one = pulse()
    silence = SPAN * SAMPLES_PER_SYMBOL
    made = np.zeros((symbols, len(one) + (symbols - 1) * SAMPLES_PER_SYMBOL + 2 * silence))
    for number, row in enumerate(made):
        begin = silence + number * SAMPLES_PER_SYMBOL
        row[begin : begin + len(one)] = one
    return made


def detected(samples: Complexes, name: str, symbols: int) -> Complexes:
    """Values at the symbols behind the preamble, before decisions, ``[n, symbols]``."""
    constellation, known = Constellation.of(name), preamble(name)
    matched = filtered(samples, pulse())
    values = _at(matched, _start(matched, known), PREAMBLE + symbols)
    return _followed(values, known, constellation)[:, PREAMBLE:]


def seen(symbols: int) -> Floats:
    """What the receiver's decisions depend on: rows of samples ``[…, length]``."""
    return pulses(PREAMBLE + symbols)


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
