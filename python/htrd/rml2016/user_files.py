# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own text and audio as source material, read a run at a time.

A run in legacy mode gets the beginning of the file, as in the original; a run in
corrected mode a piece from a random place.
"""

import math
import os
import wave
from contextlib import contextmanager

import numpy as np
from robust_amc.errors import UserError
from scipy import signal

RATES = (4_000, 384_000)  # Hz, of audio files
_SILENT = 10 ** (-60 / 20)  # largest value of a piece that counts as silent, full scale 1
_TRIES = 100


def check_text(path, least):
    """UserError unless `path` is a file of at least `least` bytes."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise _unreadable(path, error) from None
    if size < least:
        raise UserError(f"{path} has {size} bytes; a run needs {least}: give a longer text")


def text(path, count, rng=None):
    """`count` bytes of a file, uint8 ``[count]``: its beginning, or with `rng` a random piece."""
    try:
        with open(path, "rb") as file:
            if rng is not None:
                spare = file.seek(0, os.SEEK_END) - count
                file.seek(int(rng.integers(spare, endpoint=True)))
            return np.frombuffer(file.read(count), np.uint8)
    except OSError as error:
        raise _unreadable(path, error) from None


def check_audio(path, seconds):
    """UserError unless `path` is a 16-bit WAV file of at least `seconds`."""
    with _opened(path) as recording:
        size = recording.getnframes() * recording.getnchannels() * recording.getsampwidth()
        length = recording.getnframes() / recording.getframerate()
    if size > os.path.getsize(path):
        raise UserError(f"{path} ends before the audio that it announces; copy it again")
    if length < seconds:
        raise UserError(f"{path} has {length:.3f} s of audio; a run needs {seconds:.3f} s")


def audio_beginning(path, count, rate):
    """The first `count` samples of a WAV file at `rate` Hz, float64 ``[count]``, full scale 1."""
    with _opened(path) as recording:
        return _piece(recording, 0, count, rate)


def audio_somewhere(path, count, rate, rng):
    """`count` samples at `rate` Hz from a random place that is not silent, float64 ``[count]``.

    Raises UserError when none is found.
    """
    with _opened(path) as recording:
        last = recording.getnframes() - _frames(count, rate, recording.getframerate())
        for _ in range(_TRIES):
            piece = _piece(recording, int(rng.integers(last, endpoint=True)), count, rate)
            if np.abs(piece).max() > _SILENT:
                return piece
    raise UserError(f"{path} is silent nearly everywhere; give audio with sound in it")


def _frames(count, rate, file_rate):
    return math.ceil(count * file_rate / rate)


def _piece(recording, start, count, rate):
    channels, file_rate = recording.getnchannels(), recording.getframerate()
    recording.setpos(start)
    raw = recording.readframes(_frames(count, rate, file_rate))
    samples = np.frombuffer(raw, "<i2")[::channels] / 32768
    if file_rate != rate:
        samples = signal.resample_poly(samples, int(rate), file_rate)
    if len(samples) < count:
        raise UserError("the audio file ends too early; is it being written?")
    return samples[:count]


@contextmanager
def _opened(path):
    """An open WAV file that this module can read; UserError for any other."""
    try:
        with wave.open(str(path)) as recording:
            _check_form(recording, path)
            yield recording
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends too early"
        raise UserError(
            f"{path} is not a WAV file of PCM samples ({reason}); convert it to one"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _check_form(recording, path):
    if recording.getsampwidth() != 2:
        bits = 8 * recording.getsampwidth()
        raise UserError(f"{path} has {bits}-bit samples; convert it to a 16-bit WAV file")
    if not RATES[0] <= recording.getframerate() <= RATES[1]:
        raise UserError(
            f"{path} has a rate of {recording.getframerate()} Hz; "
            f"it must lie in {RATES[0]} … {RATES[1]} Hz"
        )


def _unreadable(path, error):
    return UserError(f"cannot read {path}: {error.strerror or error}")
