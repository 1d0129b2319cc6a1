# SPDX-License-Identifier: GPL-3.0-or-later
"""What the generator is asked for, and what is wrong with it."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from robust_amc.errors import UserError

from . import user_files
from .flowgraph import MODES
from .modulators import CLASSES, SAMPLES_PER_SYMBOL
from .source_material import text_bytes

FRAME_LENGTH = 128
MAX_SAMPLES_PER_SYMBOL = 100


@dataclass(frozen=True)
class Settings:
    """What decides the frames of a data set.

    Attributes:
        classes: names; None for all 11
        snr_db: SNR labels in dB; None for -20, -18 … 18, in mode field -4, -2 … 30
        frames_per_key: frames of each (class, SNR label)
        seed: not negative; the same seed gives the same bytes
        frames_per_run: maximum number of frames of one run, for small sets that shall have
            several runs a key; None takes all, about 36 of 128 samples, as the original, in
            mode field 8
        mode: "legacy" (as RML2016.10a), "corrected" (the label is the true SNR) or "field" (as
            behind a receiver and the front end)
        frame_length: samples
        samples_per_symbol: of the digital classes, a whole number; in mode field, of the frames
        sampling_offset: samples, 0 <= offset < 1, by which the receiver samples later
        text: path of a file whose bytes the digital classes send; None: made here
        audio: path of a 16-bit WAV file that the analog classes send; None: made here
        frame_metadata: whether the true SNR, the carrier offset and the channel of each
            frame are kept

    Raises UserError for a wrong value.
    """

    classes: tuple | None = None
    snr_db: tuple | None = None
    frames_per_key: int = 1000
    seed: int = 0
    frames_per_run: int | None = None
    mode: str = "legacy"
    frame_length: int = FRAME_LENGTH
    samples_per_symbol: int = SAMPLES_PER_SYMBOL
    sampling_offset: float = 0.0
    text: str | None = None
    audio: str | None = None
    frame_metadata: bool = False

    def __post_init__(self):
        if self.mode not in MODES:
            raise UserError(f"unknown mode {self.mode!r}; there are {', '.join(MODES)}")
        for name, every in (("classes", CLASSES), ("snr_db", MODES[self.mode].snr_db)):
            values = getattr(self, name)
            object.__setattr__(self, name, tuple(every if values is None else values))
        self._check_keys()
        self._check_numbers()
        self._check_frame_length()
        self._check_files()

    @property
    def keys(self):
        """(class, SNR label) of the data set, in its order."""
        return [(name, float(level)) for name in self.classes for level in self.snr_db]

    def record(self):
        """The settings as JSON can hold them; files by name and content, not by place."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["snr_db"] = [float(level) for level in self.snr_db]
        values["classes"] = list(self.classes)
        for name in ("text", "audio"):
            if values[name]:
                values[name] = {"name": Path(values[name]).name, "sha256": _sha256(values[name])}
        return values

    def _check_keys(self):
        for what, values in (("class", self.classes), ("SNR label", self.snr_db)):
            if not values:
                raise UserError(f"the data set needs at least one {what}")
            if len(set(values)) != len(values):
                raise UserError(f"{what} given twice: {', '.join(map(str, values))}")
        for name in self.classes:
            if name not in CLASSES:
                raise UserError(f"unknown class {name!r}; the generator has {', '.join(CLASSES)}")
        for level in self.snr_db:
            if not -100 <= level <= 100:  # also refuses NaN
                raise UserError(f"an SNR label must lie in -100 … 100 dB, not {level}")

    def _check_numbers(self):
        for what in ("frames_per_key", "frames_per_run"):
            value = getattr(self, what)
            if value is not None and value < 1:
                raise UserError(f"{what} must be at least 1, not {value}")
        if self.seed < 0:
            raise UserError(f"the seed must not be negative, not {self.seed}")
        symbol = self.samples_per_symbol
        if symbol != int(symbol) or not 2 <= symbol <= MAX_SAMPLES_PER_SYMBOL:
            raise UserError(
                "samples_per_symbol must be a whole number in "
                f"2 … {MAX_SAMPLES_PER_SYMBOL}, not {symbol}"
            )
        if not 0 <= self.sampling_offset < 1:
            raise UserError(
                f"sampling_offset must be at least 0 and below 1 sample, not {self.sampling_offset}"
            )

    def _check_frame_length(self):
        if self.frame_length < 2:
            raise UserError(f"frame_length must be at least 2, not {self.frame_length}")
        MODES[self.mode].check(self)

    def _check_files(self):
        mode = MODES[self.mode]
        bits, seconds = map(max, zip(*(mode.material(name, self) for name in self.classes)))
        if self.text:
            user_files.check_text(self.text, text_bytes(bits))
        if self.audio:
            user_files.check_audio(self.audio, seconds)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
