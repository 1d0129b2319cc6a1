"""What engines are made of: a classifier, or an ONNX file of ours."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Self

import numpy as np

from ..arrays import Floats
from ..classifier import Classifier
from ..decisions import Decisions
from ..errors import UserError
from ..files import AnyPath
from ..frames import AS_MODEL, AUTO, Scaling, scaling_of
from ..runtime.device import AnyDevice, has_bfloat16, pick_device
from . import graph_cache, quantize
from .engine import InferenceEngine, Precision
from .onnx_engine import OnnxRuntimeEngine
from .onnx_model import document, load, read_document, to_onnx
from .openvino_engine import OpenVinoEngine
from .torch_engine import TorchEngine

if TYPE_CHECKING:
    from onnx import ModelProto

Pairs = list[tuple[str, Precision]]  # of an engine and a precision


def source_of(model: Classifier | AnyPath | Source, device: AnyDevice = "cpu") -> Source:
    """What the engines of a model are made of: an OfClassifier or OfFile, read but not started.

    `model` is a Classifier, a shipped model's name, a model file, a file that `htrd export`
    wrote (.onnx), or what this function returned. PyTorch computes on `device`, see
    :func:`pick_device`. Raises UserError when the model is missing or damaged, or the device
    is not there.
    """
    if isinstance(model, (OfClassifier, OfFile)):
        return model
    if isinstance(model, Classifier):
        return OfClassifier(model)
    if str(model).endswith(".onnx"):
        return OfFile(model)
    return OfClassifier(Classifier.load(model, pick_device(str(device))))


class OfClassifier:
    """Engines of a Classifier.

    Attributes:
        name: of the model
        frame_length: samples in a frame
        scaling: Scaling that its engines apply to their input, all of it
        auto: whether they first scale what is not scaled already
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.name = classifier.name or "the model"
        self.frame_length = classifier.frame_length
        self.scaling, self.auto = Scaling.NONE, False
        self._model: dict[bool, ModelProto] = {}

    def scaled(self, choice: Scaling | str) -> Self:
        """The same with another scaling, see :func:`scaling_of`."""
        changed = copy.copy(self)
        wanted = scaling_of(choice, self.classifier.scaling)
        changed.auto = choice == AUTO
        changed.scaling, changed._model = Scaling.NONE if changed.auto else wanted, {}
        return changed

    def pairs(self, wanted: Precision | None) -> Pairs:
        """Engines and precisions, the reference first."""
        found = [("torch", Precision.FLOAT32)]
        if has_bfloat16(self.classifier.device):
            found.append(("torch", Precision.BFLOAT16))
        if self.classifier.device.type != "cpu":
            return found
        found += [("onnxruntime", Precision.FLOAT32), ("openvino", Precision.FLOAT32)]
        if has_bfloat16("cpu"):
            found.append(("openvino", Precision.BFLOAT16))
        if wanted is Precision.INT8:
            found += [("onnxruntime", Precision.INT8), ("openvino", Precision.INT8)]
        return found

    def is_risky(self, precision: Precision | None) -> bool:
        """Whether an engine must be checked although there is no other."""
        return precision is Precision.INT8

    def limits(self) -> str:
        """Why there may be no engine."""
        if self.classifier.device.type != "cpu":
            return "a model on a GPU is for torch"
        return (
            "int8 is for onnxruntime and openvino (pip extras onnx, openvino), bfloat16 for torch "
            f"and openvino, and this processor {'has' if has_bfloat16('cpu') else 'lacks'} it"
        )

    def make(self, engine: str, precision: Precision, threads: int | None) -> InferenceEngine:
        """An InferenceEngine."""
        if engine == "torch":
            return TorchEngine(self.classifier, precision, self.scaling)
        model = self._onnx(precision is Precision.INT8)
        if engine == "onnxruntime":
            return OnnxRuntimeEngine(model, threads)
        return OpenVinoEngine(model, precision, threads)

    def reference(self, engine: InferenceEngine, iq: Floats) -> Decisions:
        """Decisions that others have to agree with; `engine` is of the first pair."""
        return self.classifier.decide(iq, self.scaling)

    def digest(self) -> str | None:
        """What its graph is found by, see :func:`graph_cache.kept`; None where nothing is kept."""
        return graph_cache.digest(self.classifier, document(self.classifier, self.scaling))

    def _onnx(self, quantized: bool) -> ModelProto:
        if quantized not in self._model:
            facts = document(self.classifier, self.scaling)
            model = graph_cache.kept(
                self.classifier, facts, lambda: to_onnx(self.classifier, self.scaling, logits=True)
            )
            if quantized:
                model = quantize.quantize(model, quantize.calibration_frames(self.classifier))
            self._model[quantized] = model
        return self._model[quantized]


