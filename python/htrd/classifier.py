# SPDX-License-Identifier: GPL-3.0-or-later
"""Classification with rejection."""

import copy
import time

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.gr.gateway import py_io_signature
from robust_amc import frames
from robust_amc.errors import UserError

from . import control, decisions
from .model import at_least, load, scaling_of

STATUS_PERIOD = 1.0  # seconds


class classifier(gr.sync_block):
    """Decides the modulation of each frame, or rejects it.

    Input 0: frames, vectors of `frame_length` complex64. Outputs (both optional): 0, the
    class as int16, -1 for a rejected frame; 1, vectors of `num_classes` float32 scores. All
    tags are kept on both. Frames that are not finite or all zero are rejected and counted.
    Every frame is decided, with back-pressure on what comes before.

    Messages in, port `control`: `threshold` and `target_rejection`, as (name, value) or a
    dictionary. Messages out: `decisions`, a PDU a frame, and `batches`, a PDU a batch (the
    layouts are in decisions.py); `status`, a dictionary with the first batch and then about
    once a second: `decided`, `rejected`, `invalid` (frames so far), `rate` (frames a second
    since the last).

    Args:
        model: a shipped model's name or a file
        num_classes: how many classes the model has
        scaling: input scaling: ``none`` for data-set frames, ``as_model`` for radio input,
            or ``sum_abs``
        threshold: reject a frame whose largest score is below it (None: the model's own)
        target_rejection: choose the threshold that rejects this share of benign frames
        publish_decisions: send `decisions`, or leave them out (0.1 ms a frame)
        frame_length: samples in a frame
        device: where PyTorch computes: ``cpu``, ``cuda`` or ``auto``

    Raises UserError for a missing model, another number of classes or frame length, a
    threshold outside the model's benign scores, and a threshold for a model without a
    rejector.
    """

    def __init__(self, model, num_classes, scaling="none", threshold=None, target_rejection=None,
                 publish_decisions=True, frame_length=frames.FRAME_LENGTH, device="cpu"):
        at_least(1, num_classes=num_classes)
        gr.sync_block.__init__(
            self, "classifier", in_sig=[(np.complex64, frame_length)],
            out_sig=py_io_signature(0, 2, [np.int16, (np.float32, num_classes)]),
        )
        # Setters replace the model by a changed copy, which shares the network: a running
        # batch keeps the one it started with and nobody waits.
        self._loaded = self._model = load(model, frame_length, device)
        if len(self._model.classes) != num_classes:
            raise UserError(
                f"{self._model.name or 'the model'} has {len(self._model.classes)} classes, "
                f"num_classes says {num_classes}"
            )
        if threshold is not None and target_rejection is not None:
            raise UserError("give a threshold or a target rejection, not both")
        self._scaling = scaling_of(scaling, self._model)
        if threshold is not None:
            self.set_threshold(threshold)
        if target_rejection is not None:
            self.set_target_rejection(target_rejection)
        self._publish_decisions = publish_decisions
        self._counts = {"decided": 0, "rejected": 0, "invalid": 0}
        self._reported, self._report_time = 0, None
        self._log = control.LogOnce("classifier")
        self._control = control.Control(
            self._log, threshold=self.set_threshold, target_rejection=self.set_target_rejection
        )
        for port in ("decisions", "batches", "status"):
            self.message_port_register_out(pmt.intern(port))
        self.message_port_register_in(pmt.intern("control"))
        self.set_msg_handler(pmt.intern("control"), self.handle_control)

    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def threshold(self):
        """The threshold in force; None for a model without a rejector."""
        return self._model.threshold

    def set_threshold(self, value):
        """Set the threshold, from the next batch on (None: the model's own)."""
        model = copy.copy(self._loaded)
        if value is not None:
            model.set_threshold(control.as_number("threshold", value))
        self._model = model

    def set_target_rejection(self, value):
        """Set the threshold to reject a share of benign frames (None: the model's own)."""
        model = copy.copy(self._loaded)
        if value is not None:
            model.set_target_rejection(control.as_number("target_rejection", value))
        self._model = model

    def status(self):
        """Frames so far: `decided`, `rejected`, `invalid`."""
        return dict(self._counts)

    def work(self, input_items, output_items):
        """Decide the frames at hand."""
        model, count = self._model, len(input_items[0])
        decided = model.decide(frames.to_iq(input_items[0]), self._scaling)
        for output, column in zip(output_items, (decided.label, decided.score), strict=False):
            output[:count] = column
        self._publish(decisions.collect(self, count, decided, model.threshold, model.classes))
        self._count(decided)
        return count

    def _publish(self, batch):
        self.message_port_pub(pmt.intern("batches"), batch.message())
        if self._publish_decisions:
            for row in range(len(batch)):
                self.message_port_pub(pmt.intern("decisions"), batch.decision(row))

    def _count(self, decided):
        invalid = int(np.count_nonzero(~decided.valid))
        self._counts["decided"] += len(decided.label)
        self._counts["rejected"] += int(np.count_nonzero(decided.rejected))
        self._counts["invalid"] += invalid
        if invalid:
            self._log.warn("invalid", "frames that are not finite or all zero are rejected")
        self._report()

    def _report(self):
        """Send `status` if it is time."""
        now, decided = time.monotonic(), self._counts["decided"]
        elapsed = np.inf if self._report_time is None else now - self._report_time
        if elapsed >= STATUS_PERIOD:
            rate = (decided - self._reported) / elapsed  # 0 with the first batch: not known yet
            self._reported, self._report_time = decided, now
            self.message_port_pub(pmt.intern("status"), pmt.to_pmt(self._counts | {"rate": rate}))
