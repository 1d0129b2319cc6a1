"""Signals in a band: where in time and frequency there is more than noise."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..arrays import Bools, Complexes, Floats
from ..errors import UserError
from .occupied import EDGE, Band

FLOOR_QUANTILE = 0.25  # of the bins of a spectrum, which only hold noise
MEMORY = 0.9  # of the floor, from one spectrum to the next
MOST_BINS = 1 << 16
HIGHEST_DB = 200.0  # more than any receiver tells apart
_NONE = np.zeros(0, np.complex64)


@dataclass(frozen=True)
class DetectorSettings:
    """How signals are told from noise.

    Attributes:
        bins: of a spectrum; a signal narrower than some of them is as wide as these
        averaged: transforms in a spectrum: `bins` times these are the shortest burst
        open_db: over the noise, where a bin is a signal's
        close_db: over the noise, above which the mean of a signal's bins has to stay; the mean over
            all of its time too, or it is taken for interference
        bridged_bins: below their level within a signal
        bridged_spectra: without it, after which a signal has ended
        shortest: spectra of a signal; what is shorter is taken for interference
        longest: samples of a signal, or of a part of it, that are kept, from its start
        every: samples after which a signal that goes on is told, in parts; None: not before its end
        most: signals at a time; further ones are counted
    """

    bins: int = 512
    averaged: int = 8
    open_db: float = 6.0
    close_db: float = 3.0
    bridged_bins: int = 3
    bridged_spectra: int = 2
    shortest: int = 2
    longest: int = 1 << 18
    every: int | None = None
    most: int = 64

    def __post_init__(self) -> None:
        counts = [self.bins - 15, self.averaged, self.shortest, self.longest, self.most]
        counts += [] if self.every is None else [self.every]
        if min(counts) < 1 or min(self.bridged_bins, self.bridged_spectra) < 0:
            raise UserError("a detector needs at least 16 bins, and counts of at least 1")
        if self.bins > MOST_BINS or self.averaged > MOST_BINS:
            raise UserError(f"a detector has at most {MOST_BINS} bins, and averages no more")
        if not 0 < self.close_db <= self.open_db <= HIGHEST_DB:
            raise UserError(
                f"a detector opens at a level above the noise, of {HIGHEST_DB:g} dB at most, and "
                "closes no higher"
            )


@dataclass(frozen=True)
class Detection(Band):
    """A signal that has ended, or what is known of one that goes on.

    Attributes:
        start, stop: its first sample in the stream, and the one after its last so far, to a
            spectrum
        samples: complex64, of the whole band, from `start` on; at most `longest`. Of a signal that
            is told in parts, those since it was last told, none if they are fewer than `shortest`
            spectra
        number: the same for all parts of a signal
        is_last: whether it has ended
    """

    start: int
    stop: int
    samples: Complexes
    number: int = 0
    is_last: bool = True


@dataclass(eq=False)
class _Track:
    """A signal that goes on: the bins it has held, and its spectra added up."""

    number: int
    start: int
    low: int
    high: int
    last: int
    power: Floats
    kept_from: int  # the first sample of the part that is kept
    was_told: bool = False
    floor: float = 0.0
    spectra: int = 0
    kept: int = 0
    parts: list[Complexes] = field(default_factory=list)


class SignalDetector:
    """Finds signals in a stream that comes in pieces of any length.

    A spectrum is the average of some transforms; the noise is that of its lowest quarter of bins,
    followed slowly. Neighboring bins above a level are a signal, which goes on as long as there is
    more than noise in them.

    `seen` is called with each spectrum: power by frequency, ``[bins]``.

    Attributes:
        settings: DetectorSettings
        samples: that were looked at
        left_out: signals for which there was no place among `most`
    """

    def __init__(
        self,
        settings: DetectorSettings | None = None,
        seen: Callable[[Floats], None] | None = None,
    ) -> None:
        self.settings = settings or DetectorSettings()
        self._seen = seen
        self.samples = 0
        self.left_out = 0
        self._rest: Complexes = _NONE
        self._tracks: list[_Track] = []
        self._begun = 0
        self._floor: float | None = None
        self._window = np.hanning(self.settings.bins)
        self._expected = _low_quantile(self.settings.averaged)

    def push(self, samples: Complexes) -> list[Detection]:
        """The signals that have ended, or are due, within the next `samples`, complex ``[n]``.

        Samples that are not finite count as zero.
        """
        samples = np.nan_to_num(np.asarray(samples, np.complex64), nan=0.0, posinf=0.0, neginf=0.0)
        samples = np.concatenate([self._rest, samples])
        size = self.settings.bins * self.settings.averaged
        whole = len(samples) // size * size
        self._rest = samples[whole:]
        found = []
        for block in samples[:whole].reshape(-1, size):
            found += self._block(block)
        return found

    def finish(self) -> list[Detection]:
        """The signals that go on; the stream has ended."""
        found = [self._detection(track, True) for track in self._tracks]
        self._tracks = []
        return [each for each in found if each is not None]

    def break_off(self) -> list[Detection]:
        """The signals that go on; samples are missing here, or the band becomes another one.

        Samples that do not fill a spectrum are passed over, and the noise is measured anew.
        Positions count the samples that came.
        """
        found = self.finish()
        self.samples += len(self._rest)
        self._rest, self._floor = _NONE, None
        return found

    def _block(self, block: Complexes) -> list[Detection]:
        settings = self.settings
        pieces = block.reshape(-1, settings.bins) * self._window
        power = (np.abs(np.fft.fftshift(np.fft.fft(pieces), 1)) ** 2).mean(0)
        power = power.astype(float) / (settings.bins * np.sum(self._window**2))
        if self._seen:
            self._seen(power)
        floor = self._follow(power)
        start, self.samples = self.samples, self.samples + len(block)
        if floor > 0:
            self._assign(power, floor, start, block)
        return self._close(start) + self._due()

    def _follow(self, power: Floats) -> float:
        """The power of the noise in a bin, from the spectra so far."""
        now = float(np.quantile(power, FLOOR_QUANTILE)) / self._expected
        before = now if self._floor is None else self._floor
        # Quickly down: after silence, or a signal as wide as the band, the noise is what is left
        self._floor = now if now < before else MEMORY * before + (1 - MEMORY) * now
        return self._floor

    def _assign(self, power: Floats, floor: float, start: int, block: Complexes) -> None:
        """Go on with the signals that are still there, and begin those that are new."""
        settings = self.settings
        level = power / floor
        stays = 10 ** (settings.close_db / 10)
        for track in self._tracks:
            if level[track.low : track.high + 1].mean() > stays:
                track.last = start
        for low, high in _runs(level > 10 ** (settings.open_db / 10), settings.bridged_bins):
            mine = [each for each in self._tracks if each.low <= high and low <= each.high]
            if mine:
                mine[0].last = start
                mine[0].low = min(low, *(each.low for each in mine))
                mine[0].high = max(high, *(each.high for each in mine))
                # What turns out to be one signal: the longest is it
                self._tracks = [each for each in self._tracks if each not in mine[1:]]
            elif len(self._tracks) < settings.most:
                power_so_far = np.zeros(settings.bins)
                track = _Track(self._begun, start, low, high, start, power_so_far, kept_from=start)
                self._tracks.append(track)
                self._begun += 1
            else:
                self.left_out += 1
        for track in self._tracks:
            self._keep(track, power, floor, block)

    def _keep(self, track: _Track, power: Floats, floor: float, block: Complexes) -> None:
        track.power += power
        track.floor += floor
        track.spectra += 1
        if track.kept < self.settings.longest:
            track.parts.append(block[: self.settings.longest - track.kept])
            track.kept += len(track.parts[-1])

    def _close(self, start: int) -> list[Detection]:
        """The signals that were not there for too long."""
        size = self.settings.bins * self.settings.averaged
        patience = self.settings.bridged_spectra * size
        ended = [track for track in self._tracks if start - track.last > patience]
        self._tracks = [track for track in self._tracks if start - track.last <= patience]
        found = [self._detection(track, True) for track in ended]
        return [each for each in found if each is not None]

    def _due(self) -> list[Detection]:
        """The signals that go on and were not told for so long that they are now."""
        found = []
        for track in self._tracks:
            every = self.settings.every
            if every is None or self.samples - track.kept_from < every:
                continue
            each = self._detection(track, False)
            if each is not None:
                found.append(each)
                track.was_told = True
            track.kept_from, track.kept, track.parts = self.samples, 0, []
        return found

    def _detection(self, track: _Track, is_last: bool) -> Detection | None:
        settings, bins = self.settings, self.settings.bins
        least = settings.shortest * bins * settings.averaged
        stop = track.last + bins * settings.averaged
        if stop - track.start < least and not track.was_told:
            return None
        signal = track.power[track.low : track.high + 1] - track.floor
        top = signal[signal >= signal.max() / 2].mean()
        inside = np.flatnonzero(signal > EDGE * top)
        low, high = track.low + int(inside[0]), track.low + int(inside[-1])
        snr = float((track.power[low : high + 1] - track.floor).mean() / track.floor)
        if snr < 10 ** (settings.close_db / 10) and not track.was_told:
            return None
        samples = np.concatenate([_NONE, *track.parts])[: max(stop - track.kept_from, 0)]
        if len(samples) < min(least, settings.longest):
            samples = _NONE
        edges = (low - 0.5) / bins - 0.5, (high + 0.5) / bins - 0.5
        return Detection(*edges, snr, track.start, stop, samples, track.number, is_last)


def _low_quantile(averaged: int) -> float:
    """The quantile that the floor is taken from, of averaged noise of mean power 1."""
    from scipy.stats import gamma  # slow to import: not before a band is looked at

    return float(gamma.ppf(FLOOR_QUANTILE, averaged) / averaged)


def _runs(inside: Bools, bridged: int) -> list[tuple[int, int]]:
    """First and last bin of each run, with gaps of so many bins taken along."""
    places = np.flatnonzero(inside)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > bridged + 1)
    firsts = places[np.r_[0, breaks + 1]]
    lasts = places[np.r_[breaks, len(places) - 1]]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts)]