class OfFile:
    """Engines of an ONNX file of ours.

    Attributes:
        name: path of the file
        frame_length: samples in a frame
        scaling: Scaling that is part of its graph
        auto: whether its engines first scale what is not scaled already
        precision: Precision of its network
    """

    def __init__(self, path: AnyPath) -> None:
        self.name = str(path)
        self.model = load(path)
        facts = read_document(self.model)
        self.frame_length = facts["frame_length"]
        self.scaling = Scaling(facts["exported"]["scaling"])
        self.precision = Precision(facts["exported"]["precision"])
        self._own_scaling = Scaling(facts["scaling"])
        self.auto = False

    def scaled(self, choice: Scaling | str) -> Self:
        """The same, if it scales its input like that; else UserError. ``auto`` suits any file."""
        wanted = scaling_of(choice, self._own_scaling)
        if choice == AUTO:
            changed = copy.copy(self)
            changed.auto = True
            return changed
        if wanted is not self.scaling:
            here, other = (
                Scaling.NONE if each is Scaling.NONE else AS_MODEL
                for each in (self.scaling, wanted)
            )
            raise UserError(
                f"{self.name} scales its input by {self.scaling}, not by {wanted}: use it with "
                f"--scaling {here} or auto (a block: scaling={here}), or export it with "
                f"--scaling {other}"
            )
        return self

    def pairs(self, wanted: Precision | None) -> Pairs:
        """Engines and precisions, the reference first."""
        found = [("onnxruntime", self.precision), ("openvino", self.precision)]
        if self.precision is Precision.FLOAT32 and has_bfloat16("cpu"):
            found.append(("openvino", Precision.BFLOAT16))
        return found

    def is_risky(self, precision: Precision | None) -> bool:
        """Whether an engine must be checked although there is no other: that was done before."""
        return False

    def limits(self) -> str:
        """Why there may be no engine."""
        return f"the file holds {self.precision}, for onnxruntime and openvino"

    def make(self, engine: str, precision: Precision, threads: int | None) -> InferenceEngine:
        """An InferenceEngine that has decided a few frames; UserError when it cannot."""
        try:
            made: InferenceEngine
            if engine == "onnxruntime":
                made = OnnxRuntimeEngine(self.model, threads)
            else:
                made = OpenVinoEngine(self.model, precision, threads)
            for count in (1, 3):
                iq = np.full((count, 2, self.frame_length), 1 / self.frame_length, np.float32)
                if made.scores(iq).shape != (count, len(made.classes)):
                    raise UserError(f"{self.name} does not give a score for each class")
        except UserError:
            raise
        except Exception as error:  # of a runtime, whatever is wrong with the graph
            raise UserError(f"{engine} cannot run {self.name}: {_first_line(error)}") from None
        return made

    def digest(self) -> str | None:
        """Of the file."""
        return hashlib.sha256(self.model.SerializeToString()).hexdigest()

    def reference(self, engine: InferenceEngine, iq: Floats) -> Decisions:
        """Decisions that others have to agree with; `engine` is of the first pair."""
        return engine.decide_as_is(iq)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


Source = OfClassifier | OfFile
