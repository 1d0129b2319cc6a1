"""What is known of a stream of samples besides the samples."""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import reading
from ..arrays import Floats, Integers, listed
from ..data.formats import sample_file, sigmf_recording
from ..data.formats.raw import HIGHEST, check_rate
from ..data.formats.sample_file import FilePart
from ..data.formats.sigmf_annotations import SNR, band_of, has_edges, is_decision
from ..errors import UserError
from ..files import AnyPath, Document

RAW = "cf32_le"
log = logging.getLogger(__name__)
_ENDLESS = 1 << 61  # samples
_MIDDLE = 1e-3  # cycles a sample that count as no shift


@dataclass(frozen=True)
class Recording:
    """What is known of a stream.

    Attributes:
        datatype: SigMF's name of the samples' type
        sample_rate_hz: samples a second, None when it is not known
        info: SigMF's global object
        captures: SigMF's captures
        annotations: those that others made, by sample
    """

    datatype: str = RAW
    sample_rate_hz: float | None = None
    info: Document = field(default_factory=dict)
    captures: list[Document] = field(default_factory=lambda: [{"core:sample_start": 0}])
    annotations: list[Document] = field(default_factory=list)

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy type of an I or Q value; UserError for one that cannot be read."""
        return sample_file.parse_datatype(self.datatype)

    @property
    def center_frequency_hz(self) -> float | None:
        """Of the first capture; None when it is not known."""
        found = self.captures[0].get("core:frequency") if self.captures else None
        return None if found is None else float(found)

    @property
    def first_sample(self) -> int:
        """SigMF's number of the first sample in the file."""
        return int(self.info.get("core:offset", 0))


@dataclass(frozen=True)
class Facts:
    """What somebody says of a stream that does not say it itself; None: nothing.

    Attributes:
        datatype: SigMF's name of the samples' type
        sample_rate_hz, center_frequency_hz: in Hz
    """

    datatype: str | None = None
    sample_rate_hz: float | None = None
    center_frequency_hz: float | None = None


def with_facts(recording: Recording, facts: Facts) -> Recording:
    """The Recording with what `facts` adds; UserError when it is absurd, or known already."""
    rate, frequency = facts.sample_rate_hz, facts.center_frequency_hz
    first, *rest = recording.captures
    known = {
        "datatype": facts.datatype and recording.info.get("core:datatype"),
        "sample rate": rate and recording.sample_rate_hz,
        "center frequency": frequency is not None and first.get("core:frequency"),
    }
    for what, value in known.items():
        if value:
            raise UserError(f"the recording says itself what its {what} is: {value}")
    check_rate(rate)
    if frequency is not None and not abs(frequency) <= HIGHEST:
        raise UserError(f"the center frequency must be in Hz, not {frequency:g}")
    found = replace(
        recording,
        datatype=facts.datatype or recording.datatype,
        sample_rate_hz=rate or recording.sample_rate_hz,
        captures=[first | ({} if frequency is None else {"core:frequency": frequency}), *rest],
    )
    sample_file.parse_datatype(found.datatype)
    return found


def read(path: AnyPath, frame_length: int, grows: bool = False) -> tuple[Recording, FilePart]:
    """Recording of a SigMF file or archive, and where its samples are, from the first capture on.

    What annotations say of another band than the middle is no truth of its frames, and logged.
    Raises UserError when the files are damaged or do not fit together, and when it is a
    data set whose frames cannot be cut into frames of `frame_length`.
    """
    meta, samples = sigmf_recording.parts(path)
    if grows and samples.size is not None:
        raise UserError(f"{path} is an archive, which does not grow; --follow is for plain files")
    try:
        document = sigmf_recording.read_document(meta)
        sigmf_recording.check_conforming(document)
        found = _recording(document)
        reading.require_regular(samples.path)
        if not grows:
            samples.samples(found.dtype)
            sigmf_recording.check_hash(samples, found.info.get("core:sha512"))
        _check_frames(found, frame_length)
        samples = _from_first_capture(samples, found, document["global"])
        aside = sum(_are_aside(found))
    except UserError as error:
        raise UserError(f"{meta.path}: {error}") from None
    if aside:
        log.warning(
            f"{path}: the signals of {aside} annotations are not in the middle of the band, where "
            "frames are decided; htrd dataset convert shifts them"
        )
    return found, samples


