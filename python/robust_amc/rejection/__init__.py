"""Run-time defense: refuse frames of low confidence."""

from ..plugins import Registry

# Every kind of rejector by name, a subclass of base.Rejector each
REJECTORS = Registry(
    "robust_amc.rejectors",
    "rejector",
    {
        "svm": "robust_amc.rejection.svm:NeuralRejection",
        "autoencoder": "robust_amc.rejection.autoencoder:AutoencoderDetector",
    },
)

__all__ = ["REJECTORS"]
