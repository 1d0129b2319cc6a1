# SPDX-License-Identifier: GPL-3.0-or-later
"""Source material of the data-set generator: text and quiet audio, made here.

The original generator read a play and a podcast from the beginning in every run.
Neither is needed: what the frames keep of the text is its letter statistics, which
the scrambler hides, and of the audio that its first quarter of a second is nearly
silent. Everything below is computed from a seed, so no license applies to it.

Departures from the original: every run has other text and other audio instead of the
same beginning of the same file. (`user_files` reads the user's own.)
"""

import numpy as np

from . import user_files

AUDIO_RATE = 44.1e3  # Hz
SCRAMBLER_LENGTH = 256  # bits

# Letter frequencies of English text in per mille, common knowledge among code breakers.
_LETTERS = dict(
    zip(
        "etaoinshrdlcumwfgypbvkjxqz",
        (127, 91, 82, 75, 70, 67, 63, 61, 60, 43, 40, 28, 28, 24, 24, 22, 20, 20, 19, 15, 10, 8)
        + (2, 2, 1, 1),
        strict=True,
    )
)

# Calibrated on real RML2016.10b frames at labels >= 8 dB: the share of silence, and how
# loud the rest is. What can be heard there is a weak ringing near 2.2 kHz.
SILENT_SHARE = (0.41, 0.89)  # of a run, uniform
LEVEL_MEDIAN = 0.011  # peak amplitude, full scale 1; log-normal over short segments
LEVEL_SIGMA = 0.9  # of its natural logarithm
LEVEL_MAX = 0.5  # the original scaled its audio to |a| <= 0.5


def text(rng, count):
    """English-like ASCII text of `count` letters, uint8 ``[count]``."""
    letters = np.frombuffer("".join(_LETTERS).encode(), np.uint8)
    weight = np.array(list(_LETTERS.values()), float)
    letters = rng.choice(letters, count, p=weight / weight.sum())
    ends = np.cumsum(rng.poisson(3.7, count) + 2)  # a word and its space: 5.7 on average
    ends = ends[ends < count]
    letters[ends - 1] = ord(" ")
    sentence = ends[rng.random(len(ends)) < 1 / 12]
    letters[sentence - 2] = ord(".")
    letters[sentence] &= 0xDF  # upper case
    return letters


def text_bytes(bits):
    """Bytes of text that `bits` bits take."""
    return -(-bits // 8)


def bits(rng, count, path=None, anywhere=False):
    """Scrambled text, uint8 ``[count]`` of 0 and 1.

    Unpacked least significant bit first and XORed with 256 random bits repeated, as in
    the original. The text is the beginning of the file `path`, or a piece from `anywhere`
    in it; made here without a file.
    """
    size = text_bytes(count)
    letters = user_files.text(path, size, rng if anywhere else None) if path else text(rng, size)
    plain = np.unpackbits(letters, bitorder="little")[:count]
    key = rng.integers(0, 2, SCRAMBLER_LENGTH, dtype=np.uint8)
    return plain ^ np.resize(key, count)


def audio(rng, count):
    """The beginning of a recording: silence and a little sound, float32 ``[count]``.

    The sound is noise through a resonance near 2.2 kHz whose level changes every few
    milliseconds; the silence is digital, and lies at a random place of the run.
    """
    frequency = np.fft.rfftfreq(count, 1 / AUDIO_RATE)
    center, width = rng.uniform(1.7e3, 2.7e3), rng.uniform(150, 500)  # Hz
    shape = np.exp(-0.5 * ((frequency - center) / width) ** 2)
    spectrum = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
    ringing = np.fft.irfft(shape * spectrum, count)
    ringing /= ringing.std() * np.sqrt(2)  # a steady tone of this power has the amplitude 1

    segments = np.arange(0, count + 1, 441)  # 10 ms
    level = np.exp(rng.normal(np.log(LEVEL_MEDIAN), LEVEL_SIGMA, len(segments)))
    envelope = np.interp(np.arange(count), segments, level)
    envelope[: int(rng.uniform(*SILENT_SHARE) * count)] = 0
    sound = np.roll(np.clip(envelope * ringing, -LEVEL_MAX, LEVEL_MAX), rng.integers(count))
    return sound.astype(np.float32)
