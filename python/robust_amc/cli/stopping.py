"""Ctrl-C as a wish: what is under way is finished, then the command ends."""

import signal
from contextlib import contextmanager


class Stop:
    """Attribute `signal`: the number of the signal that came, None as long as none did."""

    signal = None

    def __call__(self):
        """Whether it is time to end."""
        return self.signal is not None

    @property
    def status(self):
        """The exit status, as a shell expects it."""
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stopping():
    """Yield a Stop that SIGINT and SIGTERM set; the second of them ends at once."""
    stop, before = Stop(), {}

    def note(number, _frame):
        stop.signal = number
        signal.signal(number, before[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
