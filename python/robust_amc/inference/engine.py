"""What every inference engine is to its users: frames in, decisions out."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

import numpy as np
import torch

from .. import frames
from ..arrays import Bools, Floats
from ..decisions import REJECTED, Decisions
from ..errors import UserError
from ..files import Document
from ..rejection import conformal
from ..rejection import threshold as thresholds

log = logging.getLogger(__name__)
MICRO_BATCH = 64  # frames whose feature maps stay in a core's cache
NO_LOGITS = "the ONNX file has no logits: export the model again with --logits"
Runner = Callable[[Floats, tuple[str, ...]], list[Floats]]


class Precision(StrEnum):
    """Of the products of the feature layers; the last layer and the rejector are float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class InferenceEngine(ABC):
    """Decides frames as :meth:`Classifier.decide` does, at speed.

    The threshold is compared outside of the runtime: setting it neither rebuilds anything
    nor waits for a running batch, which keeps the one it started with.

    Attributes:
        name: of the runtime: ``torch``, ``onnxruntime``, ``openvino``
        precision: Precision
        classes: names of the classes, in the order of the scores
        frame_length: samples in a frame
        scaling: Scaling that the engine applies to its input, all of it
        expects: Scaling that the model was trained with
        auto: whether frames are first scaled as the model expects where they are not already
        threshold: S0, None for a model without a rejector
        document: what the model file says, and how this graph was made (`exported`)
        reason: why this engine was chosen, where :func:`open_engine` had a choice
        concurrent: how many batches are best decided at once, by as many calls of decide()
        has_logits: whether :meth:`scores_and_logits` works; not with an ONNX file without them
    """

    name = ""
    concurrent = 1
    has_logits = True

    def __init__(self, document: Document, precision: Precision | str) -> None:
        self.document = document
        self.precision = Precision(precision)
        self.classes = tuple(document["classes"])
        self.frame_length = document["frame_length"]
        self.scaling = frames.Scaling(document["exported"]["scaling"])
        self.expects = frames.Scaling(document["scaling"])
        self.auto = False
        self._has_warned = threading.Event()  # shared by copies
        self.threshold = document.get("rejector", {}).get("threshold")
        self.reason = ""

    @property
    def has_sets(self) -> bool:
        """Whether decisions with posteriors give prediction sets, see rejection.conformal."""
        return self.has_logits and conformal.calibration_of(self.document) is not None

    @abstractmethod
    def scores(self, iq: Floats) -> Floats:
        """Scores of valid frames, float32 ``[n, 2, length]`` to float32 ``[n, classes]``."""

    @abstractmethod
    def scores_and_logits(self, iq: Floats) -> tuple[Floats, Floats]:
        """The same, and the network's logits, float32 ``[n, classes]``."""

    def decide(
        self, iq: Floats, as_is: Bools | None = None, posteriors: bool = False
    ) -> Decisions:
        """Decide an array of any number of frames ``[n, 2, length]``: Decisions.

        `as_is`, bool ``[n]``, are frames that `auto` leaves alone, because they were scaled
        before something was added to them. Where nothing scales, a warning is logged once when
        most of the other frames are not scaled as the model expects. With `posteriors` the
        Decisions have `log_posterior` too.

        Raises UserError for another frame length, and for posteriors of an engine without logits.
        """
        return self.decide_as_is(self._as_expected(self._check(iq), as_is), posteriors)

    def decide_as_is(self, iq: Floats, posteriors: bool = False) -> Decisions:
        """Decide frames as they are, without a word: also those of checks, at any level."""
        if posteriors and not self.has_logits:
            raise UserError(NO_LOGITS)
        iq = self._check(iq)
        threshold = -np.inf if self.threshold is None else self.threshold
        valid = frames.valid(iq)
        score = np.full((len(iq), len(self.classes)), -np.inf, np.float32)
        posterior = np.zeros_like(score) if posteriors else None
        if valid.any():
            usable = iq if valid.all() else iq[valid]
            if posterior is None:
                score[valid] = self.scores(usable)
            else:
                score[valid], logits = self.scores_and_logits(usable)
                posterior[valid] = finite_log_softmax(logits)
        sure = np.isfinite(score).all(1) & (score.max(1) >= threshold)
        label = np.where(sure, score.argmax(1), REJECTED).astype(np.int16)
        return Decisions(label, score, valid, posterior)

    def _as_expected(self, iq: Floats, as_is: Bools | None) -> Floats:
        if self.scaling is self.expects:
            return iq
        if self.auto:
            return frames.scale_where_needed(iq, self.expects, as_is)
        if not self._has_warned.is_set() and frames.mostly_unscaled(iq, self.expects, as_is):
            self._has_warned.set()
            log.warning(frames.UNSCALED.format(self.expects))
        return iq

    def set_threshold(self, value: float) -> None:
        """Set S0; UserError without a rejector or outside the calibration scores."""
        self.threshold = thresholds.check_threshold(self._score_quantiles(), value)

    def set_target_rejection(self, rate: float) -> None:
        """Set S0 so that the share `rate` of the benign calibration frames is rejected."""
        self.threshold = thresholds.threshold_for(self._score_quantiles(), rate)

    def _score_quantiles(self) -> Sequence[float]:
        if "rejector" not in self.document:
            raise UserError("the model has no rejector, so no threshold")
        return self.document["rejector"]["score_quantiles"]

    def _check(self, iq: Floats) -> Floats:
        iq = np.ascontiguousarray(frames.check(iq), np.float32)
        if iq.shape[2] != self.frame_length:
            raise UserError(
                f"the frames have {iq.shape[2]} samples, the model takes {self.frame_length}"
            )
        return iq


