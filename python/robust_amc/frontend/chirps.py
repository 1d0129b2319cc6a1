"""Whether a carrier is swept: chirps, of radar or of spread spectrum as LoRa's."""

import numpy as np

from ..arrays import Complexes

# Above which a carrier is swept. Chirps in noise 10 dB down have 0.36 and more; FM and SSB of
# speech 0.28 at most in 4096 samples, 0.21 in 8192
CHIRPED = 0.33
WINDOWS = (256, 512, 1024, 2048, 4096, 8192)  # samples: of a chirp, or a part of it
FEWEST = 15  # windows, which overlap by half
SHORTEST, LONGEST = 1 << 12, 1 << 16  # samples that are examined
OFF = 3  # bins from 0, of a window's spectrum, that a line begins at


def chirped(samples: Complexes) -> float:
    """How much of the power of `samples` ``[n]`` is in a carrier that is always swept alike, 0 … 1.

    The product of samples and earlier ones, conjugated, is a tone where the frequency rises or
    falls evenly: the lag times the slope, the same in every chirp, however it is shifted. Products
    of half a window each are averaged as by Welch's method, all windows alike. Counted is the share
    of the strongest line beyond 0 less that of its mirror image: what does not run in one
    direction, as any modulation with the same statistics at all times, has both alike, and of
    speech in FM or SSB each window has a line of its own. 0 for fewer than 4096 samples.
    """
    if len(samples) < SHORTEST:
        return 0.0
    return max(_share(samples[:LONGEST], window) for window in WINDOWS)


def _share(samples: Complexes, window: int) -> float:
    half = window // 2
    if len(samples) < (FEWEST + 1) * half:
        return 0.0
    pieces = np.lib.stride_tricks.sliding_window_view(samples, window)[::half]
    products = pieces[:, half:] * pieces[:, :half].conj()
    power = np.abs(np.fft.fft(products * np.hanning(half))) ** 2
    density = (power / np.maximum(power.sum(1, keepdims=True), 1e-300)).mean(0)
    line = density + np.roll(density, 1) + np.roll(density, -1)  # of a Hann window's main lobe
    line -= np.roll(line[::-1], 1)  # bin k less bin -k
    return float(line[OFF : half - OFF + 1].max())
