# SPDX-License-Identifier: GPL-3.0-or-later
"""Classification with rejection: chooses who does it, a block in Python or one in C++."""

import sys
from functools import partial

from robust_amc import frames
from robust_amc.errors import UserError

from . import native
from .checks import (
    LONGEST_FRAME,
    as_choice,
    as_number,
    as_path,
    as_switch,
    as_text,
    as_whole,
    optional,
)
from .python_classifier import python_classifier

MODES = ("replay", "live")
MOST_CLASSES = 2**15 - 1  # what the stream of classes, int16, can name
MOST_QUEUED = 10**6  # frames: 1 GB of them
MOST_THREADS = 1024
LONGEST_WAIT = 3.6e6  # ms: an hour
SCALINGS = (frames.AUTO, frames.AS_MODEL, *frames.Scaling)


def classifier(model, num_classes, scaling="auto", threshold=None, target_rejection=None,
               publish_decisions=True, frame_length=frames.FRAME_LENGTH, device="cpu",
               engine="auto", precision="float32", mode="replay", latency_ms=10.0,
               max_batch=256, queue_frames=2048, threads=0):  # fmt: skip
    """A block that decides the modulation of each frame, or rejects it.

    A :class:`native_classifier`, in C++, where OpenVINO computes and the module was built with
    it; else a :class:`python_classifier`. Ports, messages and methods are the same, and the
    latter describes them.

    Args:
        model: a shipped model's name or a file, also one that `htrd export` wrote (.onnx)
        num_classes: how many classes the model has
        scaling: input scaling: ``auto``, as the model expects, but frames that are scaled
            already stay as they are, and so do those that an attack took to be so (the tag
            `scaling` says ``none``); ``none``; ``as_model`` for all frames; or ``sum_abs``
        threshold: reject a frame whose largest score is below it (None: the model's own)
        target_rejection: choose the threshold that rejects this share of benign frames
        publish_decisions: send `decisions`, or leave them out (0.1 ms a frame in Python)
        frame_length: samples in a frame
        device: where PyTorch computes: ``cpu``, ``cuda`` or ``auto``
        engine: ``torch``, ``onnxruntime``, ``openvino``, these in Python; ``native``, OpenVINO
            in C++; or ``auto`` for the fastest one here
        precision: ``float32``, ``bfloat16``, ``int8``, or ``auto`` for the fastest one here
        mode: ``replay`` or ``live``
        latency_ms: a live batch starts as soon as it is full, or when its oldest frame has
            waited this long; later while other batches are being decided
        max_batch: maximum number of frames in a live batch
        queue_frames: maximum number of frames that wait in live mode
        threads: how many compute at once, but with PyTorch (0: as many as PyTorch has)

    Raises UserError for a missing model, another number of classes or frame length, values out
    of range, an engine that is not there, a threshold outside the model's benign scores, and a
    threshold for a model without a rejector.
    """
    # Here: PyTorch takes seconds to import, and flowgraphs without this block need none of it
    from robust_amc.classifier import Classifier
    from robust_amc.inference import InferenceEngine, Precision, open_engine
    from robust_amc.inference.choose import AUTO, ENGINES

    num_classes = as_whole("num_classes", num_classes, 1, MOST_CLASSES)
    frame_length = as_whole("frame_length", frame_length, 1, LONGEST_FRAME)
    mode = as_choice("mode", mode, MODES)
    scaling = as_choice("scaling", scaling, SCALINGS)
    engine = as_choice("engine", engine, (AUTO, native.NATIVE, *ENGINES))
    precision = as_choice("precision", precision, (AUTO, *Precision))
    device = as_text("device", device)
    max_batch = as_whole("max_batch", max_batch, 1, MOST_QUEUED)
    queue_frames = as_whole("queue_frames", queue_frames, max_batch, MOST_QUEUED)
    latency_ms = as_number("latency_ms", latency_ms, 0, LONGEST_WAIT)
    publish_decisions = as_switch("publish_decisions", publish_decisions)
    threads = as_whole("threads", threads, 0, MOST_THREADS)
    if not isinstance(model, (Classifier, InferenceEngine)):
        as_path("model", model)
    threshold = optional(as_number, "threshold", threshold)
    target_rejection = optional(as_number, "target_rejection", target_rejection)
    if threshold is not None and target_rejection is not None:
        raise UserError("give a threshold or a target rejection, not both")

    open_model = partial(
        open_engine, engine=native.RUNTIME if engine == native.NATIVE else engine,
        precision=precision, scaling=scaling, threads=threads or None, frame_length=frame_length,
        device=device,
    )  # fmt: skip
    if engine == native.NATIVE:
        native.require()
    opened = open_model(model)
    found = len(opened.classes)
    if found != num_classes:
        raise UserError(f"the model has {found} classes, num_classes says {num_classes}")
    is_native = engine == native.NATIVE or (engine == AUTO and native.fits(opened))
    if opened.reason:
        # Not by GNU Radio's logger, which writes to standard output, where results may go
        print(f"classifier: {'C++, ' if is_native else ''}{opened.reason}", file=sys.stderr)
    make = native.make if is_native else python_classifier
    block = make(opened, open_model, publish_decisions, mode, latency_ms, max_batch, queue_frames)
    if threshold is not None:
        block.set_threshold(threshold)
    if target_rejection is not None:
        block.set_target_rejection(target_rejection)
    return block
