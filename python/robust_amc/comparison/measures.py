"""What can be measured on the frames of an unknown transmitter, without its label or level.

The noise floor is the power beyond 0.3 of the sample rate from the carrier (60 kHz of the
nominal 200 kHz), in the spectrum through a Hann window: the signal is expected inside. A
frame's value is NaN where its SNR is too low for the measure.
"""

from dataclasses import dataclass

import numpy as np

from .. import frames, power
from ..arrays import Bools, Complexes, Floats
from ..errors import UserError

SHORTEST = 32  # samples in a frame: below, the noise band has too few bins
BAND = 0.3  # of the sample rate: farther from the carrier, all power is taken for noise
_DEPENDENT_BINS = 1.94  # so many neighboring bins of a Hann spectrum count as one
_LOWEST_RATIO = 1e-9  # of signal to noise, where the signal is below the noise floor
_SMOOTHER = 16  # samples, two symbols: what is left is the carrier and slow audio
_BARE_RIPPLE = 0.015  # of the envelope, standard deviation over mean
_BARE_TURN = 0.15  # radians, of the phase from its smallest to its largest value


@dataclass(frozen=True)
class Measure:
    """A measure: what it is called, from which SNR on it holds, and which difference matters.

    `tolerance` is absolute, or a share of the value if `relative`.
    """

    name: str
    title: str
    tolerance: float
    needs_snr_db: float = -np.inf
    relative: bool = False


MEASURES = (
    Measure("snr_db", "SNR", 1.5),
    Measure("energy", "energy", 0.05, relative=True),
    Measure("bandwidth", "bandwidth", 0.005, needs_snr_db=15),
    Measure("c40", "C40", 0.15, needs_snr_db=5),
    Measure("c42", "C42", 0.15, needs_snr_db=5),
    Measure("bare", "bare carriers", 0.1, needs_snr_db=10),
)


def measure(iq: Floats) -> dict[str, Floats]:
    """Every measure of each frame.

    - `snr_db`: power in the band over the noise floor
    - `energy`: ‖x‖² of the frame scaled so that the magnitudes of its samples add up to 1,
      as RadioML scales: 1/length for a constant envelope, 4/π of that for noise
    - `bandwidth`: share of the sample rate that holds 99 % of the power above the noise
      floor, 0.5 % being left out at either side
    - `c40`, `c42`: |C40| and C42 over the squared power of the signal, that is C21 less the
      noise (A. Swami and B. M. Sadler, "Hierarchical digital modulation classification
      using cumulants", IEEE Trans. Commun. 48(3), 2000), of all samples of the frame,
      between the symbols too, a carrier included; Gaussian noise adds nothing to C40, C42
    - `bare`: 1 for a bare carrier, else 0. Both the envelope and the phase stand still,
      smoothed over 16 samples: what remains is no more than noise leaves of a carrier

    Args:
        iq: real ``[n, 2, length]``, none all zero

    Returns a dictionary of float64 ``[n]`` by the names of MEASURES. Raises UserError when
    the frames are shorter than 32 samples.
    """
    samples = frames.to_complex(iq).astype(np.complex128)
    spectra = spectrum(samples)
    noise, ratio = _noise_and_ratio(spectra)
    magnitude = np.abs(samples)
    c40, c42 = _cumulants(samples, noise)
    values = {
        "snr_db": power.to_db(ratio),
        "energy": (magnitude**2).sum(1) / magnitude.sum(1) ** 2,
        "bandwidth": _bandwidth(spectra - noise[:, None]),
        "c40": c40,
        "c42": c42,
        "bare": _is_bare(samples, ratio),
    }
    for each in MEASURES:
        values[each.name][values["snr_db"] < each.needs_snr_db] = np.nan
    return values


def spectrum(samples: Complexes) -> Floats:
    """Power spectra of complex frames ``[n, length]``, frequency 0 in the middle.

    White noise has the value of its power in every bin.
    """
    window = _window(samples.shape[1])
    transformed = np.fft.fftshift(np.fft.fft(samples * window, axis=1), axes=1)
    return np.abs(transformed) ** 2 / (window**2).sum()


def median_spectrum(spectra: Floats) -> Floats:
    """The usual spectrum ``[length]`` among ``[n, length]``, of frames with the power 1.

    The median of each bin: a few frames in which the transmitter was off do not show.
    """
    return np.median(spectra / spectra.mean(1, keepdims=True), axis=0)


def frequencies(length: int) -> Floats:
    """Frequency of each bin of `spectrum`, as a share of the sample rate."""
    return np.fft.fftshift(np.fft.fftfreq(length, 1.0))


def noise_bins(length: int) -> Bools:
    """Which bins of `spectrum` are taken for noise, bool ``[length]``."""
    return np.abs(frequencies(length)) > BAND


