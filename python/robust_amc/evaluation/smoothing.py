"""Randomized smoothing: decisions that no perturbation within a radius changes.

Cohen, Rosenfeld, Kolter, Certified Adversarial Robustness via Randomized Smoothing, ICML 2019
(arXiv 1902.02918). The smoothed classifier decides what its base decides most often of a frame with
Gaussian noise on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from .. import frames
from ..arrays import Integers
from ..attacks.pgd import descend
from ..classifier import Classifier
from ..decisions import REJECTED
from ..errors import UserError

CHUNK = 512  # noisy frames that are decided at once
PATH = 2.5  # of the attack's steps together, in radii
HOPE = 0.2  # of the margin of mean log probabilities, from which the votes are asked


@dataclass(frozen=True)
class SmoothingSettings:
    """How a classifier is smoothed, and how hard the smoothed one is attacked.

    Attributes:
        sigma: of the noise: its norm over that of a frame, on average
        samples: noisy frames of which a radius is proved
        selection: noisy frames of which the class is chosen whose radius that is
        alpha: probability that a radius is wrong, or a prediction not that of infinitely many
            samples
        attack_steps: of PGD on the smoothed classifier
        attack_samples: noisy frames of which each gradient is the mean
        judged: noisy frames of which the smoothed classifier decides a perturbed frame
    """

    sigma: float = 0.5
    samples: int = 10_000
    selection: int = 100
    alpha: float = 0.001
    attack_steps: int = 40
    attack_samples: int = 32
    judged: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.sigma < float("inf") or not 0 < self.alpha < 0.5:
            raise UserError("smoothing needs a positive sigma, and alpha between 0 and 0.5")
        counts = (self.samples, self.selection, self.attack_steps, self.attack_samples, self.judged)
        if min(counts) < 1:
            raise UserError("smoothing needs at least one sample of each kind, and one step")


@dataclass(frozen=True)
class Certificate:
    """What is known of one frame.

    Attributes:
        label: of the smoothed classifier; REJECTED: it abstains
        radius: within which no perturbation changes the label; 0 where it abstains
    """

    label: int
    radius: float


class Smoothed:
    """A Classifier, smoothed with noise of standard deviation `deviation` on each value.

    A frame that the base rejects is a vote for no class. The guarantee needs the same `deviation`
    for a frame and for what an attacker makes of it, so it must not follow from the frame.
    """

    def __init__(
        self, classifier: Classifier, deviation: float, settings: SmoothingSettings
    ) -> None:
        self.classifier, self.deviation, self.settings = classifier, deviation, settings

    @torch.no_grad()
    def votes(self, iq: torch.Tensor, count: int, generator: torch.Generator) -> Integers:
        """How often each class is decided of a frame ``[2, length]`` with noise, ``[classes]``."""
        classes = len(self.classifier.classes)
        found = np.zeros(classes, int)
        for noisy in self._noisy(iq, count, generator):
            label = self.classifier.label_of(self.classifier.scores(noisy).float()).cpu().numpy()
            found += np.bincount(label[label != REJECTED], minlength=classes)
        return found

    def certify(self, iq: torch.Tensor, generator: torch.Generator) -> Certificate:
        """The Certificate of a frame ``[2, length]``: CERTIFY of the paper.

        R = σ·Φ⁻¹(p), with p the lower end of the one-sided 1 - α interval of the chosen class's
        probability (Clopper and Pearson, 1934).
        """
        settings = self.settings
        chosen = int(self.votes(iq, settings.selection, generator).argmax())
        count = int(self.votes(iq, settings.samples, generator)[chosen])
        if not count:
            return Certificate(REJECTED, 0.0)
        lowest = stats.beta.ppf(settings.alpha, count, settings.samples - count + 1)
        if not lowest > 0.5:
            return Certificate(REJECTED, 0.0)
        return Certificate(chosen, float(self.deviation * stats.norm.ppf(lowest)))

    def predict(self, iq: torch.Tensor, count: int, generator: torch.Generator) -> int:
        """The label of a frame ``[2, length]``, or REJECTED: PREDICT of the paper.

        It abstains unless a two-sided test at α says that the first class is likelier than the
        second.
        """
        found = self.votes(iq, count, generator)
        second, first = np.argsort(found, kind="stable")[-2:]
        both = int(found[first] + found[second])
        if not both:
            return REJECTED
        test = stats.binomtest(int(found[first]), both, 0.5)
        return int(first) if test.pvalue <= self.settings.alpha else REJECTED

    def attack(
        self, iq: torch.Tensor, label: int, epsilon: float, generator: torch.Generator
    ) -> torch.Tensor:
        """A frame ``[2, length]`` within `epsilon` that the smoothed classifier should get wrong.

        PGD on the mean probabilities of frames with noise, which stays the same for all steps
        (Salman et al., Provably Robust Deep Learning via Adversarially Trained Smoothed
        Classifiers, NeurIPS 2019, arXiv 1906.04584, Eq. 6). It ends early when fresh votes are for
        another class beyond doubt; at the boundary it goes on.
        """
        settings = self.settings
        noise = self._noise(iq, settings.attack_samples, generator)

        def evaluate(
            perturbed: torch.Tensor, rows: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            logits = self.classifier.network((perturbed[:, None] + noise).flatten(0, 1)).float()
            mean = F.softmax(logits, 1).view(len(perturbed), len(noise), -1).mean(1)
            log = mean.clamp(min=1e-30).log()
            others = torch.cat([log[:, :label], log[:, label + 1 :]], 1)
            margin = log[:, label] - others.max(1)[0]
            return margin, margin < HOPE

        def confirm(perturbed: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            found = [self.predict(each, settings.selection, generator) for each in perturbed]
            return torch.tensor(
                [each not in (label, REJECTED) for each in found], device=perturbed.device
            )

        found = descend(
            evaluate,
            iq[None],
            torch.tensor([epsilon], dtype=torch.float32, device=iq.device),
            steps=settings.attack_steps,
            step_size=PATH,
            confirm=confirm,
        )
        return found.iq[0]

    def _noisy(
        self, iq: torch.Tensor, count: int, generator: torch.Generator
    ) -> Iterator[torch.Tensor]:
        for start in range(0, count, CHUNK):
            yield iq + self._noise(iq, min(CHUNK, count - start), generator)

    def _noise(self, iq: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
        drawn = torch.randn(count, *iq.shape, generator=generator)
        return (self.deviation * drawn).to(iq)


def deviation(iq: torch.Tensor, sigma: float) -> float:
    """The standard deviation of noise whose norm is `sigma` times the median frame's.

    Of frames ``[n, 2, length]``: one number for all of them, as the guarantee needs.
    """
    norm = float(frames.flat_norm(iq).median())
    return sigma * norm / iq[0].numel() ** 0.5
