"""Sides of a comparison, measured in turn and each in a process of its own.

A process of its own, because what one side does to its process (an allocator that keeps
memory, threads, patched modules) must not help or hinder the others. In turn, because a
machine that is busy for a while then disturbs all sides alike.
"""

import multiprocessing
import signal
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from ..errors import UserError
from .flop import count_flop

PATIENCE = 5  # seconds for a process to end by itself
Work = tuple[Callable[[], object], float]  # what is to be called, and the units of one call
Rates = dict[str, "Rate"]


@dataclass(frozen=True)
class Side:
    """Something to be measured.

    Attributes:
        name: of the side, one of its kind
        process: sides that name the same process share it
        make: function of a module; ``make(**arguments)`` returns what is to be called, and
            how many units one call works off
        arguments: of `make`; they are pickled
    """

    name: str
    process: str
    make: Callable[..., Work]
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rate:
    """What was measured of a side.

    Attributes:
        value: units a second, the median over the rounds
        flop: of the matrix products and convolutions that PyTorch did for a unit
    """

    value: float
    flop: float = 0.0


def measure(
    sides: Sequence[Side], *, seconds: float, rounds: int, log: Callable[[str], None]
) -> Rates:
    """Rates of Sides by name.

    Args:
        sides: sequence of Side
        seconds: that each of them runs in each round, at least one call
        rounds: how often all of them run, one after the other
        log: called with a line before each round

    Every side is called once before the first round, to warm up and to count its FLOP.
    Raises the UserError of a side, and RuntimeError with the traceback of anything else.
    """
    with ExitStack() as stack:
        ask = {
            name: stack.enter_context(_process(name))
            for name in dict.fromkeys(side.process for side in sides)
        }
        log("preparing")
        flop = {side.name: ask[side.process](side) for side in sides}
        values: dict[str, list[float]] = {side.name: [] for side in sides}
        for number in range(rounds):
            log(f"round {number + 1} of {rounds}")
            for side in sides:
                values[side.name].append(ask[side.process]((side.name, seconds)))
    return {name: Rate(statistics.median(seen), flop[name]) for name, seen in values.items()}


@contextmanager
def _process(name: str) -> Iterator[Callable[[Any], Any]]:
    """A function that lets a new process answer a request of :func:`_answer`."""
    context = multiprocessing.get_context("spawn")  # nothing is inherited but the environment
    pipe, far = context.Pipe()
    process = context.Process(target=_serve, args=(far,), daemon=True)
    process.start()
    far.close()

    def ask(request: Any) -> Any:
        try:
            pipe.send(request)
            answer = pipe.recv()
        except (EOFError, BrokenPipeError):
            raise UserError(
                f"the process that measures {name} was ended, perhaps for lack of memory"
            ) from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    try:
        yield ask
    finally:
        pipe.close()  # which tells it to end
        process.join(PATIENCE)
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    """Answer requests for as long as the other end of `pipe` is open."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    works: dict[str, Work] = {}
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_answer(request, works))
        except UserError as error:
            pipe.send(error)
        except Exception:
            pipe.send(RuntimeError(traceback.format_exc()))


def _answer(request: Any, works: dict[str, Work]) -> float:
    """Make a Side and count the FLOP of a unit; or, of (name, seconds), run it for a while."""
    if isinstance(request, Side):
        work, amount = works[request.name] = request.make(**request.arguments)
        return count_flop(work) / amount
    name, seconds = request
    work, amount = works[name]
    calls, start = 0, time.perf_counter()
    while not calls or time.perf_counter() - start < seconds:
        work()
        calls += 1
    return amount * calls / (time.perf_counter() - start)
