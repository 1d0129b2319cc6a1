"""What an attack searches with: the classifier's own function, cheaper and less exact."""

import copy

import torch
from torch import nn

from .classifier import Classifier
from .rejection.svm import NeuralRejection
from .runtime.device import fast_math, has_bfloat16
from .runtime.memory import keep_freed_memory


class ReducedClassifier:
    """Outputs of a classifier for the steps of a search, not for judging a success.

    With `fast`, and where the device has bfloat16 products, those of the network and of the
    SVM are made in it, and weights are cast once instead of at every step. Else it is the
    classifier itself.
    """

    def __init__(self, classifier, fast):
        keep_freed_memory()
        self.fast = fast and has_bfloat16(classifier.device)
        self.classifier = _reduced(classifier) if self.fast else classifier

    def outputs(self, iq):
        """Features, logits and scores of a tensor of frames; differentiable."""
        with self._context():
            return self.classifier.outputs(iq)

    def logits(self, iq):
        """Logits of the network alone, float32 ``[n, classes]``; differentiable."""
        network = self.classifier.network
        with self._context():
            return network.logits(network.features(iq)).float()

    def _context(self):
        return fast_math(self.classifier.device, self.fast)


class ReducedRejection(NeuralRejection):
    """The SVM's decision values with the product of features and support vectors in bfloat16."""

    def __init__(self, rejector):
        super().__init__(
            rejector.support_vectors,
            rejector.dual_coef,
            rejector.intercept,
            rejector.gamma,
            rejector.feature_scale,
        )
        self.register_buffer("columns", self.support_vectors.T.bfloat16())

    def _products(self, scaled, rate):
        products = (2 * rate * scaled).bfloat16() @ self.columns
        return products.float().sub_(rate * self.energy)


def _reduced(classifier):
    """A copy of a Classifier that holds its weights in bfloat16."""
    rejector = classifier.rejector
    if isinstance(rejector, NeuralRejection):
        rejector = ReducedRejection(rejector)
    elif rejector is not None:
        rejector = _cast(rejector)
    return Classifier(
        _cast(classifier.network),
        classifier.classes,
        rejector,
        classifier.threshold,
        classifier.metadata,
        classifier.name,
    )


def _cast(module):
    """A copy whose matrix layers hold bfloat16; autocast would cast them at every step."""
    module = copy.deepcopy(module)
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
            layer.to(torch.bfloat16)
    return module
