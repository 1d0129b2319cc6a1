"""What a signal is that was found in a band: its rate, its carrier, its modulation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from .. import frames, frontend
from ..arrays import Complexes, Floats
from ..classifier import Classifier
from ..errors import UserError
from ..evaluation import fusion
from ..frontend import Band, Signal
from ..frontend.detect import Detection
from ..frontend.periodicity import PERIODIC, periodicity

OVERSAMPLED = 10  # times the band's width that is kept: GFSK's symbol rate may be four times it
ANALYZED = 1 << 16  # samples at that rate that rate and carrier are taken from
FOLLOWED = 4  # frames after which the carrier is looked for again
PAUSE = 0.5  # of the strong frames' power, below which there is no signal
DROPPED = 64  # samples at either end, which the filters have not filled
LEAST = -4.6  # log posterior of a class in a frame: some frames in a pause must not decide
FEWEST = 3  # frames that a label takes
ANALOG = ("AM-DSB", "AM-SSB", "WBFM")  # classes of RML2016 without symbols: a rate speaks against
SHARE = 0.5  # of the frames that have to be decided as the label


@dataclass(frozen=True)
class ScannedSignal:
    """A signal, in the units of its recording.

    Attributes:
        start_s, stop_s: in seconds from the first sample
        center_hz: the carrier where one is found, else the middle of the band
        bandwidth_hz: between its 15 % points, `low_hz` and `high_hz`
        symbol_rate: in baud; None: none was found
        snr_db: in that band
        label: the modulation, by the sum of the frames' log posteriors; None: no symbols, too
            few of them, the same again and again (a tone in FM), an analog class in spite of
            them, or frames of which the classifier rejects or decides otherwise most
        confidence: share of the frames that are decided as `label`; 0 without one
        frames: that were decided
    """

    start_s: float
    stop_s: float
    center_hz: float
    bandwidth_hz: float
    low_hz: float
    high_hz: float
    symbol_rate: float | None
    snr_db: float
    label: str | None
    confidence: float
    frames: int


@dataclass(frozen=True)
class Scanner:
    """Tells what the signals of a band are.

    Attributes:
        classifier: the Classifier, for frames of 8 samples a symbol
        sample_rate_hz: of the band
        center_frequency_hz: of its middle
        most_frames: that are decided of a signal
        samples_per_symbol: that the classifier was trained with
    """

    classifier: Classifier
    sample_rate_hz: float
    center_frequency_hz: float = 0.0
    most_frames: int = 512
    samples_per_symbol: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.sample_rate_hz < float("inf") or self.most_frames < 1:
            raise UserError(
                f"a band needs a sample rate above 0 and at least one frame of a signal, not "
                f"{self.sample_rate_hz:g} Hz and {self.most_frames}"
            )

    def scan(self, found: Detection) -> ScannedSignal:
        """What a Detection is."""
        reduced, factor = _reduced(found)
        label, confidence, count = None, 0.0, 0
        half = found.width * factor / 2
        known = frontend.analyze(_strongest_part(reduced), Band(-half, half, found.snr))
        center = found.center + known.carrier.frequency / factor
        # The first and the last bin reach half a bin beyond what was recorded
        low, high = max(found.low, -0.5), min(found.high, 0.5)
        rate = known.symbol_rate.rate
        if rate is not None:
            label, confidence, count = self._decide(reduced, known, rate)
        return ScannedSignal(
            start_s=found.start / self.sample_rate_hz,
            stop_s=found.stop / self.sample_rate_hz,
            # What lies beyond one end of the spectrum comes in at the other
            center_hz=self.center_frequency_hz + ((center + 0.5) % 1 - 0.5) * self.sample_rate_hz,
            bandwidth_hz=(high - low) * self.sample_rate_hz,
            low_hz=self.center_frequency_hz + low * self.sample_rate_hz,
            high_hz=self.center_frequency_hz + high * self.sample_rate_hz,
            symbol_rate=None if rate is None else rate / factor * self.sample_rate_hz,
            snr_db=10 * float(np.log10(max(found.snr, 1e-9))),
            label=label,
            confidence=confidence,
            frames=count,
        )

    def _decide(
        self, samples: Complexes, known: Signal, rate: float
    ) -> tuple[str | None, float, int]:
        """Label, confidence and number of frames."""
        brought = frontend.normalize(
            samples, known.carrier.frequency, rate, self.samples_per_symbol
        )
        kept = brought[DROPPED : len(brought) - DROPPED]
        iq = self._frames(kept, known.carrier.is_of_square)
        if not len(iq):
            return None, 0.0, 0
        alike = periodicity(iq[:, 0] + 1j * iq[:, 1], 2 * self.samples_per_symbol)
        if len(iq) < FEWEST or alike > PERIODIC:
            return None, 0.0, len(iq)
        iq = frames.scale_where_needed(iq, self.classifier.scaling)
        decided = fusion.evidence(self.classifier, iq)
        number = int(np.maximum(decided.score, LEAST).sum(0).argmax())
        share = float(np.mean(decided.label == number))
        name = self.classifier.classes[number]
        if share < SHARE or name in ANALOG:
            return None, 0.0, len(iq)
        return name, share, len(iq)

    def _frames(self, samples: Complexes, is_of_square: bool) -> Floats:
        """Frames but for those in pauses, float32 ``[n, 2, length]``."""
        length = self.classifier.frame_length
        pieces = samples[: len(samples) // length * length].reshape(-1, length)
        if len(pieces):
            power = np.mean(np.abs(pieces) ** 2, 1)
            pieces = pieces[power > PAUSE * np.quantile(power, 0.9)][: self.most_frames]
            if is_of_square:
                rate, block = 1 / self.samples_per_symbol, FOLLOWED * length
                pieces = frontend.follow_carrier(pieces.ravel(), rate, block).reshape(-1, length)
        return np.stack([pieces.real, pieces.imag], 1).astype(np.float32)


def _reduced(found: Detection) -> tuple[Complexes, int]:
    """The samples of a signal, its band's middle at 0, at a rate 1 / factor; and the factor."""
    time = np.arange(len(found.samples))
    moved = found.samples * np.exp(-2j * np.pi * found.center * time)
    factor = max(1, int(1 / (OVERSAMPLED * found.width)))
    reduced: Any = resample_poly(moved, 1, factor) if factor > 1 else moved
    return reduced, factor


def _strongest_part(samples: Complexes) -> Complexes:
    """The ANALYZED samples with the most power: a burst, and not the pause before it."""
    hop = ANALYZED // 4
    starts = range(0, max(1, len(samples) - ANALYZED + hop), hop)
    parts = (samples[start : start + ANALYZED] for start in starts)
    return max(parts, key=lambda part: float(np.sum(np.abs(part) ** 2)))
