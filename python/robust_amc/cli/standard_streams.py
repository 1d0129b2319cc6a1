"""Standard streams that take all text and never end a program: full, closed, of any encoding."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO, cast


def open_closed() -> None:
    """Let closed standard streams lead nowhere, lest files that are opened get their numbers."""
    if sys.stdout is not None and sys.stderr is not None:
        return
    while os.open(os.devnull, os.O_RDWR) < 2:
        pass
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


@contextmanager
def patient() -> Iterator[None]:
    """Have standard output and standard error for the block that raise no error.

    Characters that their encoding lacks are written as escapes. What cannot be written is
    left out, and :func:`failure` says why.
    """
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    for name, stream in before.items():
        setattr(sys, name, _patient(stream))
    try:
        yield
    finally:
        for name, stream in before.items():
            getattr(sys, name).flush()
            setattr(sys, name, stream)


def failure(stream: TextIO) -> OSError | None:
    """Why a stream of :func:`patient` lacks text; None when it does not."""
    buffer = getattr(stream, "buffer", None)
    return buffer.failure if isinstance(buffer, _Patient) else None


def _patient(stream: TextIO) -> TextIO:
    if not hasattr(stream, "buffer"):  # not one of the operating system's
        return stream
    stream.flush()
    return io.TextIOWrapper(
        cast(BinaryIO, _Patient(stream.buffer)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=bool(stream.line_buffering),
    )


class _Patient(io.BufferedIOBase):
    """Bytes of a standard stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, data: Any) -> int:
        self._try(lambda: self._stream.write(data))
        return len(data)

    def flush(self) -> None:
        if not self._stream.closed:
            self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            self.failure = error
            # What is still in its buffer goes nowhere too, else Python complains in the end
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
