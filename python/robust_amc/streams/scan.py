"""What a signal is that was found in a band: its rate, its carrier, its modulation."""

from dataclasses import dataclass, field

import numpy as np

from .. import frames
from ..arrays import Complexes
from ..classifier import Classifier
from ..errors import UserError
from ..frontend import Band, bring, reduced
from ..frontend.detect import Detection
from ..provenance import knows_field
from ..signal_decision import FusionSettings, SignalDecision, label_name

PART = 64  # frames that are decided at a time
MOST_GOING = 1000  # signals that are told in parts, at a time


@dataclass(frozen=True)
class ScannedSignal:
    """A signal, in the units of its recording.

    Attributes:
        start_s, stop_s: in seconds from the first sample
        center_hz: the carrier where one is found, else the middle of the band
        bandwidth_hz: between its 15 % points, `low_hz` and `high_hz`
        symbol_rate: in baud; None: none was found, as of analog signals
        snr_db: in that band
        label: the modulation, see SignalDecision; None: too short, the same again and again (a
            tone in FM), an analog class in spite of symbols, no symbols and a classifier that
            does not know analog signals at one width, or frames of which it rejects or decides
            otherwise most
        confidence: share of the frames that are decided as `label`; 0 without one
        frames: that were decided; no more once the label is sure
        ended: False for a signal that goes on, of which there will be further rows
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
    ended: bool = True


@dataclass
class _Going:
    """What is known of a signal from its parts so far."""

    decision: SignalDecision
    center: float = 0.0  # cycles a sample of the band
    rate: float | None = None  # symbols a sample of the band


@dataclass(frozen=True)
class Scanner:
    """Tells what the signals of a band are.

    Attributes:
        classifier: the Classifier, for frames of 8 samples a symbol; of analog signals those are
            told that have been trained on data of mode `field`
        sample_rate_hz: of the band
        center_frequency_hz: of its middle
        most_frames: that are decided of a signal
        samples_per_symbol: that the classifier was trained with
        fusion: FusionSettings
    """

    classifier: Classifier
    sample_rate_hz: float
    center_frequency_hz: float = 0.0
    most_frames: int = 512
    samples_per_symbol: int = 8
    fusion: FusionSettings = field(default_factory=FusionSettings)
    _going: dict[int, _Going] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.sample_rate_hz < float("inf") or self.most_frames < 1:
            raise UserError(
                f"a band needs a sample rate above 0 and at least one frame of a signal, not "
                f"{self.sample_rate_hz:g} Hz and {self.most_frames}"
            )

    def scan(self, found: Detection) -> ScannedSignal:
        """What a Detection is, together with the parts before it that have its number."""
        going = self._going.pop(found.number, None)
        if going is None:
            going = _Going(SignalDecision(len(self.classifier.classes), self.fusion), found.center)
        if len(found.samples):
            self._listen(found, going)
        if not found.is_last:
            self._going[found.number] = going
            if len(self._going) > MOST_GOING:  # signals that became one have no last part
                self._going.pop(next(iter(self._going)))
        # The first and the last bin reach half a bin beyond what was recorded
        low, high = max(found.low, -0.5), min(found.high, 0.5)
        rate, decision = going.rate, going.decision
        name = label_name(decision, self.classifier.classes, rate is not None)
        # What lies beyond one end of the spectrum comes in at the other
        center = (going.center + 0.5) % 1 - 0.5
        return ScannedSignal(
            start_s=found.start / self.sample_rate_hz,
            stop_s=found.stop / self.sample_rate_hz,
            center_hz=self.center_frequency_hz + center * self.sample_rate_hz,
            bandwidth_hz=(high - low) * self.sample_rate_hz,
            low_hz=self.center_frequency_hz + low * self.sample_rate_hz,
            high_hz=self.center_frequency_hz + high * self.sample_rate_hz,
            symbol_rate=None if rate is None else rate * self.sample_rate_hz,
            snr_db=10 * float(np.log10(max(found.snr, 1e-9))),
            label=name,
            confidence=decision.confidence if name else 0.0,
            frames=decision.frames,
            ended=found.is_last,
        )

    def _listen(self, found: Detection, going: _Going) -> None:
        """Take what the samples of a part say into account."""
        samples, factor = reduced(found.samples, found)
        half = found.width * factor / 2
        brought = bring(
            samples,
            Band(-half, half, found.snr),
            self.classifier.frame_length,
            self.samples_per_symbol,
            self.most_frames,
            analog=knows_field(self.classifier.metadata) and going.rate is None,
        )
        known = brought.known
        going.center = found.center + known.carrier.frequency / factor
        rate = known.symbol_rate.rate
        if rate is not None:
            if going.rate is None and going.decision.frames:  # what was taken for analog
                going.decision = SignalDecision(len(self.classifier.classes), self.fusion)
            going.rate = rate / factor
        self._decide(brought.frames, going.decision)

    def _decide(self, pieces: Complexes, decision: SignalDecision) -> None:
        """Add frames ``[n, length]`` of a signal, as many as it takes."""
        for start in range(0, len(pieces), PART):
            if decision.frames >= self.most_frames or self._is_enough(decision):
                break
            part = pieces[start : start + PART]
            iq = np.stack([part.real, part.imag], 1).astype(np.float32)
            decision.add(self.classifier.decide(iq, frames.AUTO, posteriors=True))

    def _is_enough(self, decision: SignalDecision) -> bool:
        return self.fusion.stop_early and decision.is_sure
