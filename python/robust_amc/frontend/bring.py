"""From a signal among samples to frames as a model takes them, with nothing known beforehand."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from ..arrays import Complexes
from .analyze import Signal, analyze
from .chirps import CHIRPED, chirped
from .normalize import by_width, follow_carrier, normalize
from .occupied import BINS, Band
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
            symbol rate was found, or the same comes again and again: a tone in FM, no symbols; none
            of a carrier that is swept: chirps
        rate: symbols a sample that they were brought to; of an analog signal that of
            :func:`by_width`; None: there are no frames
    """

    known: Signal
    frames: Complexes
    rate: float | None = None


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
    analog: bool = False,
) -> Brought:
    """The frames of a signal in `band` of `samples` ``[n]``, which hold little else.

    Its rate and carrier are estimated where it is strongest; see :func:`normalize` and
    :func:`follow_carrier` for what is done with them. At most `most_frames` are made, of where it
    is strongest. With `analog`, a signal without symbols has frames too, for models that know
    such signals as :func:`by_width` brings them. Raises UserError as :func:`analyze` does.
    """
    analyzed = _strongest_part(samples, ANALYZED)
    known = analyze(analyzed, band)
    rate, carrier = known.symbol_rate.rate, known.carrier.frequency
    has_symbols = rate is not None
    if not has_symbols and analog and len(analyzed) >= BINS:
        carrier, rate = by_width(analyzed, band, strict=True) or (carrier, None)
    if rate is None:
        return Brought(known, np.zeros((0, frame_length), complex))
    if most_frames is not None:
        wanted = most_frames * frame_length / (samples_per_symbol * rate)
        samples = _strongest_part(samples, max(ANALYZED, int(SPARE * wanted)))
    brought = normalize(samples, carrier, rate, samples_per_symbol)
    kept = brought[DROPPED : len(brought) - DROPPED]
    pieces = kept[: len(kept) // frame_length * frame_length].reshape(-1, frame_length)
    if len(pieces):
        power = np.mean(np.abs(pieces) ** 2, 1)
        pieces = pieces[power > PAUSE * np.quantile(power, 0.9)]
        if known.carrier.is_of_square:
            block = FOLLOWED * frame_length
            followed = follow_carrier(pieces.ravel(), 1 / samples_per_symbol, block)
            pieces = followed.reshape(-1, frame_length)
        is_tone = has_symbols and periodicity(pieces, 2 * samples_per_symbol) > PERIODIC
        if is_tone or chirped(kept) > CHIRPED:
            pieces = pieces[:0]
    return Brought(known, pieces[:most_frames], rate if len(pieces) else None)


def _strongest_part(samples: Complexes, length: int) -> Complexes:
    """So many samples with the most power: a burst, and not the pause before it."""
    if len(samples) <= length:
        return samples
    hop = length // 4
    power = np.add.reduceat(np.abs(samples) ** 2, np.arange(0, len(samples), hop))
    start = int(np.convolve(power, np.ones(4), "valid").argmax()) * hop
    return samples[start : start + length]
