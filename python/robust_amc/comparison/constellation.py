"""The symbols in frames of a linear modulation, for pictures of the IQ plane."""

import re

import numpy as np

from .. import frames
from ..arrays import Complexes, Floats
from ..pulse import root_raised_cosine

SAMPLES_PER_SYMBOL = 8  # of RadioML's data sets
_SPAN = 4  # symbols, to either side of the matched filter's middle
_FINER = 4  # steps of the sampling phase in a sample
_LINEAR = re.compile(r"(?P<order>\d*)(?P<kind>B?PSK|QPSK|OQPSK|PAM|ASK|QAM)\d*$")
_FOLD = {"BPSK": 2, "PAM": 2, "ASK": 2, "QPSK": 4, "QAM": 4}


def symmetry(name: str) -> int | None:
    """By which power a linear modulation becomes a carrier: 2, 4, 8, …; None for others."""
    match = _LINEAR.match(name)
    if not match:
        return None
    return int(match["order"] or 0) or None if match["kind"] == "PSK" else _FOLD.get(match["kind"])


def symbols(iq: Floats, name: str) -> Complexes | None:
    """Symbols of frames ``[n, 2, length]`` of the modulation `name`, complex ``[n, symbols]``.

    Matched filter (root raised cosine, 8 samples a symbol, excess bandwidth 0.35), the
    sampling phase with the most power, the frame's mean power made 1, and a rotation by
    the power that makes the modulation a carrier; a square QAM is rotated and scaled to
    fit its grid instead. Symbols that the filter reaches only in part are left out; None
    where `name` is not linear or a frame has too few symbols.
    """
    fold = symmetry(name)
    length = iq.shape[2]
    if fold is None or length < (2 * _SPAN + 2) * SAMPLES_PER_SYMBOL:
        return None
    samples = _interpolate(frames.to_complex(iq))
    step = SAMPLES_PER_SYMBOL * _FINER
    taps = root_raised_cosine(np.arange(-_SPAN * step, _SPAN * step + 1) / step)
    filtered = np.stack([np.convolve(frame, taps, "valid") for frame in samples])
    count = filtered.shape[1] // step
    phases = filtered[:, : count * step].reshape(len(filtered), count, step)
    best = (np.abs(phases) ** 2).sum(1).argmax(1)
    found = phases[np.arange(len(phases)), :, best]
    found = found / np.sqrt((np.abs(found) ** 2).mean(1, keepdims=True))
    side = _grid_side(name)
    return found * (_turn_back(found, fold) if side is None else _fit(found, side))


def _turn_back(found: Complexes, fold: int) -> Complexes:
    """Rotation ``[n, 1]`` after which the power `fold` of symbols ``[n, symbols]`` is in phase."""
    # a square with its corners at odd multiples of 45 degrees has a negative fourth power
    sign = -1 if fold == 4 else 1
    return np.exp(-1j * np.angle(sign * (found**fold).sum(1, keepdims=True)) / fold)


def _fit(found: Complexes, side: int) -> Complexes:
    """Gain and rotation ``[n, 1]`` that bring symbols closest to a square of `side` levels.

    A frame has too few symbols for their fourth power or their mean power to tell either.
    """
    unit = np.sqrt(2 * (side**2 - 1) / 3)  # root of the power of levels 2 apart
    turns = np.exp(0.5j * np.pi * np.arange(45) / 45)
    tried = (np.linspace(0.7, 1.4, 36)[:, None] * turns).ravel()
    best = np.empty((len(found), 1), complex)
    for row, own in enumerate(found):
        moved = own * tried[:, None] * unit
        error = (np.abs(moved - _nearest(moved, side)) ** 2).sum(1) / np.abs(tried) ** 2
        best[row] = tried[error.argmin()]
    return best


def _nearest(points: Complexes, side: int) -> Complexes:
    def level(values: Floats) -> Floats:
        odd = 2 * np.round((values + side - 1) / 2) - side + 1
        return np.clip(odd, 1 - side, side - 1)

    return level(points.real) + 1j * level(points.imag)


def _grid_side(name: str) -> int | None:
    """Levels of I and of Q of a square QAM; None for other modulations."""
    order = re.fullmatch(r"QAM(\d+)|(\d+)QAM", name)
    side = int(order[1] or order[2]) ** 0.5 if order else 0.0
    return int(side) if side and side.is_integer() else None


def _interpolate(samples: Complexes) -> Complexes:
    """Complex ``[n, length]`` at `_FINER` times the rate, by zeros in its spectrum."""
    count, length = samples.shape
    spectrum = np.fft.fft(samples, axis=1)
    middle = np.zeros((count, (_FINER - 1) * length))
    padded = np.concatenate(
        [spectrum[:, : length // 2], middle, spectrum[:, length // 2 :]], axis=1
    )
    return np.fft.ifft(padded, axis=1) * _FINER
