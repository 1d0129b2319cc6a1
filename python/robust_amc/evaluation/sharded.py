"""Evaluations whose frames are shared out between the processes."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import torch.distributed as dist

from ..arrays import Array, Integers

Result = TypeVar("Result")


def sharded(count: int, evaluate: Callable[[Integers], Result]) -> Result:
    """What `evaluate` finds of `count` frames, each process working on its share of them.

    Args:
        count: number of frames
        evaluate: ``rows -> result`` for integers `rows` ``[m]``, some of 0 … `count` - 1
            (or none of them); a dataclass whose arrays have one entry ``[m, …]`` a row,
            as Decisions, Attacked and Outcome have. All else in it must not depend on `rows`.

    Returns the result for all frames, in order, in every process. A Runtime must have
    connected the processes; without one, or with one process, it is ``evaluate`` of all.
    """
    if not dist.is_initialized():
        return evaluate(np.arange(count))
    rank, world = dist.get_rank(), dist.get_world_size()
    parts: list[Any] = [None] * world
    dist.all_gather_object(parts, evaluate(np.arange(rank, count, world)))
    arrays = {
        field.name: _interleave(count, [getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return replace(parts[0], **arrays)


def _interleave(count: int, parts: Sequence[Array]) -> Array:
    """One array ``[count, …]`` of what each process has of its rows."""
    whole = np.empty((count, *parts[0].shape[1:]), parts[0].dtype)
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole
