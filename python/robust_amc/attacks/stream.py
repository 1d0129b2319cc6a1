"""Attacks on a stream that need no synchronization: in expectation over a link that is not known.

Athalye et al., Synthesizing robust adversarial examples, ICML 2018 (arXiv 1707.07397): each
gradient is that of the objective's mean over links drawn anew, see :mod:`.link`. What is sent is a
burst, longer than a frame; its budget is that of its mean power, and its receiver cuts frames
wherever they begin.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from .. import frames
from ..arrays import Floats
from ..classifier import Classifier
from ..errors import UserError
from ..frames import Scaling
from ..reduced import ReducedClassifier
from ..runtime.device import batch_size
from . import objectives
from .link import Link, LinkSettings
from .pgd import descend, random_start
from .targets import targets
from .threat import Goal
from .universal import Universal

MOMENTUM = 0.9  # without it the links of single steps pull to and fro
SOFTNESS = 0.2  # margin at which a frame counts half
Shape = Callable[[torch.Tensor], torch.Tensor]
StreamProgress = Callable[[int, int], None]  # is told how much is done, of how much


@dataclass(frozen=True)
class StreamSettings:
    """How an attack on a stream searches.

    Attributes:
        link: what is not known of the link
        steps: gradient steps
        step_size: total path length in units of ε
        draws: links that each gradient is a mean over, of every burst
        fast: search in bfloat16
    """

    link: LinkSettings = field(default_factory=LinkSettings)
    steps: int = 200
    step_size: float = 20.0
    draws: int = 3  # 1 wins less (docs/transmitter.md)
    fast: bool = True


class _Behind:
    """What is minimized: an objective of the frames behind links.

    Its softsign, which counts frames rather than margins, so that effort goes to those that can be
    won, and which has a gradient however large a margin is.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: StreamSettings,
        goal: Goal,
        scaling: Scaling | str,
        length: int,
        seed: int,
    ) -> None:
        self.classifier, self.goal = classifier, goal
        self.reduced = ReducedClassifier(classifier, settings.fast)
        self.objective = objectives.objectives_for(classifier, goal)[0]
        self.settings, self.scaling = settings, scaling
        self.frame_length = classifier.frame_length
        self.frames = settings.link.frames_of(length, self.frame_length)
        self.rng = np.random.default_rng(seed)

    def drawn(self, count: int) -> Link:
        """New links for `count` bursts."""
        return Link.drawn(self.settings.link, count, self.frame_length, self.rng)

    def value(self, iq: torch.Tensor, label: torch.Tensor, link: Link) -> torch.Tensor:
        """Mean over the frames of each burst ``[n, 2, length]`` of class `label` ``[n]``."""
        outputs = self.reduced.outputs(self._received(iq, link))
        each = label.repeat_interleave(self.frames)
        value = self.objective(self.reduced.classifier, outputs, each)
        value = value if value.ndim == 1 else value[:, 0]
        value = value / (SOFTNESS + value.abs())
        return value.view(len(iq), self.frames).mean(1)

    @torch.no_grad()
    def won(self, iq: torch.Tensor, label: torch.Tensor, link: Link) -> torch.Tensor:
        """Which frames of bursts have been won, bool ``[n·frames]``."""
        scores = self.classifier.scores(self._received(iq, link))
        return self.goal.reached(self.classifier, scores, label.repeat_interleave(self.frames))

    def _received(self, iq: torch.Tensor, link: Link) -> torch.Tensor:
        return frames.scale(link.received(iq, self.frames, self.frame_length), self.scaling)


