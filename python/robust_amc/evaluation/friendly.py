"""What a perturbation does to an eavesdropper and to the receiver that is meant, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from .. import frames, power
from ..arrays import Complexes, Floats, Integers
from ..attacks import Goal, Link, StreamSettings, per_burst
from ..classifier import Classifier
from ..errors import UserError
from ..files import Document
from ..modem import NAMES, Reception, Spared, receive, transmitted
from .metrics import Outcome, mean_with_interval, with_intervals

SYMBOLS = 120  # of a burst, behind the preamble
NOT_IN_MODEM = ("timing", "channel")  # of a link: the receiver finds its own time, has no equalizer
Log = Callable[[str], None]


@dataclass(frozen=True)
class Scenario:
    """A transmitter, its receiver, and an eavesdropper at the same place.

    Attributes:
        classifier: the eavesdropper's
        settings: StreamSettings of the attack; carrier, phase and the like of its link are those
            that both receivers have
        snr_db: signal over noise in the whole band
        bursts: of each class
        goal: what counts as a success of the attack
        seed: of bursts, noise and links
    """

    classifier: Classifier
    settings: StreamSettings
    snr_db: float = 20.0
    bursts: int = 10
    goal: Goal = Goal.EVASION
    seed: int = 0

    def rows(self, pnr_db: float, shares: Sequence[float], log: Log = print) -> list[Document]:
        """A row without perturbation and one for each share that is spared, see Spared.

        Each with the eavesdropper's measures, and symbol and bit error rates, error vector and
        passed checksums of the friendly receiver, with 95 % intervals by bootstrap over bursts;
        under `by_class` the same of each class. Raises UserError where the classifier knows none of
        the classes of the modem.
        """
        known = [name for name in NAMES if name in self.classifier.classes]
        if not known:
            raise UserError(f"{self.classifier.name} knows none of {', '.join(NAMES)}")
        rows = []
        for share in (None, *shares):
            parts = [self._class(number, name, pnr_db, share) for number, name in enumerate(known)]
            row = {"model": self.classifier.name, "spared": share} | _levels(
                parts, self.snr_db, None if share is None else pnr_db
            )
            row |= self._measures(parts)
            own = {part.name: self._measures([part]) for part in parts}
            rows.append(row | {"by_class": own})
            log(
                f"spared {'-' if share is None else share}: accuracy {row['accuracy']:.3f}, "
                f"bit errors {row['bit_errors']:.2g}"
            )
        return rows

    def _class(self, number: int, name: str, pnr_db: float, share: float | None) -> "_Part":
        """The bursts of one class, perturbed unless `share` is None, as both receive them."""
        rng = np.random.default_rng([self.seed, number])
        sent = transmitted(name, self.bursts, SYMBOLS, rng)
        clean = frames.to_iq(sent.samples[:, sent.active])
        noise = _white(sent.samples.shape, rng)
        noise *= np.sqrt(frames.energy(clean).mean() / clean.shape[2] / power.from_db(self.snr_db))
        made = clean
        if share is not None:
            radius = np.sqrt(frames.energy(clean) * power.from_db(pnr_db - self.snr_db))
            label = np.full(len(clean), self.classifier.classes.index(name))
            made = per_burst(
                self.classifier, clean, label, radius, settings=self.settings, goal=self.goal,
                shape=Spared(sent, share).shape, seed=self.seed + 1,
            )  # fmt: skip
        samples = sent.samples.copy()
        samples[:, sent.active] += frames.to_complex(made) - frames.to_complex(clean)
        whole = frames.to_iq(samples + noise)
        return _Part(
            name,
            self._decided(whole[:, :, sent.active], rng),
            receive(self._meant(whole, rng), sent),
            frames.energy((made - clean).astype(np.float64)),
            frames.energy(clean.astype(np.float64)),
            frames.energy(frames.to_iq(noise[:, sent.active]).astype(np.float64)),
        )

    def _decided(self, iq: Floats, rng: np.random.Generator) -> Integers:
        """Classes that the eavesdropper decides, ``[n, frames]``."""
        length = self.classifier.frame_length
        count = self.settings.link.frames_of(iq.shape[2], length)
        link = Link.drawn(self.settings.link, len(iq), length, rng)
        got = link.received(torch.as_tensor(iq), count, length).numpy()
        return self.classifier.decide(got, frames.AS_MODEL).label.reshape(len(iq), count)

    def _meant(self, iq: Floats, rng: np.random.Generator) -> Complexes:
        """What the friendly receiver gets, ``[n, length]``: its time is off by some samples."""
        own = tuple(name for name in self.settings.link.over if name not in NOT_IN_MODEM)
        link = Link.drawn(replace(self.settings.link, over=own), len(iq), 1, rng)
        link = replace(link, delay=torch.as_tensor(rng.random((len(iq), 1)), dtype=torch.float32))
        got = link.received(torch.as_tensor(iq), 1, iq.shape[2]).numpy()
        return np.roll(frames.to_complex(got), rng.integers(-4, 5), 1)

    def _measures(self, parts: "Sequence[_Part]") -> Document:
        """The measures of several classes together."""
        label = np.concatenate(
            [np.full(part.decided.size, self.classifier.classes.index(part.name)) for part in parts]
        )
        decided = np.concatenate([part.decided.ravel().astype(int) for part in parts])
        bursts = sum(len(part.decided) for part in parts)
        run = np.repeat(np.arange(bursts), parts[0].decided.shape[1])
        row: Document = {"bursts": bursts, "frames": len(label)}
        row |= with_intervals(Outcome(label, decided, attacked=True), run, self.seed)
        for name in ("symbol_errors", "bit_errors", "error_vector", "passed"):
            values = np.concatenate([getattr(part.received, name) for part in parts])
            row[name], row[f"{name}_interval"] = mean_with_interval(
                values, np.arange(bursts), self.seed
            )
        return row


@dataclass(frozen=True)
class _Part:
    """What became of the bursts of one class, and the energies in them ``[n]``."""

    name: str
    decided: Integers
    received: Reception
    added: Floats
    signal: Floats
    noise: Floats


def _white(shape: tuple[int, ...], rng: np.random.Generator) -> Complexes:
    """Complex noise of mean power 1."""
    parts = rng.standard_normal((2, *shape)) / np.sqrt(2)
    noise: Complexes = parts[0] + 1j * parts[1]
    return noise


def _levels(parts: Sequence[_Part], snr_db: float, pnr_db: float | None) -> Document:
    """PNR, PSR and SNR, nominal and measured over all bursts, in dB; None without perturbation."""
    added, signal, noise = (
        np.concatenate([getattr(part, name) for part in parts]).sum()
        for name in ("added", "signal", "noise")
    )
    found: Document = {"snr_db": snr_db, "measured_snr_db": float(power.to_db(signal / noise))}
    if pnr_db is None:
        return found | dict.fromkeys(("pnr_db", "psr_db", "measured_pnr_db", "measured_psr_db"))
    return found | {
        "pnr_db": pnr_db,
        "psr_db": pnr_db - snr_db,
        "measured_pnr_db": float(power.to_db(added / noise)),
        "measured_psr_db": float(power.to_db(added / signal)),
    }
