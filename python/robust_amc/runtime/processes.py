"""Which of the processes that `torchrun` has started this one is."""

import os


def rank() -> int:
    """Number of this process among all, 0 for the first and for the only one."""
    return _number("RANK", 0)


def world() -> int:
    """How many processes there are, over all machines."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """Number of this process among those of its machine."""
    return _number("LOCAL_RANK", 0)


def local_world() -> int:
    """How many processes there are on this machine."""
    return _number("LOCAL_WORLD_SIZE", 1)


def is_first() -> bool:
    """Whether this is the process that speaks and writes files."""
    return rank() == 0


def _number(name: str, alone: int) -> int:
    # Other launchers set some of these names too, but for processes that are not ours to join.
    return int(os.environ[name]) if "TORCHELASTIC_RUN_ID" in os.environ else alone
