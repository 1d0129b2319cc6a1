"""A progress bar for frames, with their rate."""

import time
from contextlib import contextmanager

from .console import progress


@contextmanager
def counting(what):
    """Yield `show(done, total)`, which draws the progress of `what` in numbers of frames."""
    with progress() as bar:
        task = bar.add_task(what, total=None, note="")
        start = time.monotonic()

        def show(done, total):
            rate = done / max(time.monotonic() - start, 1e-6)
            bar.update(task, completed=done, total=total, note=f"{rate:.0f} frames/s")

        yield show