def _recording(document: Document) -> Recording:
    info = document["global"]
    others = [each for each in document["annotations"] if not is_decision(each)]
    rate = info.get("core:sample_rate")
    first = int(info.get("core:offset", 0))
    captures = sorted(document["captures"], key=lambda each: each["core:sample_start"])
    if captures and captures[0]["core:sample_start"] > first:
        info = info | {"core:offset": captures[0]["core:sample_start"]}
    return Recording(
        datatype=info["core:datatype"],
        sample_rate_hz=float(rate) if rate else None,
        info=info,
        captures=captures or [{"core:sample_start": first}],
        annotations=sorted(others, key=lambda each: each["core:sample_start"]),
    )


def _from_first_capture(part: FilePart, recording: Recording, info: Document) -> FilePart:
    """The part of a file from the first capture on; UserError when that is after its end."""
    skipped = recording.first_sample - int(info.get("core:offset", 0))
    size = 2 * recording.dtype.itemsize * skipped
    if part.size is not None and size > part.size:
        raise UserError("its first capture starts after the end of its samples")
    return FilePart(part.path, part.first + size, part.size and part.size - size)


def _are_aside(recording: Recording) -> list[bool]:
    """Of each annotation whether its signal is in another band than the middle."""
    starts = [each["core:sample_start"] for each in recording.captures]
    found = []
    for each in recording.annotations:
        band = None
        if each.get("core:label") and has_edges(each):
            band = band_of(each, recording.captures, starts, recording.sample_rate_hz)
        found.append(band is not None and abs(band[0]) > _MIDDLE)
    return found


def _check_frames(recording: Recording, frame_length: int) -> None:
    own = recording.info.get("htrd:frame_length", frame_length)
    if sample_file.check_frame_length(own) % frame_length:
        raise UserError(
            f"it is a data set with frames of {own} samples, the model takes {frame_length}; "
            "make an .npz of it with htrd dataset convert"
        )


class Truth:
    """What the annotations of a recording say of its frames."""

    def __init__(self, recording: Recording) -> None:
        labeled = [
            each
            for each, is_aside in zip(recording.annotations, _are_aside(recording))
            if each.get("core:label") and not is_aside
        ]
        first = recording.first_sample
        start = [int(each["core:sample_start"]) - first for each in labeled]
        # One without a length goes on to the end
        count = [int(each.get("core:sample_count", _ENDLESS)) for each in labeled]
        self._start = np.clip(np.array(start, object), -_ENDLESS, _ENDLESS).astype(np.int64)
        self._end = self._start + np.minimum(np.array(count, object), _ENDLESS).astype(np.int64)
        self._label = [each["core:label"] for each in labeled]
        self._snr_db = [_number(each.get(SNR)) for each in labeled]

    def of(self, offset: Integers, length: int) -> tuple[list[str | None], Floats]:
        """Names (None: not known) and SNR labels in dB (NaN) of frames at ascending `offset`.

        A frame has the label of the annotation that covers it; of several, the one that
        begins last.
        """
        names, snr_db = np.full(len(offset), None), np.full(len(offset), np.nan)
        if len(offset):
            near = (self._start <= offset[-1]) & (self._end >= offset[0] + length)
            near &= self._end - self._start >= length
            # those that begin last count: from behind, until all frames have one
            left = np.ones(len(offset), bool)
            for i in np.flatnonzero(near)[::-1]:
                if not left.any():
                    break
                begin = np.searchsorted(offset, self._start[i])
                end = np.searchsorted(offset, self._end[i] - length, "right")
                new = np.flatnonzero(left[begin:end]) + begin
                names[new], snr_db[new], left[new] = self._label[i], self._snr_db[i], False
        return listed(names), snr_db


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1000 else np.nan
