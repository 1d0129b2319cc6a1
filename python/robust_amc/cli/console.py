"""The terminal: results to standard output, progress and messages to standard error, and signals.

A program runs in :func:`run`; :func:`progress`, :func:`working` and :func:`counting` show that it
works, :func:`stopping` lets a user end it.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import UserError
from ..runtime import processes

# A file or a pipe has no width of its own; a table of results needs this much.
WIDTH = 140
_QUIET = not processes.is_first()  # of several processes only the first one speaks
out = Console(width=None if sys.stdout.isatty() else WIDTH, quiet=_QUIET)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH, quiet=_QUIET)


Show = Callable[[int, int], None]  # what is done, of how much


class _Lines(logging.Handler):
    """Shows what the library logs as lines on standard error, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line not in self.shown:
            self.shown.add(line)
            err.print(line, highlight=False, markup=False, soft_wrap=True)


def run(program: Callable[[], object]) -> None:
    """Call a program; a user's mistake is one line on standard error and status 2."""
    log, lines = logging.getLogger("robust_amc"), _Lines()
    log.addHandler(lines)
    try:
        program()
    except UserError as error:
        err.quiet = False  # in whichever process it is
        err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("stopped", highlight=False)
        sys.exit(130)
    finally:
        log.removeHandler(lines)


def progress() -> Progress:
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


def working(what: str) -> AbstractContextManager[Any]:
    """A context that shows that `what` is under way, as :func:`progress` does."""
    return nullcontext() if _QUIET or not err.is_terminal else err.status(what)


@contextmanager
def counting(what: str) -> Iterator[Show]:
    """Yield `show(done, total)`, which draws the progress of `what` in numbers of frames."""
    with progress() as bar:
        task = bar.add_task(what, total=None, note="")
        start = time.monotonic()

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - start, 1e-6)
            bar.update(task, completed=done, total=total, note=f"{rate:.0f} frames/s")

        yield show


class Stop:
    """Attribute `signal`: the number of the signal that came, None as long as none did."""

    signal: int | None = None

    def __call__(self) -> bool:
        """Whether it is time to end."""
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status, as a shell expects it."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stopping() -> Iterator[Stop]:
    """Yield a Stop that SIGINT and SIGTERM set; the second of them ends at once."""
    stop = Stop()
    before: dict[int, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        signal.signal(number, before[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
