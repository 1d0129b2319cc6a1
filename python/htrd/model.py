# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of a block: read once, asked for decisions, exchanged while the flowgraph runs."""

import copy
import threading

import numpy as np
from robust_amc.errors import UserError
from robust_amc.frames import require_length

from .checks import as_number, as_path, shown

GRANULE = 8  # frames


def load(model, frame_length, device="cpu"):
    """Classifier of a shipped model's name, of a file's path, or `model` itself if it is one.

    Raises UserError when the model is missing, damaged or takes frames of another length, or
    the device is not there.
    """
    from robust_amc.classifier import Classifier
    from robust_amc.runtime.device import pick_device

    if not isinstance(model, Classifier):
        return Classifier.load(
            as_path("model", model), device=pick_device(device), frame_length=frame_length
        )
    require_length(model.name or "the model", model.frame_length, frame_length)
    return model


def decide(engine, iq, as_is, posteriors=False):
    """Decisions of an engine on frames ``[n, 2, length]``, see :meth:`InferenceEngine.decide`.

    It is only asked for multiples of 8 frames (the last one is repeated): PyTorch in bfloat16
    keeps some 3 MB for each size of a batch that it has ever seen, and a flowgraph makes them
    all.
    """
    missing = -len(iq) % GRANULE
    if not missing:
        return engine.decide(iq, as_is, posteriors)
    filled = (np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) for part in (iq, as_is))
    return engine.decide(*filled, posteriors)[: len(iq)]


class Loader:
    """Loads models in a thread of its own; the last one that was asked for counts.

    Args:
        load: from a model's name or file to whatever `use` takes; raises what it likes
        log: LogOnce, for models that cannot be used
    """

    def __init__(self, load, log):
        self._load, self._log = load, log
        self._lock = threading.Lock()
        self._wanted, self._loading = None, False

    def request(self, model, use):
        """Load a model and call `use` with it, later; returns at once.

        What goes wrong then is logged once. Raises UserError for what names no model.
        """
        if not isinstance(model, str) or not model:
            raise UserError(
                f"model must be the name of a shipped model or a file, not {shown(model)}"
            )
        as_path("model", model)
        with self._lock:
            self._wanted = model, use
            if not self._loading:
                self._loading = True
                threading.Thread(target=self._run, name="htrd-load-model", daemon=True).start()

    def _run(self):
        while (wanted := self._next()) is not None:
            model, use = wanted
            try:
                use(self._load(model))
            except Exception as error:  # noqa: BLE001 (a runtime may raise anything on a file)
                self._log.warn("model", f"the model in force stays: {error}")

    def _next(self):
        """What to load now; None, and the end of the thread, when there is nothing."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            self._loading = wanted is not None
            return wanted


class Decider:
    """Holds the inference engine in force; a batch takes `engine` once and keeps it.

    Setters put a changed copy in its place, which shares the network: none of them waits for
    a running batch. Another model is loaded in a thread of its own.

    Args:
        engine: the first InferenceEngine
        open_engine: from a model's name or file to another one; raises UserError
        log: LogOnce, for models that cannot be used

    Attributes:
        engine: InferenceEngine in force
    """

    def __init__(self, engine, open_engine, log):
        self._loader = Loader(open_engine, log)
        self._lock = threading.Lock()
        self._target = None
        self._loaded = self.engine = engine

    def set_threshold(self, value):
        """Set the threshold (None: the model's own)."""
        with self._lock:
            engine = copy.copy(self._loaded)
            if value is not None:
                engine.set_threshold(as_number("threshold", value))
            self._target, self.engine = None, engine

    def set_target_rejection(self, value):
        """Set the threshold to reject a share of benign frames (None: the model's own)."""
        with self._lock:
            engine = copy.copy(self._loaded)
            if value is not None:
                engine.set_target_rejection(as_number("target_rejection", value))
            self._target, self.engine = value, engine

    def set_model(self, model):
        """Load another model and put it in force when it is there; returns at once.

        The last one that was asked for counts. One that cannot be used is logged once, and the
        one in force stays. A target rejection stays in force; a threshold is in the unit of
        the old model's scores and does not.
        """
        self._loader.request(model, self._replace)

    def _replace(self, loaded):
        """Put an engine in force, if it fits those before it."""
        known = self._loaded
        if loaded.classes != known.classes:
            raise UserError(
                f"its classes are {', '.join(loaded.classes)}, not {', '.join(known.classes)}"
            )
        with self._lock:
            engine = copy.copy(loaded)
            if self._target is not None and engine.threshold is not None:
                engine.set_target_rejection(self._target)
            self._loaded, self.engine = loaded, engine
