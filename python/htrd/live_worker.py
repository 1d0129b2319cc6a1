# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that decides what is in a LiveQueue."""

import threading

PATIENCE = 0.25  # seconds between two looks at the clock when nothing comes
DRAIN = 0.2  # seconds for what is queued at the end


class LiveWorker:
    """Takes batches from a queue, one after the other, from start() to stop().

    A batch is as large as the backlog allows and starts when its oldest frame has waited for
    the latency, at the latest; both need that the batch before it is done.

    Args:
        queue: LiveQueue
        handle: called with each batch; what it raises must not be the end of the others
        failed: called with the batch and the exception where `handle` raises one
        idle: called after each batch, and a few times a second when there is none
        most: frames in a batch, at most
        latency: seconds
    """

    def __init__(self, queue, handle, failed, idle, most, latency):
        self._queue, self._handle, self._failed, self._idle = queue, handle, failed, idle
        self._most, self._latency = most, latency
        self._thread = None

    def start(self):
        """Begin, or begin again."""
        self.stop()
        self._queue.open()
        # A daemon: a program that forgets to stop its flowgraph can still end
        self._thread = threading.Thread(target=self._run, name="htrd-live", daemon=True)
        self._thread.start()

    def stop(self):
        """Decide what is queued, for a short time; returns how many frames were left then.

        No thread is left afterwards. A batch that has begun is finished.
        """
        if self._thread is None:
            return 0
        self._queue.close(DRAIN)
        self._thread.join()
        self._thread = None
        return self._queue.clear()

    def _run(self):
        while (batch := self._queue.take(self._most, self._latency, PATIENCE)) is not None:
            if batch:
                self._try(batch)
            self._idle()

    def _try(self, batch):
        try:
            self._handle(batch)
        except Exception as error:  # noqa: BLE001 (whatever the runtime of an engine raises)
            self._failed(batch, error)
