"""A network, an optional rejector and a threshold: one object that decides and is one file."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from . import frames, model_file
from .arrays import Floats, Integers
from .decisions import REJECTED, Decisions
from .errors import UserError
from .files import AnyPath, Document
from .frames import Scaling
from .models.network import Network
from .outputs import Outputs
from .rejection import threshold as thresholds
from .rejection.base import Rejector
from .runtime.device import AnyDevice

log = logging.getLogger(__name__)
BATCH = 64  # small enough that the feature maps stay in the cache: twice as fast as 512


class Classifier:
    """A network with the classes it knows and, perhaps, a rejector.

    Decides by Eq. 4 of Zhang et al., IEEE WCL 2022: the class of the largest score,
    unless that is below the threshold S0; without a rejector there is no threshold. A
    rejector is a module that makes the scores from (frames, features, logits).
    Always in eval mode; its parameters do not take gradients.
    """

    def __init__(
        self,
        network: Network,
        classes: Sequence[str],
        rejector: Rejector | None = None,
        threshold: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.classes = tuple(classes)
        self.rejector = rejector
        self.threshold = threshold
        self.metadata = dict(metadata or {})
        self.name = name
        self._has_warned = False

    @property
    def frame_length(self) -> int:
        """Samples in a frame."""
        return self.metadata.get("frame_length", frames.FRAME_LENGTH)

    @property
    def scaling(self) -> Scaling:
        """The input scaling that the network was trained with."""
        return Scaling(self.metadata.get("scaling", Scaling.SUM_ABS))

    @property
    def device(self) -> torch.device:
        """Where the network's parameters are."""
        return next(self.network.parameters()).device

    def outputs(self, iq: torch.Tensor) -> Outputs:
        """Features, logits and scores of a tensor of frames ``[n, 2, length]``; differentiable."""
        features = self.network.features(iq)
        logits = self.network.logits(features).float()
        scores = logits if self.rejector is None else self.rejector(iq, features, logits)
        return Outputs(iq, features, logits, scores)

    def scores(self, iq: torch.Tensor) -> torch.Tensor:
        """Scores of a tensor of frames, ``[n, 2, length]`` to ``[n, classes]``; differentiable."""
        return self.outputs(iq).scores

    def label_of(self, score: torch.Tensor) -> torch.Tensor:
        """Class or REJECTED for a tensor of scores, ``[n, classes]`` to ``[n]``."""
        best, label = score.max(1)
        sure = torch.isfinite(score).all(1)  # a frame near the largest float overflows
        if self.threshold is not None:
            sure &= best >= self.threshold
        return torch.where(sure, label, REJECTED)

    @torch.no_grad()
    def decide(
        self,
        iq: npt.ArrayLike,
        scaling: Scaling | str | None = None,
        batch_size: int = BATCH,
        posteriors: bool = False,
    ) -> Decisions:
        """Decide an array of frames ``[n, 2, length]``; float32, deterministic.

        `scaling` is a Scaling, ``as_model``, or ``auto``: as the model expects, but frames that
        are scaled already stay as they are. None: all stay as they are, and a warning is logged
        once when most of them are not what the model expects. With `posteriors` the Decisions
        have `log_posterior` too.

        Raises UserError for another frame length or an unknown scaling.
        """
        iq = self._check(iq)
        if scaling is None:
            self._warn_of_unscaled(iq)
        elif scaling == frames.AUTO:
            iq, scaling = frames.scale_where_needed(_single(iq), self.scaling), None
        scaling = frames.scaling_of(Scaling.NONE if scaling is None else scaling, self.scaling)
        valid = frames.valid(iq)
        score = np.full((len(iq), len(self.classes)), -np.inf, np.float32)
        label = np.full(len(iq), REJECTED, np.int16)
        posterior = np.zeros_like(score) if posteriors else None
        for rows in _chunks(np.flatnonzero(valid), batch_size):
            batch = torch.as_tensor(iq[rows], dtype=torch.float32, device=self.device)
            batch = frames.scale(batch, scaling)
            if posterior is None:
                batch_score = self.scores(batch).float()
            else:
                outputs = self.outputs(batch)
                batch_score = outputs.scores.float()
                found = outputs.logits.log_softmax(1).nan_to_num(0.0, 0.0, 0.0)
                posterior[rows] = found.cpu().numpy()
            score[rows] = batch_score.cpu().numpy()
            label[rows] = self.label_of(batch_score).cpu().numpy()
        return Decisions(label, score, valid, posterior)

    @torch.no_grad()
    def features(self, iq: npt.ArrayLike, batch_size: int = BATCH) -> Floats:
        """Last feature layer of an array of frames, float32 ``[n, features]``."""
        iq = self._check(iq)
        chunks = [
            self.network.features(
                torch.as_tensor(iq[rows], dtype=torch.float32, device=self.device)
            )
            for rows in _chunks(np.arange(len(iq)), batch_size)
        ]
        return torch.cat(chunks).float().cpu().numpy()

    def set_threshold(self, value: float) -> None:
        """Set S0; UserError without a rejector or outside the calibration scores."""
        self.threshold = thresholds.check_threshold(self._score_quantiles(), value)

    def set_target_rejection(self, rate: float) -> None:
        """Set S0 so that the share `rate` of the benign calibration frames is rejected."""
        self.threshold = thresholds.threshold_for(self._score_quantiles(), rate)

    def _score_quantiles(self) -> list[float]:
        if self.rejector is None:
            raise UserError(f"the model {self.name or 'given'} has no rejector, so no threshold")
        return self.metadata["rejector"]["score_quantiles"]

    def _warn_of_unscaled(self, iq: Floats) -> None:
        if not self._has_warned and frames.mostly_unscaled(_single(iq), self.scaling):
            self._has_warned = True
            log.warning(frames.UNSCALED.format(self.scaling))

    def _check(self, iq: npt.ArrayLike) -> Floats:
        iq = frames.check(iq)
        if iq.shape[2] != self.frame_length:
            raise UserError(
                f"the frames have {iq.shape[2]} samples, the model takes {self.frame_length}"
            )
        return iq

    def document(self) -> Document:
        """What a model file says of this classifier beside its tensors, a dictionary for JSON."""
        document = self.metadata | {
            "classes": list(self.classes),
            "frame_length": self.frame_length,
            "scaling": self.scaling.value,
        }
        if self.rejector is not None:
            document["rejector"] = (
                document["rejector"] | self.rejector.facts() | {"threshold": self.threshold}
            )
        return document | model_file.VERSIONS

    def save(self, path: AnyPath) -> None:
        """Write a model file, see :mod:`robust_amc.model_file`."""
        model_file.write(path, self.network, self.rejector, self.document())

    @classmethod
    def load(
        cls,
        name_or_path: AnyPath,
        device: AnyDevice = "cpu",
        classes: Sequence[str] | None = None,
        frame_length: int | None = None,
    ) -> Self:
        """Read a shipped model by name, or a file.

        `classes` and `frame_length` are what the caller needs, if it cares. Raises
        UserError when the file is missing, damaged, of a newer format, or made for
        other classes or another frame length.
        """
        network, rejector, document = model_file.read(name_or_path)
        name = Path(name_or_path).stem
        if classes is not None and tuple(classes) != tuple(document["classes"]):
            raise UserError(
                f"{name} is made for the classes {', '.join(document['classes'])}, "
                f"not for {', '.join(classes)}"
            )
        if frame_length is not None:
            frames.require_length(name, document["frame_length"], frame_length)
        threshold = None
        if rejector is not None:
            rejector.to(device)
            threshold = float(document["rejector"]["threshold"])
        return cls(network.to(device), document["classes"], rejector, threshold, document, name)


def same_classes(classifiers: Sequence[Classifier]) -> None:
    """Raise UserError unless all classifiers have the same classes in the same order."""
    first = classifiers[0]
    for other in classifiers[1:]:
        if other.classes != first.classes:
            raise UserError(
                f"{first.name} and {other.name} cannot be compared: their classes are "
                f"{', '.join(first.classes)} and {', '.join(other.classes)}"
            )


def _single(iq: Floats) -> Floats:
    with np.errstate(over="ignore"):  # such a frame is not valid
        return np.asarray(iq, np.float32)


def _chunks(rows: Integers, size: int) -> Iterator[Integers]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
