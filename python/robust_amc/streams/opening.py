"""Opens a stream by its name: a file, standard input, or an address."""

import sys
from dataclasses import dataclass
from pathlib import Path

from ..data.formats import raw, sample_file, sigmf_recording
from ..errors import UserError
from . import recording
from .recording import Facts, Recording
from .sources import FileSource, PipeSource, Source
from .zmq_source import ZmqSource

STDIN = "-"
# Types of samples that files of these names usually have
_LIKELY = {".cu8": "cu8", ".cs8": "ci8", ".cs16": "ci16_le", ".sc16": "ci16_le", ".cf64": "cf64_le"}
_LIKELY |= dict.fromkeys((".iq", ".raw", ".bin"), "cf32_le, ci16_le or cu8")


@dataclass(frozen=True)
class Stream:
    """A source of bytes, and what is known of them."""

    source: Source
    recording: Recording


def open_stream(
    name: str, frame_length: int, follow: bool = False, facts: Facts | None = None
) -> Stream | None:
    """The Stream that `name` names; None when it must be a data set.

    ``-`` is standard input, anything with ``://`` a ZMQ address; other names are files.
    `follow` goes on with what is appended to a file, `facts` (Facts) are for streams that do
    not say what they are. Raises UserError when it cannot be opened, or the facts are absurd.
    """
    facts = facts or Facts()
    path = Path(name)
    if path.suffix in (sigmf_recording.META, sigmf_recording.DATA):
        found, samples = recording.read(path, frame_length, follow)
        return Stream(FileSource(samples, follow), recording.with_facts(found, facts))
    found = recording.with_facts(Recording(), facts)
    if name == STDIN:
        if sys.stdin is None:
            raise UserError("standard input is closed; pipe samples into it, or name a file")
        return Stream(PipeSource(sys.stdin.fileno()), found)
    if "://" in name:
        return Stream(ZmqSource(name, 2 * found.dtype.itemsize), found)
    if path.suffix in raw.SUFFIXES or facts.datatype:
        if not (follow or path.is_fifo()):  # a pipe is a stream, of any length
            sample_file.count_samples(path, found.dtype)
        return Stream(FileSource(path, follow), found)
    if path.suffix in _LIKELY:
        raise UserError(
            f"{path} does not say what its samples are; give --datatype, such as "
            f"{_LIKELY[path.suffix]}"
        )
    return None
