# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech-like audio, made from a seed: what the corrected mode's analog classes send.

A source and a filter, as in a vocoder: the harmonics of a moving pitch, weighted by moving
formants, in syllables; between them hiss (consonants) or a short pause. It is nobody's
speech and says nothing, but its spectrum, envelope and pitch move like a voice's. No pause
is longer than 40 ms, so no stretch of a tenth of a second is silent.
"""

import numpy as np

BANDWIDTH = 4e3  # Hz, of what `voice_band` leaves
_LOW_EDGE, _HIGH_EDGE = (150.0, 300.0), (3400.0, BANDWIDTH)  # Hz, where it rises and falls
_RATE = 10e3  # Hz, at which the voice is computed before it is interpolated
_PITCH = (85.0, 240.0)  # Hz, of a speaker
# ((lowest, highest frequency in Hz), gain) of the formants of all vowels together
_FORMANTS = (((280.0, 800.0), 1.0), ((850.0, 2300.0), 0.6), ((2300.0, 3000.0), 0.3))
_FORMANT_WIDTH = 110.0  # Hz
_VOWEL = 0.08  # s, from one vowel to the next
_TILT = 0.6  # of the harmonics' amplitude, as a power of their frequency
_SYLLABLE, _HISS, _PAUSE = (0.09, 0.20), (0.03, 0.08), (0.02, 0.04)  # s
_RAMP = 0.012  # s, from one sound to the next; a part of the later one
_HISS_LEVEL = 0.2


def voice_band(audio, rate):
    """`audio` limited to a telephone's band, float64 ``[n]``: flat from 300 to 3400 Hz.

    Nothing is left below 150 Hz and above BANDWIDTH. The ends of the array wrap around.
    """
    frequency = np.fft.rfftfreq(len(audio), 1 / rate)
    gain = np.interp(frequency, [*_LOW_EDGE, *_HIGH_EDGE], [0, 1, 1, 0])
    return np.fft.irfft(gain * np.fft.rfft(audio), len(audio))


def speech(rng, count, rate):
    """`count` samples of speech-like audio at `rate` Hz, float64 ``[count]``, largest value 1."""
    seconds = count / rate
    time = np.arange(int(np.ceil(seconds * _RATE))) / _RATE
    voiced, hissing = _envelopes(rng, time, seconds)
    hiss = np.diff(rng.standard_normal(len(time) + 1))  # louder toward high frequencies
    slow = voiced * _voice(rng, time, seconds) + hissing * hiss
    audio = np.interp(np.arange(count) / rate, time, slow)
    audio = voice_band(audio, rate)  # also removes the images of the interpolation
    return audio / np.abs(audio).max()


def _envelopes(rng, time, seconds):
    """Levels of the voice and of the hiss over `time`: syllables, consonants, pauses."""
    start, edges, levels = -rng.uniform(0, _SYLLABLE[1]), [], []
    while start < seconds:
        consonant = rng.random() < 0.6
        for length, voice, hiss in (
            (rng.uniform(*_SYLLABLE), rng.uniform(0.5, 1.0), 0.0),
            (rng.uniform(*(_HISS if consonant else _PAUSE)), 0.0, _HISS_LEVEL * consonant),
        ):
            edges += [start + _RAMP, start + length]  # the ramp follows the sound before
            levels += [(voice, hiss)] * 2
            start += length
    voice, hiss = np.transpose(levels)
    return np.interp(time, edges, voice), np.interp(time, edges, hiss)


def _voice(rng, time, seconds):
    """Harmonics of a moving pitch, weighted by moving formants."""
    pitch = rng.uniform(*_PITCH) * np.exp(_track(rng, time, seconds, 0.08 * np.array([-1, 1])))
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE
    order = np.arange(1, int(BANDWIDTH / pitch.min()) + 1)[:, None]
    frequency = order * pitch
    resonance = sum(
        gain / (1 + ((frequency - _track(rng, time, seconds, span)) / _FORMANT_WIDTH) ** 2)
        for span, gain in _FORMANTS
    )
    weight = resonance * frequency**-_TILT * (frequency < BANDWIDTH)
    voice = (weight * np.sin(order * phase)).sum(0)
    return voice / np.sqrt(np.mean(voice**2))


def _track(rng, time, seconds, span):
    """A value that wanders through `span`, to another place in it each _VOWEL seconds."""
    knots = np.arange(0, seconds + _VOWEL, _VOWEL)
    return np.interp(time, knots, rng.uniform(*span, len(knots)))
