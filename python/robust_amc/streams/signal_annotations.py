"""Signals of a scan as SigMF annotations, with the fields of its extension `signal`."""

from collections.abc import Sequence

from .. import __version__
from ..data.formats.sigmf_annotations import SCANNER, SNR
from ..files import Document
from .scan import ScannedSignal
from .signal_detail import detail

EXTENSIONS = ("htrd", "signal", "capture_details")


def annotations(
    signals: Sequence[ScannedSignal], model: str, sample_rate_hz: float, first_sample: int = 0
) -> list[Document]:
    """An annotation of each signal, in the order of their starts.

    Args:
        signals: what was found
        model: name of the model that decided
        sample_rate_hz: of the recording
        first_sample: SigMF's number of its first sample
    """
    ordered = sorted(signals, key=lambda each: each.start_s)
    return [_annotation(each, model, sample_rate_hz, first_sample) for each in ordered]


def _annotation(signal: ScannedSignal, model: str, rate: float, first_sample: int) -> Document:
    start, stop = round(signal.start_s * rate), round(signal.stop_s * rate)
    said = [f"{signal.symbol_rate:.1f} Bd" if signal.symbol_rate else "no symbol rate"]
    said.append(f"SNR {signal.snr_db:.1f} dB")
    if signal.label is not None:
        said.append(f"{signal.confidence:.0%} of {signal.frames} frames")
    found: Document = {
        "core:sample_start": start + first_sample,
        "core:sample_count": stop - start,
        "core:freq_lower_edge": signal.low_hz,
        "core:freq_upper_edge": signal.high_hz,
        "core:generator": f"{SCANNER} {__version__}",
        "core:comment": ", ".join(said),
        SNR: round(signal.snr_db, 2),
        "htrd:model": model,
        "htrd:center_hz": signal.center_hz,
    }
    if signal.symbol_rate is not None:  # the extension `signal` has no field for it
        found["htrd:symbol_rate"] = signal.symbol_rate
    if signal.label is not None:
        found["core:label"] = signal.label
        found["htrd:confidence"] = signal.confidence
    if (words := detail(signal.label)) is not None:
        found["signal:detail"] = words | {"channel_bw": signal.bandwidth_hz}
    return found