def snr_db(spectra: Floats) -> Floats:
    """SNR by the noise floor of each of the spectra ``[n, length]``, dB ``[n]``."""
    return power.to_db(_noise_and_ratio(spectra)[1])


def lowest_snr_db(length: int) -> float:
    """SNR that a frame of `length` samples must have for it to be measured.

    The signal is then three times the random scatter of the noise floor: -2.4 dB for 128.
    """
    return float(power.to_db(3 / np.sqrt(_independent(noise_bins(length)))))


def fills_band(spectra: Floats) -> bool:
    """Whether the signal reaches into the noise band, so that no noise floor can be seen.

    It does when the inner half of that band, up to 0.4 of the sample rate, is above the
    outer half: in the median over frames by 0.5 dB and two standard errors.
    """
    offset = np.abs(frequencies(spectra.shape[1]))
    inner = (offset > BAND) & (offset <= (BAND + 0.5) / 2)
    outer = offset > (BAND + 0.5) / 2
    excess = power.to_db(spectra[:, inner].mean(1)) - power.to_db(spectra[:, outer].mean(1))
    scatter = 10 / np.log(10) * np.sqrt(1 / _independent(inner) + 1 / _independent(outer))
    error = np.sqrt(np.pi / 2) * scatter / np.sqrt(len(spectra))  # of a median
    return bool(np.median(excess) > 0.5 + 2 * error)


def _noise_and_ratio(spectra: Floats) -> tuple[Floats, Floats]:
    """Power of the noise and ratio of the signal's to it, each ``[n]`` and positive."""
    total = spectra.mean(1)
    noise = spectra[:, noise_bins(spectra.shape[1])].mean(1)
    noise = np.maximum(noise, _LOWEST_RATIO * total)  # a simulated signal may have none
    return noise, np.maximum(total / noise - 1, _LOWEST_RATIO)


def _independent(bins: Bools) -> float:
    return bins.sum() / _DEPENDENT_BINS


def _window(length: int) -> Floats:
    if length < SHORTEST:
        raise UserError(f"frames of {length} samples are too short to measure; {SHORTEST} will do")
    return np.hanning(length + 2)[1:-1]


def _bandwidth(signal: Floats) -> Floats:
    """Width that holds 99 % of spectra ``[n, length]`` without their noise, of the sample rate."""
    count, length = signal.shape
    inside = np.where(noise_bins(length), 0, signal)
    total = inside.sum(1, keepdims=True)
    share = np.cumsum(inside / np.where(total > 0, total, 1), axis=1)
    share = np.concatenate([np.zeros((count, 1)), share], axis=1)  # at the edges of the bins
    return (_crossing(share[:, ::-1], 0.995, length) - _crossing(share, 0.005, 0)) / length


def _crossing(share: Floats, level: float, start: int) -> Floats:
    """Where ``[n, edges]`` first passes `level`, between two edges, counted from edge `start`.

    A rising share is read from the left (`start` 0), a falling one from its other end.
    """
    direction = 1 if start == 0 else -1
    beyond = direction * share > direction * level
    after = np.maximum(beyond.argmax(1), 1)
    rows = np.arange(len(share))
    before, behind = share[rows, after - 1], share[rows, after]
    step = np.where(behind == before, 1, behind - before)
    return start + direction * (after - 1 + (level - before) / step)


def _cumulants(samples: Complexes, noise: Floats) -> tuple[Floats, Floats]:
    """|C40| and C42, each ``[n]``, over the squared power of the signal."""
    square, total = samples**2, np.mean(np.abs(samples) ** 2, axis=1)
    c20 = square.mean(1)
    signal = np.maximum(total - noise, _LOWEST_RATIO * total) ** 2
    c40 = (square**2).mean(1) - 3 * c20**2
    c42 = np.mean(np.abs(square) ** 2, axis=1) - np.abs(c20) ** 2 - 2 * total**2
    return np.abs(c40) / signal, c42 / signal


def _is_bare(samples: Complexes, ratio: Floats) -> Floats:
    """1.0 for the frames that are a carrier and noise, ``[n]``; `ratio` is of their powers."""
    sums = np.cumsum(samples, axis=1)
    smooth = (sums[:, _SMOOTHER:] - sums[:, :-_SMOOTHER])[:, :: _SMOOTHER // 2]
    envelope = np.abs(smooth)
    ripple = envelope.std(1) / np.maximum(envelope.mean(1), np.finfo(float).tiny)
    turn = np.ptp(np.unwrap(np.angle(smooth), axis=1), axis=1)
    left = 1 / np.sqrt(2 * _SMOOTHER * ratio)  # noise in the envelope, and radians in the phase
    still = ripple < np.maximum(_BARE_RIPPLE, 2 * left)
    return (still & (turn < np.maximum(_BARE_TURN, 6 * left))).astype(float)
