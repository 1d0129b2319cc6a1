# SPDX-License-Identifier: GPL-3.0-or-later
"""The spectra of a band and the signals in it, as a display keeps them."""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np

KEPT_SIGNALS = 200
MOST_BINS = 16384


@dataclass(frozen=True)
class SeenSignal:
    """A signal, for reading.

    Attributes:
        start, stop: samples of the band's stream
        center_hz, bandwidth_hz: on the air
        symbol_rate: in baud, None: none was found
        snr_db: in its bandwidth, None: not known
        modulation: None: not known
        confidence: share of its frames that are decided so
        frames: that were used
        is_last: whether it has ended
    """

    start: int
    stop: int
    center_hz: float
    bandwidth_hz: float
    symbol_rate: float | None
    snr_db: float | None
    modulation: str | None
    confidence: float
    frames: int
    is_last: bool


@dataclass(frozen=True)
class BandPicture:
    """What is shown.

    Attributes:
        offsets: first sample of each spectrum in the stream, int ``[n]``, rising
        level: dB, float32 ``[n, bins]``
        center_hz, sample_rate_hz: of the band
        signals: SeenSignal, those that were heard of last at first
    """

    offsets: np.ndarray
    level: np.ndarray
    center_hz: float
    sample_rate_hz: float
    signals: list


class BandHistory:
    """Keeps the latest spectra and signals; they may come from any thread.

    Args:
        spectra: how many are kept
    """

    def __init__(self, spectra):
        self._lock = threading.Lock()
        self._kept = spectra
        self.reset()

    def reset(self):
        """Forget everything."""
        with self._lock:
            self._spectra = deque(maxlen=self._kept)  # (offset, level)
            self._signals = OrderedDict()  # SeenSignal by burst, the latest at the end
            self._axis = (0.0, 1.0)
            self._anonymous = 0

    def add_spectrum(self, offset, level, center_hz, sample_rate_hz):
        """Keep a spectrum, float ``[bins]`` in dB, of samples from `offset` on.

        One of another band, or from before the last one, begins anew.
        """
        with self._lock:
            axis = (center_hz, sample_rate_hz)
            if self._spectra:
                last, before = self._spectra[-1]
                if axis != self._axis or len(level) != len(before) or offset < last:
                    self._spectra.clear()
                    if offset < last:
                        self._signals.clear()
            self._axis = axis
            self._spectra.append((offset, np.asarray(level, np.float32)))

    def add_signal(self, burst, signal):
        """Keep a SeenSignal, in the place of what was known of that burst (None: of no other)."""
        with self._lock:
            if burst is None:
                burst, self._anonymous = self._anonymous, self._anonymous + 1
            self._signals.pop(burst, None)
            self._signals[burst] = signal
            while len(self._signals) > KEPT_SIGNALS:
                self._signals.popitem(last=False)

    def picture(self):
        """The BandPicture of this moment."""
        with self._lock:
            offsets = np.array([each for each, _ in self._spectra], np.int64)
            levels = [each for _, each in self._spectra]
            level = np.stack(levels) if levels else np.zeros((0, 1))
            signals = list(reversed(self._signals.values()))
            return BandPicture(offsets, level, *self._axis, signals)
