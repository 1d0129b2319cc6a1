"""PyTorch, on a CPU or a GPU."""

import numpy as np
import torch

from .. import frames
from ..arrays import Floats
from ..classifier import Classifier
from ..outputs import Outputs
from ..reduced import ReducedClassifier
from ..runtime.device import batch_size, fast_math
from ..runtime.memory import keep_freed_memory
from .engine import MICRO_BATCH, InferenceEngine, Precision
from .onnx_model import document


class TorchEngine(InferenceEngine):
    """The classifier itself; in bfloat16 with weights that were cast once.

    Computes on the classifier's device, with PyTorch's threads. In bfloat16 the last layer
    stays in float32, like the rejector: rounding what is compared in the end costs ten times
    as many decisions as rounding what it is made from.
    """

    name = "torch"

    def __init__(
        self,
        classifier: Classifier,
        precision: Precision | str = Precision.FLOAT32,
        scaling: frames.Scaling | str = frames.Scaling.NONE,
    ) -> None:
        super().__init__(document(classifier, scaling), precision)
        keep_freed_memory()
        self._classifier = classifier
        on_cpu = classifier.device.type == "cpu"
        self._batch = MICRO_BATCH if on_cpu else batch_size(classifier.device)
        if self.precision is Precision.BFLOAT16:
            self._reduced = ReducedClassifier(classifier, True).classifier.network
            self._rejector = classifier.rejector

    @torch.inference_mode()
    def scores(self, iq: Floats) -> Floats:
        """Scores of valid frames, in batches that suit the device."""
        parts = torch.from_numpy(iq).split(self._batch)
        return np.concatenate([_array(self._scores(part)) for part in parts])

    @torch.inference_mode()
    def scores_and_logits(self, iq: Floats) -> tuple[Floats, Floats]:
        """The same, and the network's logits."""
        made = [self._outputs(part) for part in torch.from_numpy(iq).split(self._batch)]
        scores, logits = zip(*((_array(each.scores), _array(each.logits)) for each in made))
        return np.concatenate(scores), np.concatenate(logits)

    def _scores(self, part: torch.Tensor) -> torch.Tensor:
        if self.precision is Precision.FLOAT32:
            return self._classifier.scores(self._scaled(part))
        return self._outputs(part).scores

    def _outputs(self, part: torch.Tensor) -> Outputs:
        scaled = self._scaled(part)
        if self.precision is Precision.FLOAT32:
            return self._classifier.outputs(scaled)
        with fast_math(scaled.device):
            features = self._reduced.features(scaled)
        features = features.float()
        logits = self._classifier.network.logits(features)
        scores = logits if self._rejector is None else self._rejector(scaled, features, logits)
        return Outputs(scaled, features, logits, scores)

    def _scaled(self, part: torch.Tensor) -> torch.Tensor:
        return frames.scale(part.to(self._classifier.device), self.scaling)


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.float().cpu().numpy()