def finite_log_softmax(logits: Floats) -> Floats:
    """Log posteriors of logits ``[n, classes]``; 0 where these are not finite."""
    found = torch.from_numpy(logits).log_softmax(1).numpy()
    return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)


class PooledEngine(InferenceEngine):
    """An engine whose threads each take a part of the frames through the whole graph.

    That is faster than several threads for every layer of one part: they never wait for
    each other. A second batch gives them something to do at the end of the first one.

    Attributes:
        threads: how many take part
        gives_logits: whether the graph has logits beside the scores
    """

    concurrent = 2

    def __init__(
        self,
        document: Document,
        precision: Precision | str,
        threads: int | None = None,
        gives_logits: bool = False,
    ) -> None:
        super().__init__(document, precision)
        self.gives_logits = gives_logits
        self.has_logits = gives_logits or "rejector" not in document  # then the scores are logits
        self.threads = threads or torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.threads, f"{self.name}-inference")
        self._own = threading.local()

    @abstractmethod
    def _runner(self) -> Runner:
        """A function for one thread, from frames and names of outputs to these."""

    def scores(self, iq: Floats) -> Floats:
        """Scores of valid frames, shared out between the threads."""
        return self._shared_out(iq, ("scores",))[0]

    def scores_and_logits(self, iq: Floats) -> tuple[Floats, Floats]:
        """The same, and the network's logits."""
        names = ("scores", "logits") if self.gives_logits else ("scores", "scores")
        scores, logits = self._shared_out(iq, names)
        return scores, logits

    def _shared_out(self, iq: Floats, names: tuple[str, ...]) -> list[Floats]:
        size = min(MICRO_BATCH, -(-len(iq) // self.threads))
        parts = [iq[start : start + size] for start in range(0, len(iq), size)]
        if len(parts) == 1 and self.threads > 1:  # else two callers would keep two cores busy
            return self._run(iq, names)
        made = self._pool.map(lambda part: self._run(part, names), parts)
        return [np.concatenate(column) for column in zip(*made, strict=True)]

    def _run(self, part: Floats, names: tuple[str, ...]) -> list[Floats]:
        if not hasattr(self._own, "run"):
            self._own.run = self._runner()
        return self._own.run(part, names)
