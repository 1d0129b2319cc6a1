"""Signals of a scan in a JSON file, written as they come."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

from ..files import AnyPath, Document, plain, replacing
from .scan import ScannedSignal


class SignalFile:
    """Writes ``{"settings": …, "rows": […]}``; no row stays in memory.

    Attribute `rows`: how many were written.
    """

    def __init__(self, text: IO[str], settings: Document) -> None:
        self._text = text
        self.rows = 0
        text.write(f'{{"settings": {_dumped(settings)},\n"rows": [')

    def add(self, signal: ScannedSignal) -> None:
        """Write a row."""
        self._text.write(("," if self.rows else "") + "\n" + _dumped(asdict(signal)))
        self.rows += 1

    def finish(self) -> None:
        """Write what makes it whole."""
        self._text.write("\n]}\n")


@contextmanager
def signal_file(path: AnyPath, settings: Document) -> Iterator[SignalFile]:
    """Yield a SignalFile, which gets its name when the block ends well.

    Raises UserError when it cannot be written.
    """
    with replacing(path) as temporary, open(temporary, "w") as text:
        found = SignalFile(text, settings)
        yield found
        found.finish()


def _dumped(document: Document) -> str:
    return json.dumps(plain(document), allow_nan=False)
