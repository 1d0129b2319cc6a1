"""Where the bytes of a stream come from. A source never waits longer than it is told to."""

import fcntl
import os
import select
import time
from contextlib import suppress
from typing import Protocol

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
    """A file from its first byte on; with `follow` what is appended to it too, without an end.

    Raises UserError when it cannot be read, or has become shorter.
    """

    skipped = 0

    def __init__(self, path: AnyPath, follow: bool = False) -> None:
        self._path = path
        self._follow = follow
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (as long as the source)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; none when there are none after `timeout` seconds, None at the end."""
        try:
            block = self._file.read(BLOCK)
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
