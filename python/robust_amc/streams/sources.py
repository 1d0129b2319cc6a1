"""Where the bytes of a stream come from. A source never waits longer than it is told to."""

import fcntl
import os
import select
import time
from contextlib import suppress
from typing import Protocol

from ..data.formats.sample_file import Samples
from ..errors import UserError
from ..files import AnyPath

BLOCK = 1 << 18  # bytes that are read at a time
_GROWTH = 0.02  # seconds between two looks at a file that grows
_PIPE = 1 << 20  # bytes that a pipe holds, so that its writer need not wait for a batch


class Source(Protocol):
    """Something that bytes come from.

    `skipped` counts messages that were left out because they hold no samples.
    """

    skipped: int

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; none when there are none after `timeout` seconds, None at the end."""

    def close(self) -> None:
        """Let go of it."""


class FileSource:
    """A file from the byte `first` on; with `follow` what is appended to it too, without an end.

    It ends after `size` bytes (None: with the file). Raises UserError when it cannot be read, or
    has become shorter.
    """

    skipped = 0

    def __init__(
        self, path: AnyPath, follow: bool = False, first: int = 0, size: int | None = None
    ) -> None:
        self._path = path
        self._follow = follow
        self._left = size
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (as long as the source)
            if first:
                self._file.seek(first)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; none when there are none after `timeout` seconds, None at the end."""
        try:
            if self._left is None:
                block = self._file.read(BLOCK)
            else:
                block = self._file.read(min(BLOCK, self._left))
                self._left -= len(block)
        except OSError as error:
            raise UserError(f"cannot read {self._path}: {error.strerror}") from None
        if block or not self._follow:
            return block or None
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            raise UserError(f"{self._path} has become shorter while it was read; start again")
        time.sleep(min(timeout, _GROWTH))
        return b""

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class SampleSource:
    """Samples that can be read at any place, from the first to the last, as cf32_le."""

    skipped = 0

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._done = 0

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; None at the end. Raises UserError when they cannot be read."""
        first, self._done = self._done, min(self._done + BLOCK // 8, len(self._samples))
        return self._samples.read(first, self._done).astype("<f4").tobytes() or None

    def close(self) -> None:
        """Nothing: the file is open only while it is read."""


class PipeSource:
    """Standard input, by its file descriptor; UserError when it is a terminal or unreadable."""

    skipped = 0

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        if os.isatty(descriptor):
            raise UserError("standard input is a terminal; pipe samples into it, or name a file")
        with suppress(OSError, AttributeError):  # not a pipe, or not Linux: as it is
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; none when there are none after `timeout` seconds, None at the end."""
        try:
            ready, _, _ = select.select([self._descriptor], [], [], timeout)
            return (os.read(self._descriptor, BLOCK) or None) if ready else b""
        except OSError as error:
            raise UserError(f"cannot read standard input: {error.strerror}") from None

    def close(self) -> None:
        """Nothing: it was open before."""