def per_burst(
    classifier: Classifier,
    iq: Floats,
    label: npt.ArrayLike,
    epsilon: npt.ArrayLike,
    *,
    settings: StreamSettings | None = None,
    goal: Goal | str = Goal.EVASION,
    scaling: Scaling | str | None = None,
    known: Link | None = None,
    shape: Shape | None = None,
    seed: int = 0,
    progress: StreamProgress | None = None,
) -> Floats:
    """Perturb bursts that the attacker knows, for a receiver that it is not synchronized with.

    Args:
        classifier: the Classifier under attack
        iq: bursts, float ``[n, 2, length]``; those that are not valid come back unchanged
        label: true classes, integers ``[n]``
        epsilon: l2 radii ``[n]`` of whole bursts, see :func:`robust_amc.power.epsilon`
        settings: StreamSettings
        goal: what counts as a success
        scaling: that the receiver applies to its frames (None: the model's own)
        known: the links of these n bursts, for an attacker who knows them; none is drawn then
        shape: what a perturbation ``[m, 2, length]`` becomes before it is sent, differentiable and
            no longer than it was, such as :meth:`robust_amc.modem.Spared.shape`
        seed: of the links that are drawn
        progress: called with the number of bursts done, and of all

    Returns the perturbed bursts. Raises UserError for labels or radii that do not fit, and for
    bursts too short for a frame.
    """
    settings = settings or StreamSettings()
    target = targets(classifier, iq, label, epsilon)
    own = classifier.scaling if scaling is None else scaling
    behind = _Behind(classifier, settings, Goal(goal), own, target.iq.shape[2], seed)
    made = target.clean.clone()
    usable = torch.as_tensor(np.flatnonzero(target.usable))
    size = max(1, batch_size(classifier.device) // (behind.frames * settings.draws))
    for rows in torch.arange(len(made), device=made.device).split(size):
        labels, fixed = target.label[rows], known and known.at(usable[rows.cpu()])
        made[rows] = _minimized(
            behind, target.clean[rows], labels, target.epsilon[rows], settings, fixed, shape
        )
        if progress:
            progress(int(rows[-1]) + 1, len(made))
    return target.filled(made)


def _minimized(
    behind: _Behind,
    iq: torch.Tensor,
    label: torch.Tensor,
    epsilon: torch.Tensor,
    settings: StreamSettings,
    known: Link | None,
    shape: Shape | None,
) -> torch.Tensor:
    clean = iq

    def sent(iq: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return iq if shape is None else clean[rows] + shape(iq - clean[rows])

    def evaluate(iq: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        links = [known.at(rows)] if known else [behind.drawn(len(rows)) for _ in range(draws)]
        made = sent(iq, rows)
        values = [behind.value(made, label[rows], link) for link in links]
        return torch.stack(values).mean(0), torch.zeros_like(rows, dtype=torch.bool)

    draws = settings.draws
    steps, path = settings.steps, settings.step_size
    found = descend(
        evaluate, iq, epsilon, steps=steps, step_size=path,
        stop_at_success=False, decay=True, momentum=MOMENTUM,
    ).iq  # fmt: skip
    return sent(found, torch.arange(len(found), device=found.device))


def universal(
    classifier: Classifier,
    iq: Floats,
    label: npt.ArrayLike,
    epsilon: npt.ArrayLike,
    *,
    samples: int,
    settings: StreamSettings | None = None,
    goal: Goal | str = Goal.EVASION,
    scaling: Scaling | str | None = None,
    bursts: int = 16,
    seed: int = 0,
    progress: StreamProgress | None = None,
) -> Universal:
    """One waveform for all bursts, that repeats, at any offset and phase to the signal.

    Arguments as those of :func:`per_burst`, and:

        samples: of the waveform, at most a burst's
        bursts: drawn for each gradient

    Raises UserError when there is no valid burst, or the waveform is longer than they are.
    """
    settings = settings or StreamSettings()
    target = targets(classifier, iq, label, epsilon)
    length = target.iq.shape[2]
    if not len(target.clean) or not 0 < samples <= length:
        raise UserError(
            f"a waveform of {samples} samples cannot be made from {len(target.clean)} bursts "
            f"of {length} samples"
        )
    own = classifier.scaling if scaling is None else scaling
    behind = _Behind(classifier, settings, Goal(goal), own, length, seed)
    device, rng, steps = target.clean.device, behind.rng, settings.steps
    done = itertools.count()

    def added(waveform: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The bursts `rows` with the waveform ``[1, 2, samples]``, each from elsewhere in it."""
        start = torch.as_tensor(rng.integers(samples, size=(len(rows), 1)), device=device)
        turn = torch.as_tensor(rng.uniform(-np.pi, np.pi, (len(rows), 1)), device=device).float()
        place = (start + torch.arange(length, device=device)) % samples
        wave = torch.complex(waveform[0, 0], waveform[0, 1])[place] * torch.exp(1j * turn)
        level = target.epsilon[rows, None, None] * (samples / length) ** 0.5
        return target.clean[rows] + level * torch.stack([wave.real, wave.imag], 1)

    def evaluate(waveform: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if progress:
            progress(next(done), steps)
        rows = torch.as_tensor(rng.integers(len(target.clean), size=bursts), device=device)
        value = behind.value(added(waveform, rows), target.label[rows], behind.drawn(bursts))
        return value.mean()[None], torch.zeros(1, dtype=torch.bool, device=device)

    nothing = torch.zeros((1, 2, samples), device=device)
    radius = torch.ones(1, device=device)
    start = random_start(nothing, radius, torch.Generator().manual_seed(seed))
    found = descend(
        evaluate, nothing, radius, steps=steps, step_size=settings.step_size, start=start,
        stop_at_success=False, decay=True, momentum=MOMENTUM,
    ).iq  # fmt: skip
    found = found / frames.flat_norm(found)
    every = torch.arange(len(target.clean), device=device)
    won = [
        behind.won(added(found, rows), target.label[rows], behind.drawn(len(rows)))
        for rows in every.split(bursts)
    ]
    rate, name = float(torch.cat(won).float().mean()), behind.objective.__name__
    return Universal(found[0].cpu().numpy(), name, None, len(every) * behind.frames, rate)
