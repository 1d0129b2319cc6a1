"""What an attack searches with: the classifier's own function, cheaper and less exact."""

import torch

from .classifier import Classifier
from .outputs import Outputs
from .runtime.device import fast_math, has_bfloat16, in_bfloat16
from .runtime.memory import keep_freed_memory


class ReducedClassifier:
    """Outputs of a classifier for the steps of a search, not for judging a success.

    With `fast`, and where the device has bfloat16 products, those of the network and of the
    SVM are made in it, and weights are cast once instead of at every step. Else it is the
    classifier itself.
    """

    def __init__(self, classifier: Classifier, fast: bool) -> None:
        keep_freed_memory()
        self.fast = fast and has_bfloat16(classifier.device)
        self.classifier = _reduced(classifier) if self.fast else classifier

    def outputs(self, iq: torch.Tensor) -> Outputs:
        """Features, logits and scores of a tensor of frames; differentiable."""
        with self._context():
            return self.classifier.outputs(iq)

    def logits(self, iq: torch.Tensor) -> torch.Tensor:
        """Logits of the network alone, float32 ``[n, classes]``; differentiable."""
        network = self.classifier.network
        with self._context():
            return network.logits(network.features(iq)).float()

    def _context(self) -> torch.autocast:
        return fast_math(self.classifier.device, self.fast)


def _reduced(classifier: Classifier) -> Classifier:
    """A copy of a Classifier that holds its weights in bfloat16."""
    rejector = classifier.rejector
    return Classifier(
        in_bfloat16(classifier.network),
        classifier.classes,
        None if rejector is None else rejector.reduced(),
        classifier.threshold,
        classifier.metadata,
        classifier.name,
    )
