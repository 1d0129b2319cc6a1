"""The terminal: results to standard output, progress and messages to standard error, and signals.

A program runs in :func:`run`; :func:`progress`, :func:`working` and :func:`counting` show that it
works, :func:`stopping` lets a user end it. No text is markup: it may be a user's.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
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
from rich.text import Text

from ..errors import UserError, printable
from ..runtime import processes
from .standard_streams import failure, open_closed, patient

# A file or a pipe has no width of its own; a table of results needs this much.
WIDTH = 140
_QUIET = not processes.is_first()  # of several processes only the first one speaks
_PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "quiet": _QUIET}
open_closed()
out = Console(width=None if sys.stdout.isatty() else WIDTH, **_PLAIN)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH, **_PLAIN)
_until_end = ExitStack()

Show = Callable[[int, int], None]  # what is done, of how much


class _Lines(logging.Handler):
    """Shows what the library logs as lines on standard error, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = printable(record.getMessage())
        if line not in self.shown:
            self.shown.add(line)
            err.print(line, highlight=False, soft_wrap=True)


def run(program: Callable[[], object]) -> None:
    """Call a program; a user's mistake is one line on standard error and status 2.

    SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in it, so that nothing half written
    stays; the status is then that of the signal. What a standard stream does not take ends
    nothing: that nobody reads it any more is no error, anything else is one in the end.
    """
    log, lines = logging.getLogger("robust_amc"), _Lines()
    log.addHandler(lines)
    try:
        with patient(), _ending() as stop:
            status = _status(program)
            if stop.signal is not None and status in (None, 130):  # 130: Typer says so for all
                err.print("stopped")
                status = stop.status
            problem = failure(sys.stdout)
            if not status and problem and not isinstance(problem, BrokenPipeError):
                _say_error(unwritten(problem))
                status = 2
    finally:
        _until_end.close()
        log.removeHandler(lines)
    if status is not None:
        sys.exit(status)


def _status(program: Callable[[], object]) -> Any:
    """The exit status of a program, None when it just returns."""
    try:
        program()
    except UserError as error:
        _say_error(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as done:
        return done.code or 0
    return None


def _say_error(text: str) -> None:
    err.quiet = False  # in whichever process it is
    err.print(f"error: {text}", style="red", highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A line on standard error, of what is going on."""
    err.print(text, highlight=False)


def until_end(context: AbstractContextManager[object]) -> None:
    """Enter a context, and leave it when the program ends."""
    _until_end.enter_context(context)


def unwritten(problem: OSError) -> str:
    """Why standard output lacks results, in words."""
    return f"cannot write to standard output: {problem.strerror}"


@contextmanager
def _ending() -> Iterator["Stop"]:
    """Yield a Stop that the signals which end a program set, before KeyboardInterrupt is raised."""
    stop = Stop()

    def end(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        raise KeyboardInterrupt

    usual = (signal.SIG_DFL, signal.default_int_handler)  # others are somebody's wish, as nohup's
    before = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if threading.current_thread() is threading.main_thread()
    }
    before = {number: handler for number, handler in before.items() if handler in usual}
    for number in before:
        signal.signal(number, end)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def progress() -> Progress:
    """A progress bar on standard error; nothing when that is not a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=_QUIET or not err.is_terminal,
    )


def working(what: str) -> AbstractContextManager[Any]:
    """A context that shows that `what` is under way, as :func:`progress` does."""
    return nullcontext() if _QUIET or not err.is_terminal else err.status(Text(what))


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
