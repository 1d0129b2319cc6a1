"""A low-pass filter before a classifier, as a defense."""

import torch

from ..classifier import Classifier
from ..errors import UserError
from ..models.network import Network


class LowPass(Network):
    """A network that sees frames through a Butterworth low-pass, and so do gradients.

    Zhang, Zhong, Tandon, Krunz, Filtered Randomized Smoothing, 2024 (arXiv 2410.06339): what a
    perturbation has outside of the signal's band is taken away, and what is left is classified.
    Here the filter is its magnitude, 1/√(1 + (f/f_c)^2n), on the frame's DFT: without delay, and
    circular. The frame keeps its norm, as a receiver would scale it.

    Args:
        network: see Network
        cutoff: f_c in cycles a sample, 0 … 0.5: where half of the power passes
        order: n
    """

    def __init__(self, network: Network, cutoff: float, order: int = 5) -> None:
        super().__init__()
        if not 0 < cutoff <= 0.5 or order < 1:
            raise UserError("a low-pass needs a cutoff in 0 … 0.5 and an order of 1 or more")
        self.network, self.cutoff, self.order = network, cutoff, order
        self.feature_count = network.feature_count

    def filtered(self, iq: torch.Tensor) -> torch.Tensor:
        """Frames ``[n, 2, length]`` through the filter, each with the norm that it had."""
        with torch.autocast(iq.device.type, enabled=False):
            samples = torch.complex(iq[:, 0].float(), iq[:, 1].float())
            frequency = torch.fft.fftfreq(samples.shape[1], device=iq.device)
            response = (1 + (frequency / self.cutoff) ** (2 * self.order)) ** -0.5
            passed = torch.fft.ifft(torch.fft.fft(samples) * response)
            before, after = (
                torch.linalg.vector_norm(each, dim=1, keepdim=True) for each in (samples, passed)
            )
            passed = passed * (before / after.clamp(min=1e-30))
            return torch.stack([passed.real, passed.imag], 1)

    def features(self, iq: torch.Tensor) -> torch.Tensor:
        """Last feature layer of the filtered frames, ``[n, feature_count]``."""
        return self.network.features(self.filtered(iq))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Class scores of features, ``[n, classes]``."""
        return self.network.logits(features)

    def part_logits(self, iq: torch.Tensor) -> torch.Tensor | None:
        """Class scores of the filtered frames by parts of the network, where it has some."""
        return self.network.part_logits(self.filtered(iq))


def low_passed(classifier: Classifier, cutoff: float, order: int = 5) -> Classifier:
    """`classifier` behind a low-pass, see LowPass; UserError for one with a rejector."""
    if classifier.rejector is not None:
        raise UserError(f"{classifier.name} rejects: its rejector knows no filtered frames")
    network = LowPass(classifier.network, cutoff, order)
    return Classifier(network, classifier.classes, None, None, classifier.metadata, classifier.name)
