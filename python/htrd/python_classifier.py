# SPDX-License-Identifier: GPL-3.0-or-later
"""Classification with rejection, in Python."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.gr.gateway import py_io_signature
from robust_amc import frames
from robust_amc.decisions import NO_OFFSET, DecisionBatch
from robust_amc.rejection import conformal
from robust_amc.rejection.drift import Watch

from .live.queue import ARRIVAL, AS_IS, SAMPLES, LiveQueue
from .live.worker import LiveWorker
from .messages import control, decision_pdu, ports, signal_pdu, tags
from .model import Decider, decide
from .tally import Tally


class python_classifier(gr.sync_block):
    """Decides the modulation of each frame, or rejects it.

    Input 0, optional: frames, vectors of `frame_length` complex64. Frames that are not finite
    or all zero are rejected and counted.

    In ``replay`` mode every frame is decided, with back-pressure on what comes before. Outputs
    (both optional): 0, the class as int16, -1 for a rejected frame; 1, vectors of
    `num_classes` float32 scores. All tags are kept on both.

    In ``live`` mode the input never waits: frames go into a queue, of which the oldest are
    dropped when it is full, and threads decide them in batches. Only messages come out:
    there is no stream output to connect. When the flowgraph stops, what is queued is decided
    for up to 0.2 seconds, and the rest is discarded. Each accepted frame is then counted once,
    as decided, dropped or discarded.

    Messages in, port `control`: `threshold`, `target_rejection` and `model`, as (name, value)
    or a dictionary; `signals`, PDUs of a signal_normalizer, whose samples are cut into frames
    and decided at once, in any mode; their dictionary is handed on, and its `modulation` and
    `pnr_db` are the truth and the PNR of the frames. Messages out: `signals`, one
    for each of those, with what a decision_fuser needs; `decisions`, a PDU a frame, and
    `batches`, a PDU a batch (the layouts are in decision_pdu.py and signal_pdu.py); `status`, a
    dictionary with the first batch and then about once a second: what :meth:`status` says, and
    what :meth:`Tally.report` and, for a model that `htrd calibrate` made, :meth:`Watch.report` add.

    Args:
        engine: InferenceEngine that decides
        open_engine: from a model's name or file to another one; raises UserError
        publish_decisions: send `decisions`
        mode: ``replay`` or ``live``
        latency_ms: a live batch starts as soon as it is full, or when its oldest frame has
            waited this long; later while other batches are being decided (one at a time with
            PyTorch, two with ONNX Runtime and OpenVINO)
        max_batch: maximum number of frames in a live batch
        queue_frames: maximum number of frames that wait in live mode
    """

    def __init__(self, engine, open_engine, publish_decisions=True, mode="replay",
                 latency_ms=10.0, max_batch=256, queue_frames=2048):
        num_classes, frame_length = len(engine.classes), engine.frame_length
        self._publish_decisions = publish_decisions
        streams = [np.int16, (np.float32, num_classes)] if mode == "replay" else []
        gr.sync_block.__init__(
            self, "classifier", in_sig=py_io_signature(0, 1, [(np.complex64, frame_length)]),
            out_sig=py_io_signature(0, len(streams), streams),
        )
        self._log = control.LogOnce("classifier")
        self._decider = Decider(engine, open_engine, self._log)
        self._tally, self._accepted, self._of_signals = Tally(), 0, 0
        self._watch = Watch()
        self._frame_length = frame_length
        self._queue = self._worker = self._thread = None
        if mode == "live":
            self._go_live(frame_length, latency_ms / 1000, max_batch, queue_frames)
        self._control = control.Control(
            self._log, threshold=self.set_threshold, target_rejection=self.set_target_rejection,
            model=self.set_model,
        )
        ports.send(self, "decisions", "batches", "status", "signals")
        ports.receive(
            self, control=self.handle_control, signals=self.handle_signals,
            system=self.handle_system,
        )

    def _go_live(self, frame_length, latency, max_batch, queue_frames):
        self._queue = LiveQueue(queue_frames, frame_length)
        self._worker = LiveWorker(
            self._queue, self._decide, self._publish, self._fail, self._report, max_batch, latency,
            self._decider.engine.concurrent,
        )

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    @ports.tolerant
    def handle_signals(self, message):
        """A message on `signals`."""
        pdu = signal_pdu.decode(message)
        count = len(pdu.samples) // self._frame_length
        samples = pdu.samples[: count * self._frame_length].reshape(count, self._frame_length)
        batch = _of_signal(samples, self._of_signals)
        batch["truth"] = [signal_pdu.modulation_of(pdu.facts)] * count
        batch["pnr_db"][:] = signal_pdu.number(pdu.facts, "pnr_db")  # None: NaN
        self._of_signals += count
        engine, decided = self._in_own_thread(batch, True)
        if count:
            self._publish(batch, (engine, decided))
        made = signal_pdu.encode_decided(pdu.facts, engine.classes, decided)
        self.message_port_pub(pmt.intern("signals"), made)
        self._report()

    @ports.tolerant
    def handle_system(self, message):
        """GNU Radio's word that a block before this one has ended."""
        ports.drain(self, control=self.handle_control, signals=self.handle_signals)
        self.system_handler(message)

    def threshold(self):
        """The threshold in force; None for a model without a rejector."""
        return self._decider.engine.threshold

    def set_threshold(self, value):
        """Set the threshold for batches that begin from now on (None: the model's own)."""
        self._decider.set_threshold(value)

    def set_target_rejection(self, value):
        """Set the threshold to reject a share of benign frames (None: the model's own)."""
        self._decider.set_target_rejection(value)

    def set_model(self, model):
        """Load another model; it decides from a batch soon on, see :meth:`Decider.set_model`."""
        self._decider.set_model(model)

    def status(self):
        """Frames so far: `accepted`, `decided`, `rejected`, `invalid`, `dropped`, `discarded`.

        And `queued`, how many wait.
        """
        queue = self._queue
        waiting = {
            "accepted": self._of_signals
            + (self._accepted if queue is None else queue.accepted),
            "dropped": 0 if queue is None else queue.dropped,
            "queued": 0 if queue is None else len(queue),
        }
        return self._tally.counts() | waiting

    def start(self):
        """GNU Radio starts the flowgraph, for the first time or again."""
        if self._worker:
            self._worker.start()
        self._thread = ThreadPoolExecutor(1, "htrd-replay")
        return True

    def stop(self):
        """GNU Radio has stopped the flowgraph, or its source has ended."""
        if self._worker:
            self._tally.discard(self._worker.stop())
        if self._thread:
            self._thread.shutdown()
        return True

    def work(self, input_items, output_items):
        """Queue the frames at hand, or decide them."""
        samples = input_items[0]
        facts = tags.columns(self, len(samples), self._log)
        facts |= {AS_IS: tags.as_is(self, len(samples))}
        if self._worker:
            self._queue.put(samples, facts)
            return len(samples)
        self._accepted += len(samples)
        arrival = np.full(len(samples), time.monotonic())
        batch = facts | {SAMPLES: samples, ARRIVAL: arrival}
        engine, decided = self._in_own_thread(batch)
        self._publish(batch, (engine, decided))
        for output, column in zip(output_items, (decided.label, decided.score), strict=False):
            output[: len(samples)] = column
        self._report()
        return len(samples)

    def _in_own_thread(self, batch, posteriors=False):
        """What :meth:`_decide` says, in a thread of Python's own.

        On those of GNU Radio, whatever an engine keeps for a thread would be made anew at each
        call, and OpenVINO's crashes when it is destroyed.
        """
        return self._thread.submit(self._decide, batch, posteriors).result()

    def _decide(self, batch, posteriors=False):
        """Decide frames, in a batch as a LiveQueue gives them: the engine and its Decisions."""
        engine = self._decider.engine
        wanted = posteriors or engine.has_sets
        return engine, decide(engine, frames.to_iq(batch[SAMPLES]), batch[AS_IS], wanted)

    def _publish(self, batch, decided):
        """Send and count what _decide() returned of a batch."""
        engine, decisions = decided
        known = {name: batch[name] for name in tags.KINDS}
        known |= conformal.known_sets(engine.document, decisions, engine.classes, batch["snr_db"])
        made = DecisionBatch.of(decisions, engine.classes, engine.threshold, **known)
        self.message_port_pub(pmt.intern("batches"), decision_pdu.encode(made))
        if self._publish_decisions:
            for row in range(len(made)):
                self.message_port_pub(
                    pmt.intern("decisions"), decision_pdu.encode_one(made, row)
                )
        self._tally.add(made, batch[ARRIVAL])
        self._watch.add(conformal.calibration_of(engine.document), made)
        if not made.valid.all():
            self._log.warn("invalid", "frames that are not finite or all zero are rejected")

    def _fail(self, batch, error):
        """A live batch could not be decided; the flowgraph goes on."""
        self._tally.discard(len(batch["frame_index"]))
        self._log.warn("batch", f"a batch is discarded: {error}")

    def _report(self):
        """Send `status` if it is time."""
        if report := self._tally.report():
            said = self.status() | report | self._watch.report()
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(said))


def _of_signal(samples, first):
    """A batch as a LiveQueue gives it, of frames ``[n, length]`` of which nothing is known.

    They are numbered from `first` on.
    """
    count = len(samples)
    unknown = {
        name: [None] * count if kind is object else np.full(count, np.nan)
        for name, kind in tags.KINDS.items()
    }
    return unknown | {
        "frame_index": np.arange(first, first + count),
        "sample_offset": np.full(count, NO_OFFSET),
        SAMPLES: samples,
        AS_IS: np.zeros(count, bool),
        ARRIVAL: np.full(count, time.monotonic()),
    }
