# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads that decide what is in a LiveQueue."""

import threading

PATIENCE = 0.25  # seconds that a thread waits for frames before it calls `idle`
DRAIN = 0.2  # seconds for deciding what is queued when the flowgraph stops


class LiveWorker:
    """Takes batches from a queue, decides and publishes them, from start() to stop().

    A batch is taken as soon as it is full, or when its oldest frame has waited for the latency,
    by a thread that is free. Each of the `lanes` is a thread, so that one batch can be decided
    while another is taken or published. Batches are published one at a time, in the order in
    which they were taken.

    Args:
        queue: LiveQueue
        decide: called with a batch, from several threads at once; returns what `publish` gets
        publish: called with each batch and what `decide` returned, in order
        failed: called with the batch and the exception when one of these two raises it
        idle: called after each batch, and a few times a second when there is none
        max_batch: maximum number of frames in a batch
        latency: seconds
        lanes: how many batches may be decided at once
    """

    def __init__(self, queue, decide, publish, failed, idle, max_batch, latency, lanes=1):
        self._queue, self._decide, self._publish = queue, decide, publish
        self._failed, self._idle = failed, idle
        self._max_batch, self._latency, self._lanes = max_batch, latency, lanes
        self._threads = []
        self._taking, self._ended = threading.Lock(), threading.Condition()
        self._taken = self._done = 0  # batches since the start

    def start(self):
        """Begin, or begin again."""
        self.stop()
        self._taken = self._done = 0
        self._queue.open()
        # Daemons: a program that forgets to stop its flowgraph can still end
        self._threads = [
            threading.Thread(target=self._run, name=f"htrd-live-{lane}", daemon=True)
            for lane in range(self._lanes)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Decide what is queued, for a short time; returns how many frames were left then.

        No thread is left afterwards. A batch that has begun is finished.
        """
        if not self._threads:
            return 0
        self._queue.close(DRAIN)
        for thread in self._threads:
            thread.join()
        self._threads = []
        return self._queue.clear()

    def _run(self):
        while (taken := self._take()) is not None:
            number, batch = taken
            try:
                if batch:
                    self._handle(number, batch)
                self._wait_for(number)
                self._idle()
            finally:  # whatever happens, the batches after this one must not wait forever
                self._wait_for(number)
                self._end()

    def _take(self):
        """The next batch with its number; None at the end."""
        with self._taking:
            while True:
                batch = self._queue.take(self._max_batch, self._latency, PATIENCE)
                if batch is None:
                    return None
                # An empty one only lets `idle` run: not while other batches are at work
                if batch or self._taken == self._done:
                    break
            self._taken += 1
            return self._taken - 1, batch

    def _handle(self, number, batch):
        try:
            decided = self._decide(batch)
            self._wait_for(number)
            self._publish(batch, decided)
        except Exception as error:  # noqa: BLE001 (whatever the runtime of an engine raises)
            self._wait_for(number)
            self._failed(batch, error)

    def _wait_for(self, number):
        """Wait until all batches before this one have ended."""
        with self._ended:
            self._ended.wait_for(lambda: self._done == number)

    def _end(self):
        with self._ended:
            self._done += 1
            self._ended.notify_all()
