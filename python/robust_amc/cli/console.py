"""Consoles: results go to standard output, progress and messages to standard error."""

import sys
from contextlib import nullcontext

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .. import processes
from ..errors import UserError

# A file or a pipe has no width of its own; a table of results needs this much.
WIDTH = 140
_QUIET = not processes.is_first()  # of several processes only the first one speaks
out = Console(width=None if sys.stdout.isatty() else WIDTH, quiet=_QUIET)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH, quiet=_QUIET)


def run(program):
    """Call a program; a user's mistake is one line on standard error and status 2."""
    try:
        program()
    except UserError as error:
        err.quiet = False  # in whichever process it is
        err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("stopped", highlight=False)
        sys.exit(130)


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
        disable=_QUIET or not err.is_terminal,
    )


def working(what):
    """A context that shows that `what` is under way, as :func:`progress` does."""
    return nullcontext() if _QUIET or not err.is_terminal else err.status(what)
