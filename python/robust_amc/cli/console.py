"""Consoles: results go to standard output, progress and messages to standard error."""

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# A file or a pipe has no width of its own; a table of results needs this much.
WIDTH = 140
out = Console(width=None if sys.stdout.isatty() else WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)


def progress():
    """A progress bar on standard error; nothing when that is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
