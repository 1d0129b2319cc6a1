"""What a data format is: how its files are known, read and, perhaps, written."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from ..dataset import FrameDataset, Progress


@dataclass(frozen=True)
class RawFacts:
    """What a file of samples does not say itself; None where it is not known.

    Attributes:
        sample_rate_hz: samples a second
        modulation: name of the class
        snr_db: SNR label, dB
        datatype: SigMF's name of the samples' type
        class_names: names of the classes, in the order of their numbers
    """

    sample_rate_hz: float | None = None
    modulation: str | None = None
    snr_db: float | None = None
    datatype: str | None = None
    class_names: tuple[str, ...] | None = None

    def given(self) -> set[str]:
        """Names of the facts that are known."""
        return {each.name for each in fields(self) if getattr(self, each.name) is not None}



@dataclass(frozen=True)
class Format:
    """A data format, which is one file of its own: a plug of the registry.

    One of another package is registered as an entry point of the group ``robust_amc.formats``.

    Attributes:
        description: in a few words, for help texts: "a RadioML pickle"
        suffixes: that its files usually have, in lower case; the first one is that of a file that
            is written
        sniff: whether a file is of this format, from its first 512 bytes and its path
        read: opens a file: called with its path, the frame length (None: as it is) and
            RawFacts, gives a FrameDataset. Longer frames may be left for the caller to cut.
            Raises UserError when the file is damaged
        write: writes a FrameDataset to a path, and calls the Progress that it gets (or None)
            with numbers of frames. None: cannot be written
        targets: the files that writing to a path makes (None: that one)
        facts: names of the RawFacts that `read` can use
        half_precision: whether half precision can be written
        guess: the first bytes prove little: all others are asked first
    """

    description: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes, Path], bool]
    read: Callable[[Path, int | None, RawFacts], FrameDataset]
    write: Callable[[FrameDataset, Path, Progress | None], None] | None = None
    targets: Callable[[Path], tuple[Path, ...]] | None = None
    facts: frozenset[str] = frozenset()
    half_precision: bool = False
    guess: bool = False
