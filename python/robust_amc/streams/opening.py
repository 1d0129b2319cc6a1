"""Opens a stream by its name: a file, standard input, or an address."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from .. import reading
from ..data.formats import file_names, raw, sample_file, sigmf_recording, wav
from ..data.formats.bands import Analytic, UpperHalf
from ..errors import UserError
from . import network_sources, recording
from .network_sources import RtlTcpSource, UdpSource
from .recording import Facts, Recording
from .sources import FileSource, PipeSource, SampleSource, Source
from .zmq_source import ZmqSource

STDIN = "-"


@dataclass(frozen=True)
class Stream:
    """A source of bytes, and what is known of them.

    Attributes:
        source, recording: the bytes, and what they are
        analytic: the samples, where they are made of a real signal: nothing is at negative
            frequencies
    """

    source: Source
    recording: Recording
    analytic: Analytic | None = None


def open_stream(
    name: str, frame_length: int, follow: bool = False, facts: Facts | None = None
) -> Stream | None:
    """The Stream that `name` names; None when it must be a data set.

    The name ``-`` is standard input, ``udp://…`` and ``rtl_tcp://…`` are what they say, anything
    else with ``://`` is a ZMQ address (``zmq://`` for ``tcp://``); other names are files.
    `follow` goes on with what is appended to a file, `facts` (Facts) are for streams that do
    not say what they are; of raw samples they come before what the name says. Raises UserError
    when it cannot be opened, or the facts are absurd.
    """
    facts = facts or Facts()
    path = Path(name)
    if sigmf_recording.is_recording(path):
        found, part = recording.read(path, frame_length, follow)
        source = FileSource(part.path, follow, part.first, part.size)
        return Stream(source, recording.with_facts(found, facts))
    if _is_wav(path):
        return _wav_stream(path, follow, facts)
    if network_sources.scheme(name) == network_sources.RTL_TCP:
        return _rtl_tcp_stream(name, facts)
    datatype = facts.datatype or raw.datatype_of(path)
    facts = _with_name(facts, path)
    found = recording.with_facts(Recording(), replace(facts, datatype=datatype))
    if name == STDIN:
        if sys.stdin is None:
            raise UserError("standard input is closed; pipe samples into it, or name a file")
        return Stream(PipeSource(sys.stdin.fileno()), found)
    if network_sources.scheme(name) == network_sources.UDP:
        return Stream(UdpSource(name, 2 * found.dtype.itemsize), found)
    if "://" in name:
        address = re.sub("^zmq://", "tcp://", name)
        return Stream(ZmqSource(address, 2 * found.dtype.itemsize), found)
    if datatype:
        if not (follow or path.is_fifo()):  # a pipe is a stream, of any length
            sample_file.count_samples(path, found.dtype)
        return Stream(FileSource(path, follow), found)
    if path.suffix.lower() in raw.UNCERTAIN:
        raise UserError(
            f"{path} does not say what its samples are; give --datatype, such as "
            f"{raw.UNCERTAIN[path.suffix.lower()]}"
        )
    return None


def _with_name(facts: Facts, path: Path) -> Facts:
    """The Facts, with rate and frequency of a name of raw samples where they lack these."""
    named = file_names.of_raw(path)
    rate, center = facts.sample_rate_hz, facts.center_frequency_hz
    return replace(
        facts,
        sample_rate_hz=named.sample_rate_hz if rate is None else rate,
        center_frequency_hz=named.center_frequency_hz if center is None else center,
    )


def _rtl_tcp_stream(name: str, facts: Facts) -> Stream:
    """The samples of a receiver, which is tuned to what `facts` say."""
    rate, center = facts.sample_rate_hz, facts.center_frequency_hz
    if rate is None or center is None:
        raise UserError(
            f"{name}: give --sample-rate and --center-frequency, to which the receiver is tuned"
        )
    if facts.datatype not in (None, network_sources.RTL_DATATYPE):
        raise UserError(f"{name} sends {network_sources.RTL_DATATYPE}, not {facts.datatype}")
    known = replace(facts, datatype=network_sources.RTL_DATATYPE)
    found = recording.with_facts(Recording(), known)
    return Stream(RtlTcpSource(name, rate, center), found)


def _is_wav(path: Path) -> bool:
    """Whether a file is a WAV file; of a pipe nothing is read."""
    try:
        if not path.is_file():
            return False
        with reading.opened(path) as file:
            return wav.is_wav(file.read(12))
    except (OSError, ValueError):  # UserError too
        return False  # who opens it says why


def _wav_stream(path: Path, follow: bool, facts: Facts) -> Stream:
    """The samples of a WAV file as cf32_le; the header's rate counts unless `facts` have one."""
    if follow or facts.datatype:
        raise UserError(
            f"{path} is a WAV file, which says itself what its samples are and where they end; "
            "--datatype and --follow are for raw samples"
        )
    found = wav.open_wav(path)
    known = replace(
        facts,
        sample_rate_hz=facts.sample_rate_hz or found.sample_rate_hz,
        center_frequency_hz=found.center_frequency_hz
        if facts.center_frequency_hz is None
        else facts.center_frequency_hz,
    )
    source = SampleSource(found.samples)
    analytic = found.samples if isinstance(found.samples, Analytic) else None
    return Stream(source, recording.with_facts(Recording(), known), analytic)


def full_band(stream: Stream) -> Stream:
    """A Stream with noise at all frequencies: of one made of a real signal the upper half.

    That has half the sample rate, and its middle a quarter of the rate higher.
    """
    known = stream.recording
    if stream.analytic is None or known.sample_rate_hz is None:
        return stream
    center = known.center_frequency_hz or 0.0
    facts = Facts(
        sample_rate_hz=known.sample_rate_hz / 2,
        center_frequency_hz=center + known.sample_rate_hz / 4,
    )
    source = SampleSource(UpperHalf(stream.analytic))
    return Stream(source, recording.with_facts(Recording(), facts))
