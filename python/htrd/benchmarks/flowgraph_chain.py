# SPDX-License-Identifier: GPL-3.0-or-later
"""The flowgraphs that the bench of the classifier runs."""

import time
from contextlib import contextmanager

import pmt
from gnuradio import blocks, gr, htrd
from robust_amc import data, frames

from ..buffers import set_buffer

LENGTH = frames.FRAME_LENGTH
MAX_BATCH = 256
QUEUE = 8192  # frames, nearly a second: short stalls of the machine must not make it drop any
BUFFERED = 3.3e-3  # seconds of samples behind a source: about as long a thread waits for a core
WARM_UP = 0.5  # seconds of each flowgraph that do not count


class Chain(gr.top_block):
    """Frames of the packaged sample, all SNR labels, through a classifier, again and again.

    In replay mode as fast as they are decided; in live mode behind a throttle of `samp_rate`
    and a frame_sampler that delivers up to `max_rate` frames a second. Decided by the
    InferenceEngine `opened`, in C++ where `engine` says ``native``.
    """

    def __init__(self, opened, mode, samp_rate=0.0, max_rate=0.0, engine="torch", latency_ms=10.0):
        gr.top_block.__init__(self)
        self.classifier = htrd.classifier(
            opened, len(opened.classes), publish_decisions=False, engine=engine, mode=mode,
            max_batch=MAX_BATCH, queue_frames=QUEUE, latency_ms=latency_ms,
        )
        self.status, self.batches = Listener("status"), Listener("batches")
        for listener in (self.status, self.batches):
            self.msg_connect(self.classifier, listener.port, listener, listener.port)
        if mode == "replay":
            self.source = htrd.dataset_source("sample", repeat=True, tags=False)
            self.connect(self.source, self.classifier)
            return
        samples = frames.to_complex(data.read("sample").iq.astype("float32")).ravel()
        self.source = blocks.vector_source_c(samples.tolist(), True)
        self.throttle = blocks.throttle(gr.sizeof_gr_complex, samp_rate)
        self.sampler = htrd.frame_sampler(LENGTH, samp_rate=samp_rate, max_rate=max_rate)
        for block in (self.source, self.throttle):
            set_buffer(block, int(BUFFERED * samp_rate))
        self.connect(self.source, self.throttle, self.sampler, self.classifier)

    def done(self):
        """Frames decided so far."""
        return self.classifier.status()["decided"]

    def next_change(self, count):
        """The function next_change, of a count of the classifier's status()."""
        return next_change(lambda: self.classifier.status()[count])


class Listener(gr.sync_block):
    """Keeps the latest messages of a port as they came, and counts the frames of batches."""

    def __init__(self, port):
        gr.sync_block.__init__(self, f"listener to {port}", None, None)
        self.port, self.batches, self.kept = port, 0, []
        self.message_port_register_in(pmt.intern(port))
        self.set_msg_handler(pmt.intern(port), self.handle_message)

    def handle_message(self, message):
        """A message on the port."""
        self.batches += 1
        if self.port == "status":
            self.kept.append(pmt.to_python(message))


def next_change(count):
    """Value of `count()` when it changes next, and when that was.

    Frames are decided many at once: only between two changes is a rate exact.
    """
    before = count()
    while (after := count()) == before:
        time.sleep(0.001)
    return after, time.perf_counter()


@contextmanager
def running(flowgraph):
    """A flowgraph that has run for the warm-up, stopped afterwards."""
    flowgraph.start()
    try:
        time.sleep(WARM_UP)
        yield
    finally:
        flowgraph.stop()
        flowgraph.wait()
