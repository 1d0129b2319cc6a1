"""Frequency-shift keying of known bits, and its receiver: a filter, and turns over symbols.

A symbol turns the phase by plus or minus π times the index, as RML2016's two classes do it.
"""

import numpy as np

from ..arrays import Array, Complexes, Floats, Integers
from .burst import PREAMBLE, SAMPLES_PER_SYMBOL, SEARCHED, SPAN, Bursts
from .filtering import filtered, low_pass

# Index, and bandwidth times symbol time of the Gaussian filter (None: none)
KINDS = {"CPFSK": (0.5, None), "GFSK": (0.8 / np.pi, 0.35)}
PASSBAND = 0.075  # edge of the receiver's filter, cycles a sample
TAPS = 65  # of it
STOPBAND = 0.1  # where that has ended


def modulated(name: str, bits: Array) -> Bursts:
    """Bursts of CPFSK or GFSK, see :func:`robust_amc.modem.modulated`."""
    sent = np.concatenate([np.tile(preamble(), (len(bits), 1)), bits], axis=1)
    turn = _turns(2 * sent - 1, *KINDS[name])
    samples = np.exp(1j * np.cumsum(turn, axis=1))
    silence = np.zeros((len(bits), 2 * SPAN * SAMPLES_PER_SYMBOL))
    return Bursts(name, np.concatenate([silence, samples, silence], axis=1), bits, bits)


def preamble() -> Array:
    """The bits that every burst begins with, ``[PREAMBLE]``."""
    return np.random.default_rng(PREAMBLE).integers(2, size=PREAMBLE)


def detected(samples: Complexes, name: str, symbols: int) -> Complexes:
    """Turns over the symbols behind the preamble, -1 or 1 without noise, ``[n, symbols]``.

    Clock, carrier and index are those with which the preamble is most alike.
    """
    passed = filtered(samples, passband())
    phase = np.unwrap(np.angle(passed), axis=1)
    turn = phase[:, SAMPLES_PER_SYMBOL:] - phase[:, :-SAMPLES_PER_SYMBOL]
    places, offset, index = _synchronized(turn)
    at = places[:, None] + SAMPLES_PER_SYMBOL * (PREAMBLE + np.arange(symbols))
    found = np.take_along_axis(turn, np.minimum(at, turn.shape[1] - 1), 1)
    return (found - offset[:, None]) / index[:, None] + 0j


def seen(length: int) -> Floats:
    """What passes the receiver's filter: waves of `length` samples, ``[…, length]``."""
    turn = 2 * np.pi * np.arange(int(STOPBAND * length) + 1)[:, None] * np.arange(length) / length
    return np.concatenate([np.cos(turn), np.sin(turn[1:])])


def _synchronized(turn: Floats) -> tuple[Integers, Floats, Floats]:
    """Where the first symbol begins, the carrier's turn and that of the index, each ``[n]``.

    By least squares of the preamble at each place that is searched.
    """
    known = 2.0 * preamble() - 1
    places = 2 * SPAN * SAMPLES_PER_SYMBOL + np.arange(-SEARCHED, SEARCHED + 1)
    heard = turn[:, places[:, None] + SAMPLES_PER_SYMBOL * np.arange(PREAMBLE)]
    middle = known - known.mean()
    index = heard @ middle / (middle @ middle)
    offset = heard.mean(2) - index * known.mean()
    rest = ((heard - offset[..., None] - index[..., None] * known) ** 2).sum(2)
    best = np.where(index > 0, rest / np.maximum(index, 1e-9) ** 2, np.inf).argmin(1)
    rows = np.arange(len(best))
    return places[best], offset[rows, best], np.maximum(index[rows, best], 1e-9)


def passband() -> Floats:
    """The receiver's filter, a low pass with a linear phase, ``[TAPS]``."""
    return low_pass(TAPS, PASSBAND)


def _turns(level: Floats, index: float, width: float | None) -> Floats:
    """Radians a sample of symbols ±1 ``[n, symbols]``, ``[n, symbols·SAMPLES_PER_SYMBOL]``."""
    held = np.repeat(level, SAMPLES_PER_SYMBOL, axis=1) * np.pi * index / SAMPLES_PER_SYMBOL
    if width is None:
        return held
    time = np.arange(-2 * SAMPLES_PER_SYMBOL, 2 * SAMPLES_PER_SYMBOL + 1) / SAMPLES_PER_SYMBOL
    pulse = np.exp(-2 * (np.pi * width * time) ** 2 / np.log(2))
    around = np.pad(held, ((0, 0), (len(pulse) // 2,) * 2), mode="edge")
    return filtered(around, pulse / pulse.sum(), "valid")
