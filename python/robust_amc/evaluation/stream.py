"""What is left of an attack behind a link that it does not know."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from .. import frames, power
from ..arrays import Bools, Complexes, Floats
from ..attacks import AttackSettings, Goal, Link, LinkSettings, StreamSettings, per_burst, white_box
from ..classifier import Classifier
from ..data import FrameDataset
from ..files import Document
from .levels import levels
from .metrics import Outcome, by_class, share_of_difference, with_intervals

FRAMES, KNOWN = KNOWING = "frames", "known"  # the attacks that the others are compared with
ATTACKS = ("none", *KNOWING, "aligned", "stream")
FRAME_STEPS = 40  # of PGD on frames
Log = Callable[[str], None]


class StreamTrial:
    """Bursts, each behind one link that was drawn for it, and a classifier of their frames.

    Args:
        classifier: the Classifier under attack
        bursts: a FrameDataset of bursts, in memory
        settings: StreamSettings, of the links too
        goal: what counts as a success
        seed: of the links; the attack draws others
    """

    def __init__(
        self,
        classifier: Classifier,
        bursts: FrameDataset,
        settings: StreamSettings,
        goal: Goal = Goal.EVASION,
        seed: int = 0,
    ) -> None:
        self.classifier, self.settings, self.goal, self.seed = classifier, settings, goal, seed
        self.bursts = replace(bursts, iq=bursts.iq.astype(np.float32))
        length = classifier.frame_length
        self.count = settings.link.frames_of(bursts.frame_length, length)
        rng = np.random.default_rng(seed)
        self.link = Link.drawn(settings.link, len(bursts), length, rng)
        self.label = np.repeat(bursts.label, self.count).astype(int)
        self.run_id = np.repeat(bursts.run_id, self.count)

    def received(self, iq: Floats) -> Floats:
        """Frames ``[n·count, 2, length]`` that the receivers cut of bursts."""
        cut = self.link.received(torch.as_tensor(iq), self.count, self.classifier.frame_length)
        return cut.numpy()

    def outcome(self, received: Floats) -> Outcome:
        """The Outcome of frames as received."""
        decided = self.classifier.decide(received, frames.AS_MODEL).label
        return Outcome(self.label, decided.astype(int), attacked=True)

    def epsilon(self, pnr_db: float) -> Floats:
        """Budgets of the bursts ``[n]``."""
        return power.epsilon(frames.energy(self.bursts.iq), self.bursts.snr_db, pnr_db)

    def made(self, attack: str, pnr_db: float) -> Floats:
        """Bursts perturbed by one of ``aligned``, ``known`` and ``stream``."""
        settings, known = self.settings, None
        if attack != "stream":  # nothing is drawn: half of the steps are enough
            settings, known = replace(settings, steps=settings.steps // 2 or 1), self.link
        if attack == "aligned":  # made for frames that begin with the burst, and nothing else
            settings = replace(settings, link=LinkSettings(over=()))
            rng = np.random.default_rng(0)
            known = Link.drawn(settings.link, len(self.bursts), self.classifier.frame_length, rng)
        return per_burst(
            self.classifier, self.bursts.iq, self.bursts.label, self.epsilon(pnr_db),
            settings=settings, goal=self.goal, known=known, seed=self.seed + 1,
        )  # fmt: skip

    def by_frame(self, pnr_db: float) -> Floats:
        """Frames as received, each perturbed by PGD that knows it, with a budget of its own."""
        clean = self.received(self.bursts.iq)
        radius = power.epsilon(
            frames.energy(clean), np.repeat(self.bursts.snr_db, self.count), pnr_db
        )
        settings = AttackSettings(
            steps=FRAME_STEPS, restarts=0, objectives=1, chained=False, targets=0
        )
        return white_box(
            self.classifier, clean, self.label, radius, goal=self.goal,
            settings=settings, scaling=self.classifier.scaling,
        ).iq  # fmt: skip

    def with_waveform(self, waveform: Complexes, pnr_db: float) -> Floats:
        """Bursts with a universal waveform, each from anywhere in it and at any phase."""
        rng = np.random.default_rng(self.seed + 2)
        shape = (len(self.bursts), 1)
        place = rng.integers(len(waveform), size=shape) + np.arange(self.bursts.frame_length)
        unit = waveform[place % len(waveform)] * np.exp(2j * np.pi * rng.random(shape))
        unit = unit / np.sqrt((np.abs(unit) ** 2).sum(1, keepdims=True))
        return self.bursts.iq + frames.to_iq(unit * self.epsilon(pnr_db)[:, None])


def measure(
    trial: StreamTrial, pnr_db: float, waveform: Complexes | None = None, log: Log = print
) -> list[Document]:
    """A row for each of ATTACKS, and for the universal `waveform`, all behind the same links.

    Attacks: ``none``; ``frames``, PGD on each frame as it is received; ``known``, on the burst, the
    link known; ``aligned``, the same for frames that begin with the burst; ``stream``, in
    expectation over links. `effect` is the accuracy that an attack takes, `share_of_frames`
    and `share_of_known` its shares of what those two take, with 95 % intervals by bootstrap over
    runs.
    """
    clean, outcomes, made = trial.bursts.iq, {}, {}
    for attack in ATTACKS + (() if waveform is None else ("universal",)):
        if attack == FRAMES:
            received = trial.by_frame(pnr_db)
        else:
            if attack == "none":
                made[attack] = clean
            elif attack == "universal" and waveform is not None:
                made[attack] = trial.with_waveform(waveform, pnr_db)
            else:
                made[attack] = trial.made(attack, pnr_db)
            received = trial.received(made[attack])
        outcomes[attack] = trial.outcome(received)
        log(f"{attack}: accuracy {outcomes[attack].correct.mean():.3f}")
    rows = []
    for attack, outcome in outcomes.items():
        row = {"model": trial.classifier.name, "attack": attack, "frames": len(trial.label)}
        if attack in made and attack != "none":
            row |= levels(trial.bursts, made[attack], pnr_db)
        row |= with_intervals(outcome, trial.run_id, trial.seed)
        row |= _effect(outcomes, attack, trial)
        rows.append(row)
    return rows


def behind_links(
    classifier: Classifier,
    bursts: FrameDataset,
    settings: StreamSettings,
    pnr_db: float | None,
    seed: int = 0,
) -> Document:
    """A row of frames behind links: of bursts as they are (None), or attacked in expectation.

    A system that rejects is attacked with both goals, and loses a frame to either. Intervals by
    bootstrap over runs.
    """
    trial = StreamTrial(classifier, bursts, settings, seed=seed)
    if pnr_db is None:
        outcome = replace(trial.outcome(trial.received(trial.bursts.iq)), attacked=False)
    else:
        outcome = trial.outcome(trial.received(trial.made("stream", pnr_db)))
        if classifier.rejector is not None:
            goal = Goal.EVASION_OR_REJECTION
            other = StreamTrial(classifier, bursts, settings, goal, seed)
            stripped = other.outcome(other.received(other.made("stream", pnr_db)))
            evaded = ~stripped.correct & ~stripped.rejected
            outcome = replace(
                outcome,
                decided=np.where(evaded, stripped.decided, outcome.decided),
                recognized=outcome.correct & stripped.correct,
            )
    return {
        "model": classifier.name, "pnr_db": pnr_db, "frames": len(outcome.label),
        "by_class": by_class(outcome, trial.run_id, classifier.classes),
    } | with_intervals(outcome, trial.run_id, seed)  # fmt: skip


def _effect(outcomes: dict[str, Outcome], attack: str, trial: StreamTrial) -> Document:
    """How much accuracy an attack takes, and the share of what those that know take."""
    correct: dict[str, Bools] = {name: outcome.correct for name, outcome in outcomes.items()}
    found: Document = {"effect": float(correct["none"].mean() - correct[attack].mean())}
    for whole in KNOWING:
        found[f"share_of_{whole}"], found[f"share_of_{whole}_interval"] = share_of_difference(
            correct["none"], correct[attack], correct[whole], trial.run_id, trial.seed
        )
    return found
