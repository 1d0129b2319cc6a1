# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the blocks share: small real models, a data set, bounded waiting."""

import contextlib
import faulthandler
import functools
import logging
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pmt
import torch
from gnuradio import blocks, gr, htrd
from gnuradio.htrd.messages import decision_pdu, ports
from robust_amc import frames
from robust_amc.classifier import Classifier
from robust_amc.data import FrameDataset
from robust_amc.data.formats import npz
from robust_amc.models import build
from robust_amc.rejection.calibrate import fit_rejector
from robust_amc.rejection.svm import SVMSettings
from robust_amc.tests import bfloat16  # noqa: F401 (where it is asked for)

CLASSES = ("BPSK", "QPSK", "TONE")
LEVELS = (0.0, 10.0)  # SNR labels, dB
TIMEOUT = 100.0  # seconds; far more than a busy machine needs
ENGINE = "torch"  # of classifiers; qa_native_classifier runs the same tests with another one

# A flowgraph that hangs with Python's lock held ends no test: then this says where it hangs
faulthandler.dump_traceback_later(150, repeat=True)


def make_dataset(per_key, seed):
    """Frames of three easy classes at two SNR labels, in the scale of RML2016."""
    rng = np.random.default_rng(seed)
    count = per_key * len(CLASSES) * len(LEVELS)
    label = np.arange(count) % len(CLASSES)
    snr_db = np.repeat(LEVELS, count // len(LEVELS)).astype(np.float32)
    points = [rng.choice(alphabet, (count, 16)) for alphabet in ([1, -1], [1, 1j, -1, -1j])]
    tone = np.exp(1j * (0.3 * np.arange(128) + rng.uniform(0, 6, (count, 1))))
    signal = np.stack([np.repeat(symbols, 8, axis=1) for symbols in points] + [tone])
    noise = rng.normal(size=(2, count, 128)) * np.sqrt(10 ** (-snr_db / 10) / 2)[:, None]
    samples = signal[label, np.arange(count)] + noise[0] + 1j * noise[1]
    iq = frames.to_iq(samples / np.abs(samples).sum(1, keepdims=True))
    run_id = np.arange(count, dtype=np.int32)
    return FrameDataset(iq, label.astype(np.int16), CLASSES, snr_db, run_id)


@functools.cache
def folder():
    """A folder with ``frames.npz`` and the models ``plain`` and ``rejecting``."""
    made = tempfile.TemporaryDirectory(prefix="htrd_qa_")
    place = Path(made.name)
    folder.keep = made  # removed at exit
    npz.write(make_dataset(20, seed=1), place / "frames.npz")
    torch.manual_seed(0)
    network = build("vtcnn2", len(CLASSES), input_gain=100.0)
    plain = Classifier(network, CLASSES, metadata={
        "architecture": {"name": "vtcnn2", "input_gain": 100.0}, "frame_length": 128,
        "scaling": "sum_abs",
    })
    plain.save(place / "plain.safetensors")
    settings = SVMSettings(frames_per_class=60)
    rejecting = fit_rejector(plain, make_dataset(30, seed=2), make_dataset(40, seed=3), settings)
    rejecting.save(place / "rejecting.safetensors")
    return place


def model(name):
    """Path of a model of :func:`folder`."""
    return str(folder() / f"{name}.safetensors")


def dataset():
    """Path of the data set of :func:`folder`."""
    return str(folder() / "frames.npz")


def run(flowgraph, timeout=TIMEOUT):
    """Run a flowgraph to its end; AssertionError when it takes longer than `timeout` s."""
    flowgraph.start()
    waiting = threading.Thread(target=flowgraph.wait, daemon=True)
    waiting.start()
    waiting.join(timeout)
    if waiting.is_alive():
        flowgraph.stop()
        waiting.join(5)
        raise AssertionError(f"the flowgraph did not end within {timeout} s")


def wait_for(condition, timeout=TIMEOUT):
    """Wait until `condition()` holds; AssertionError after `timeout` s."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{condition} did not come true within {timeout} s")
        time.sleep(0.01)


def frame_source(samples, tags=(), repeat=False):
    """Source of complex frames ``[n, 128]``; tags are (item, name, pmt)."""
    stream = [
        gr.tag_utils.python_to_tag((item, pmt.intern(name), value, pmt.PMT_F))
        for item, name, value in tags
    ]
    flat = np.asarray(samples, np.complex64).ravel().tolist()
    return blocks.vector_source_c(flat, repeat, samples.shape[1], stream)


class slow_source(gr.hier_block2):
    """The data set again and again, at `rate` frames a second, so in small batches."""

    def __init__(self, rate):
        vector = gr.io_signature(1, 1, 128 * gr.sizeof_gr_complex)
        gr.hier_block2.__init__(self, "slow_source", gr.io_signature(0, 0, 0), vector)
        self.source = htrd.dataset_source(dataset(), repeat=True)
        self.throttle = blocks.throttle(128 * gr.sizeof_gr_complex, rate)
        self.connect(self.source, self.throttle, self)


def messages(sink):
    """What a blocks.message_debug stored, as Python objects."""
    return [pmt.to_python(sink.get_message(n)) for n in range(sink.num_messages())]


def post(block, port, message):
    """Put a message into a block's input port."""
    block.to_basic_block()._post(pmt.intern(port), message)


def tags_of(sink):
    """Tags in a sink: a list of dictionaries, one an item."""
    items = {}
    for tag in sink.tags():
        items.setdefault(tag.offset, {})[pmt.symbol_to_string(tag.key)] = pmt.to_python(tag.value)
    return [items[offset] for offset in sorted(items)]


def classifier(model, **settings):
    """htrd.classifier, with the engine that is tested."""
    return htrd.classifier(model, **{"num_classes": len(CLASSES), "engine": ENGINE} | settings)


def live_threads():
    """Names of the threads that live mode has running, in Python and in C++."""
    found = [each.name for each in threading.enumerate() if each.name.startswith("htrd-live")]
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            name = (task / "comm").read_text().strip()
            found += [name] if name == "live-classifier" else []
    return found


class Store(gr.sync_block):
    """Keeps the `batches` and `status` of a classifier, the last ones too.

    GNU Radio may end this block before the classifier's stop() publishes: :meth:`drain` fetches
    what then waits.
    """

    def __init__(self, block, flowgraph):
        gr.sync_block.__init__(self, "store", None, None)
        self.batches, self.status = [], []
        for name in ("batches", "status"):
            self.message_port_register_in(pmt.intern(name))
            self.set_msg_handler(pmt.intern(name), getattr(self, f"keep_{name}"))
            flowgraph.msg_connect(block, name, self, name)

    def keep_batches(self, message):
        """A message on `batches`."""
        self.batches.append(decision_pdu.decode(message))

    def keep_status(self, message):
        """A message on `status`."""
        self.status.append(pmt.to_python(message))

    def drain(self):
        """Keep what has come since GNU Radio ended this block."""
        ports.drain(self, batches=self.keep_batches, status=self.keep_status)


class said(logging.Handler):
    """What classifiers have warned of so far, in Python and in C++: lines in `output`."""

    def __init__(self):
        logging.Handler.__init__(self, logging.WARNING)
        self._records, self._written = [], ""

    def emit(self, record):
        """A record of Python's logging."""
        self._records.append(record.getMessage())

    @property
    def output(self):
        """The lines; those in C++ go to standard output."""
        lines = self._read().splitlines()
        return self._records + [line for line in lines if ":warning:" in line]

    def __enter__(self):
        self._file, self._stdout = tempfile.TemporaryFile(), os.dup(1)
        sys.stdout.flush()
        os.dup2(self._file.fileno(), 1)
        for name in ("gnuradio.htrd", "robust_amc"):
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(self, *_):
        for name in ("gnuradio.htrd", "robust_amc"):
            logging.getLogger(name).removeHandler(self)
        os.dup2(self._stdout, 1)
        os.close(self._stdout)
        self._read()
        self._file.close()

    def _read(self):
        if not self._file.closed:
            self._written = os.pread(self._file.fileno(), 1 << 20, 0).decode(errors="replace")
        return self._written
