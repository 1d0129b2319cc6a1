"""What the names of recordings say, as the programs that made them write it.

Only whole names of a known form count: a number with a unit alone may be a rate, a frequency or a
bandwidth, and is not guessed at.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ...files import AnyPath

_SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_TYPES = "cu8|cs8|cs16|cs32|cf32|complex16u|complex16s|complex32u|complex32s|complex|cfile"


@dataclass(frozen=True)
class NamedFacts:
    """What a name says; None where it does not.

    Attributes:
        datatype: SigMF's name of the samples' type, where the suffix does not say it
        sample_rate_hz, center_frequency_hz: in Hz
    """

    datatype: str | None = None
    sample_rate_hz: float | None = None
    center_frequency_hz: float | None = None


# Groups: center and rate, each a number and perhaps its unit
_RAW = tuple(
    (re.compile(form, re.IGNORECASE | re.ASCII), datatype)
    for form, datatype in (
        # gqrx: gqrx_20200101_120000_433920000_1800000_fc.raw
        (r"gqrx_\d{8}_\d{6}_(?P<center>\d+)_(?P<rate>\d+)_fc\.raw", "cf32_le"),
        # rtl_433 -S: g001_433.92M_250k.cu8
        (
            r"(?:.*[_-])?g\d{3,}_(?P<center>\d+(?:\.\d+)?)(?P<center_unit>M)"
            rf"_(?P<rate>\d+(?:\.\d+)?)(?P<rate_unit>k)\.(?:{_TYPES})",
            None,
        ),
        # Universal Radio Hacker: HackRF-20200101_120000-433_92MHz-1MSps-1MHz.complex
        (
            r".+-\d{8}_\d{6}-(?P<center>\d+(?:_\d+)?)(?P<center_unit>[KMG]?)Hz"
            r"-(?P<rate>\d+(?:_\d+)?)(?P<rate_unit>[KMG]?)Sps(?:-\d+(?:_\d+)?[KMG]?Hz)?"
            rf"\.(?:{_TYPES})",
            None,
        ),
    )
)
_WAV = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        # SDR#, HDSDR, SDRuno, hackrf_transfer: SDRSharp_20200101_120000Z_7100000Hz_IQ.wav
        r"[^_]+_\d{8}_\d{6}Z?_(?P<center>\d+)(?P<center_unit>k?)Hz(?:_IQ|_RF)?\.(?:wav|rf64|bwf)",
        # SDR++: baseband_7100000Hz_12-00-00_01-01-2020.wav
        r"baseband_(?P<center>\d+)Hz_\d\d-\d\d-\d\d_\d\d-\d\d-\d{4}\.wav",
    )
)


def of_raw(path: AnyPath) -> NamedFacts:
    """What the name of a file of raw samples says."""
    for form, datatype in _RAW:
        if match := form.fullmatch(Path(path).name):
            return NamedFacts(datatype, _number(match, "rate"), _number(match, "center"))
    return NamedFacts()


def of_wav(path: AnyPath) -> NamedFacts:
    """What the name of a WAV file with I and Q says: its center frequency."""
    for form in _WAV:
        if match := form.fullmatch(Path(path).name):
            return NamedFacts(center_frequency_hz=_number(match, "center"))
    return NamedFacts()


def _number(match: re.Match[str], name: str) -> float | None:
    """A number with its unit; None for zero, which programs write for what they do not know."""
    found = match.groupdict()
    scale = _SCALES[(found.get(f"{name}_unit") or "").lower()]
    digits = found[name].replace("_", ".")
    # A whole number of hertz, however it is written; 18 digits are more than anything has
    return (round(float(digits[:18]) * scale, 3) or None) if len(digits) <= 18 else None
