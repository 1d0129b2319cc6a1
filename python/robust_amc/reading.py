"""Opening files that come from anywhere: regular ones only, and no more of them than is expected.

A pipe would be waited for and a device read without an end, whatever their names say.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .errors import UserError
from .files import AnyPath


@contextmanager
def opened(path: AnyPath) -> Iterator[BinaryIO]:
    """Yield a regular file, open for reading bytes.

    Raises UserError when it cannot be read, now or in the body of the ``with``, or is something
    else; that is found without waiting for anybody.
    """
    with _open(path) as file:
        try:
            yield file
        except OSError as error:
            raise UserError(f"cannot read {path}: {_reason(error)}") from None


def _open(path: AnyPath) -> BinaryIO:
    try:
        # what it is, is asked of what was opened: the name may lead elsewhere a moment later
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {_reason(error)}") from None
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        # by its path, so that the file has a name: some readers ask for it
        return open(path, "rb", opener=lambda *_: descriptor)
    os.close(descriptor)
    raise UserError(f"cannot read {path}: it is {_name(kind)}, not a regular file")


def require_regular(path: AnyPath) -> os.stat_result:
    """UserError unless `path` is a regular file that can be read, for who opens it himself."""
    with opened(path) as file:
        return os.fstat(file.fileno())


def content(path: AnyPath, most: int, what: str) -> bytes:
    """All bytes of a regular file; UserError when there are more than `most` of `what`."""
    with opened(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise UserError(f"{path} has more than {most >> 10} kB, too much for {what}")
    return found


def text(path: AnyPath, most: int, what: str) -> str:
    """The same as text in UTF-8; UserError when it is none."""
    try:
        return content(path, most, what).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text, so it is not {what}") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _name(kind: int) -> str:
    for is_such, name in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_such(kind):
            return name
    return "a socket"

