"""The regular files in a tar archive, and where their bytes lie; nothing is unpacked.

Read here and not by `tarfile`, which believes the sizes of extended headers and follows links.
Links, devices and sparse files count as not there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from ... import reading
from ...errors import UserError
from ...files import AnyPath

_BLOCK = 512
_MOST_MEMBERS = 10_000
_LONGEST_NOTE = 1 << 13  # bytes of an extended header
_REGULAR, _PAX, _LONG_NAME, _OTHERS = (b"0", b"\0", b"7"), b"x", b"L", (b"K", b"g")


@dataclass(frozen=True)
class Member:
    """A file in an archive: its name without folders, its first byte and its size."""

    name: str
    first: int
    size: int


def members(path: AnyPath) -> list[Member]:
    """The regular files of an archive; UserError when it is damaged or has too many."""
    try:
        with reading.opened(path) as file:
            return list(_members(file))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # UserError too
        raise UserError(f"{path} is a damaged archive: {error}") from None


def _members(file: BinaryIO) -> Iterator[Member]:
    end = os.fstat(file.fileno()).st_size
    position, notes = 0, dict[str, str]()
    for _ in range(_MOST_MEMBERS):
        file.seek(position)
        header = file.read(_BLOCK)
        if not header.strip(b"\0"):
            return
        _check(header)
        first, kind = position + _BLOCK, header[156:157]
        size = _number(header[124:136])
        if kind in _REGULAR and "size" in notes:
            size = int(notes["size"][:20])
        if not 0 <= size <= end - first:
            raise UserError("a file in it is cut short")
        if kind in (_PAX, _LONG_NAME):
            if size > _LONGEST_NOTE:
                raise UserError("a header in it is too long")
            notes |= _pax(file.read(size)) if kind == _PAX else {"path": _text(file.read(size))}
        elif kind not in _OTHERS:
            if kind in _REGULAR and "GNU.sparse.major" not in notes:
                yield Member(PurePosixPath(notes.get("path") or _name(header)).name, first, size)
            notes = {}
        position = first + -(-size // _BLOCK) * _BLOCK
    raise UserError(f"it holds more than {_MOST_MEMBERS} files")


def _check(header: bytes) -> None:
    """UserError unless a header has its checksum, in which that counts as spaces."""
    expected = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    said = header[148:156].strip(b" \0").lstrip(b"0")
    if len(header) < _BLOCK or said != b"%o" % expected:
        raise UserError("a header in it is not one of a tar archive")


def _number(field: bytes) -> int:
    """A number in octal digits or, when it is large, in base 256."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field.strip(b" \0") or b"0", 8)


def _name(header: bytes) -> str:
    return _text(header[:100])


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode(errors="replace")


def _pax(note: bytes) -> dict[str, str]:
    """The records ``length key=value`` of an extended header."""
    found = {}
    while note:
        length = int(note.split(b" ", 1)[0][:10])
        record = note[:length].decode(errors="replace").rstrip("\n")
        if not 0 < length <= len(note):
            raise UserError("a header in it is damaged")
        key, _, value = record.split(" ", 1)[-1].partition("=")
        found[key] = value
        note = note[length:]
    return found
