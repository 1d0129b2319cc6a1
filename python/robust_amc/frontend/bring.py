"""From a signal among samples to frames as a model takes them, with nothing known beforehand."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from ..arrays import Complexes
from .analyze import Signal, analyze
from .normalize import follow_carrier, normalize
from .occupied import Band
from .periodicity import PERIODIC, periodicity

OVERSAMPLED = 10  # times the band's width that is kept: GFSK's symbol rate may be four times it
ANALYZED = 1 << 16  # samples at that rate that rate and carrier are taken from
FOLLOWED = 4  # frames after which the carrier is looked for again
PAUSE = 0.5  # of the strong frames' power, below which there is no signal
SPARE = 3  # times the samples that the wanted frames take: there may be pauses
DROPPED = 64  # samples at either end, which the filters have not filled


@dataclass(frozen=True)
class Brought:
    """A signal's frames, and what was found on the way.

    Attributes:
        known: Signal, in cycles and symbols a sample of what was given
        frames: complex ``[n, frame_length]``, one after the other but for pauses; none where no
            symbol rate was found, or the same comes again and again: a tone in FM, no symbols
    """

    known: Signal
    frames: Complexes


def reduced(samples: Complexes, band: Band) -> tuple[Complexes, int]:
    """The middle of a band of `samples` ``[n]`` at 0, at a rate 1 / factor; and the factor.

    The factor leaves ten times the band's width.
    """
    moved = samples * np.exp(-2j * np.pi * band.center * np.arange(len(samples)))
    factor = max(1, int(1 / (OVERSAMPLED * band.width)))
    return np.asarray(resample_poly(moved, 1, factor) if factor > 1 else moved), factor


def bring(
    samples: Complexes,
    band: Band,
    frame_length: int,
    samples_per_symbol: int = 8,
    most_frames: int | None = None,
) -> Brought:
    """The frames of a signal in `band` of `samples` ``[n]``, which hold little else.

    Its rate and carrier are estimated where it is strongest; see :func:`normalize` and
    :func:`follow_carrier` for what is done with them. At most `most_frames` are made, of where it
    is strongest. Raises UserError as :func:`analyze` does.
    """
    known = analyze(_strongest_part(samples, ANALYZED), band)
    rate = known.symbol_rate.rate
    if rate is None:
        return Brought(known, np.zeros((0, frame_length), complex))
    if most_frames is not None:
        wanted = most_frames * frame_length / (samples_per_symbol * rate)
        samples = _strongest_part(samples, max(ANALYZED, int(SPARE * wanted)))
    brought = normalize(samples, known.carrier.frequency, rate, samples_per_symbol)
    kept = brought[DROPPED : len(brought) - DROPPED]
    pieces = kept[: len(kept) // frame_length * frame_length].reshape(-1, frame_length)
    if len(pieces):
        power = np.mean(np.abs(pieces) ** 2, 1)
        pieces = pieces[power > PAUSE * np.quantile(power, 0.9)]
        if known.carrier.is_of_square:
            block = FOLLOWED * frame_length
            followed = follow_carrier(pieces.ravel(), 1 / samples_per_symbol, block)
            pieces = followed.reshape(-1, frame_length)
        if periodicity(pieces, 2 * samples_per_symbol) > PERIODIC:
            pieces = pieces[:0]
    return Brought(known, pieces[:most_frames])


def _strongest_part(samples: Complexes, length: int) -> Complexes:
    """So many samples with the most power: a burst, and not the pause before it."""
    if len(samples) <= length:
        return samples
    hop = length // 4
    power = np.add.reduceat(np.abs(samples) ** 2, np.arange(0, len(samples), hop))
    start = int(np.convolve(power, np.ones(4), "valid").argmax()) * hop
    return samples[start : start + length]
