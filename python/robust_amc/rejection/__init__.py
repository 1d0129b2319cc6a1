"""Run-time defense: refuse frames of low confidence."""

from ..plugins import Registry

# Every kind of rejector by name, a subclass of base.Rejector each
REJECTORS = Registry(
    "robust_amc.rejectors",
    "rejector",
    {
        "svm": "robust_amc.rejection.svm:NeuralRejection",
        "autoencoder": "robust_amc.rejection.autoencoder:AutoencoderDetector",
        "margin": "robust_amc.rejection.margin:MarginRejector",
        "energy": "robust_amc.rejection.energy:EnergyDetector",
        "mahalanobis": "robust_amc.rejection.mahalanobis:MahalanobisRejector",
        "knn": "robust_amc.rejection.knn:NearestNeighborRejector",
    },
)

__all__ = ["REJECTORS"]
