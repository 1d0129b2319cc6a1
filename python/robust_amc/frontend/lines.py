"""Spectral lines: how far the largest one stands out of what is around it."""

from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Complexes, Floats

PADDING = 2  # of the transform, so that a line between two bins is not half lost
NEIGHBORS = 101  # bins that the level around a line is taken from
LEAST = 0.05  # of the median power of all bins: no level is taken for lower
HIGHEST = 0.48  # cycles a sample
HIGH = 40  # largest lines that pairs are made of
TINY = 1e-300  # in place of a magnitude of 0
FEWEST = 4  # bins to look at; fewer have no level of their own


@dataclass(frozen=True)
class Line:
    """The largest line of a range.

    Attributes:
        frequency: in cycles a sample, between bins
        evidence: natural logarithm of how much less likely such a line is among this many bins
            of noise than one per search; 0 and less means nothing
        searched: bins that were looked at
    """

    frequency: float
    evidence: float
    searched: int


NONE = Line(0.0, -np.inf, 0)


def power(values: Array) -> Floats:
    """Squared magnitudes of the windowed transform of `values` ``[n]`` without its mean.

    ``[PADDING · n]``, frequencies as those of numpy.fft.fftfreq.
    """
    values = values - values.mean()
    size = PADDING * len(values)
    values = values * np.hanning(len(values))
    if np.iscomplexobj(values):
        return _squared(np.fft.fft(values, size))
    half = _squared(np.fft.rfft(values, size))
    return np.concatenate([half, half[(size - 1) // 2 : 0 : -1]])  # the same at negative ones


def of_power(samples: Complexes, order: int) -> Floats:
    """:func:`power` of the `order`-th power of `samples`, whatever their unit is."""
    largest = max(float(np.abs(samples).max()), TINY)
    return power((samples / largest) ** order)


def _squared(spectrum: Complexes) -> Floats:
    return spectrum.real**2 + spectrum.imag**2


def largest(power: Floats, low: float, high: float) -> Line:
    """The largest line from `low` to `high` in cycles a sample; NONE in too few bins.

    In noise, the power of a bin has an exponential distribution, whose mean is
    taken from the median of the bins around it.
    """
    size = len(power)
    low, high = max(low, -HIGHEST), min(high, HIGHEST)
    first, last = int(np.ceil(low * size)), int(np.floor(high * size))
    if last - first + 1 < FEWEST:
        return NONE
    # Some more on both sides, to know the level at the ends
    margin = min(NEIGHBORS // 2, size - (last - first + 1))
    bins = np.arange(first - margin, last + margin + 1)
    values = power[bins % size]
    height = values / _level(values)
    inside = height[margin : len(height) - margin]
    place = int(inside.argmax())
    evidence = float(inside[place] - np.log(len(inside)))
    return Line((first + place + _between(height, place + margin)) / size, evidence, len(inside))


def pair(power: Floats, low: float, high: float, reach: float) -> Line:
    """The distance of two lines, `low` to `high` apart and with their middle within `reach` of 0.

    Of all pairs the one whose smaller line is the largest; its evidence is that line's. NONE where
    no pair fits. All in cycles a sample.
    """
    size = len(power)
    values = np.fft.fftshift(power)
    height = values / _level(values)
    inner = height[1:-1]
    tops = 1 + np.flatnonzero((inner > height[:-2]) & (inner >= height[2:]))
    tops = tops[np.argsort(height[tops])[-HIGH:]]
    place = np.array([top + _between(height, top) for top in tops]) / size - size // 2 / size
    first, second = np.triu_indices(len(tops), 1)
    distance = np.abs(place[first] - place[second])
    fits = (distance >= low) & (distance <= high)
    fits &= np.abs(place[first] + place[second]) <= 2 * reach
    fits &= np.maximum(np.abs(place[first]), np.abs(place[second])) <= HIGHEST
    if not fits.any():
        return NONE
    smaller = np.where(fits, np.minimum(height[tops[first]], height[tops[second]]), -np.inf)
    best = int(smaller.argmax())
    return Line(float(distance[best]), float(smaller[best] - np.log(size)), size)


def _level(values: Floats) -> Floats:
    """The mean power of noise around each bin."""
    half = NEIGHBORS // 2
    centers = np.unique(np.r_[np.arange(0, len(values), half), len(values) - 1])
    # Most windows are whole: one call for all of them
    inside = (centers >= half) & (centers + half < len(values))
    medians = np.empty(len(centers))
    if inside.any():
        windows = np.lib.stride_tricks.sliding_window_view(values, 2 * half + 1)
        medians[inside] = np.median(windows[centers[inside] - half], 1)
    for place in np.flatnonzero(~inside):
        center = centers[place]
        medians[place] = np.median(values[max(0, center - half) : center + half + 1])
    # Where a filter has left nothing, rounding would make lines
    least = max(LEAST * float(np.median(values)), 1e-300)
    return np.interp(np.arange(len(values)), centers, np.maximum(medians, least)) / np.log(2)


def _between(height: Floats, place: int) -> float:
    """Where the top of a parabola through a bin and its neighbors lies, -0.5 … 0.5 bins off."""
    if not 0 < place < len(height) - 1:
        return 0.0
    before, here, after = np.sqrt(height[place - 1 : place + 2])
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
