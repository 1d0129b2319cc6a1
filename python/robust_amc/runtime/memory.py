"""How much memory is left."""

import ctypes
import os
from functools import lru_cache
from pathlib import Path


def available_memory() -> int:
    """Bytes that can be used without swapping; all of the machine's where that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


# From glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 1 << 25
_NEVER = (1 << 31) - 1


@lru_cache
def keep_freed_memory() -> bool:
    """Let freed memory up to 32 MB a block be reused instead of given back to the system.

    By default glibc takes the maps of every layer from the system anew and gives them back
    after use; clearing their pages is a third of a training step of VT-CNN2. The process then
    holds its peak until it ends. Nothing happens with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # TypeError: no such handle on Windows
        return False
    done = mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    return bool(done and mallopt(_M_TRIM_THRESHOLD, _NEVER))
