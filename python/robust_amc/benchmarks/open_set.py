"""What the chain from a band to a label makes of signals that are none of a model's classes."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from .. import frames, frontend
from ..arrays import Complexes, Floats
from ..classifier import Classifier
from ..data import FrameDataset
from ..decisions import Decisions
from ..errors import UserError
from ..evaluation import unknown_signals
from ..frontend import occupied
from ..provenance import knows_field
from ..signal_decision import WITHOUT_SYMBOLS, SignalDecision, label_name
from . import modulated_signals
from .frontend import OFFSETS

SAMPLES_PER_SYMBOL = 8
SLOWER = (2.0, 8.0)  # how many times as many samples a signal of unknown_signals gets
FINEST = 64  # denominator of that
EDGE = 64  # samples at either end that resampling has wrong
FRAMES = 8  # of a signal, so that all signals count alike
KEPT_KNOWN = 0.95  # share of the known frames that is accepted
NARROWEST = 1 / 64  # cycles a sample, of the band that the SNR is over
Trial = tuple[Decisions, str | None]  # of a signal's frames, and the label that it gets


def bench(
    classifier: Classifier,
    known: FrameDataset,
    snr_db: list[float],
    count: int,
    length: int,
    seed: int,
    log: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row for each unknown signal and SNR, of `count` signals, each with a rate of its own.

    Found, brought to frames and decided as a :class:`~robust_amc.streams.scan.Scanner` does it.
    `brought` is the share of them of which there are frames, at most 8 each; `accepted` the share
    of these frames that are not rejected; `labeled` the share of the signals that get a label.
    `auroc` is the probability that a frame of the known classes scores higher than one of them, and
    `fpr_95` the share of them that is accepted where 95 % of the known frames are; None without
    frames. The score is the rejector's largest, or without one the largest posterior (Hendrycks
    and Gimpel, ICLR 2017, arXiv 1610.02136, which also has the two measures).

    A class of `known` that is none of the classifier's, left out of its training, has a row as
    well: its frames come behind a front end already, and each run of them is a signal.

    Args:
        classifier: for frames of 8 samples a symbol
        known: frames of its classes, and perhaps of others, as the front end leaves them, with
            labels `snr_db`
        snr_db: in the band with 90 % of a signal's power
        count: signals of each
        length: samples of a signal
        seed: of every draw
        log: is told how far it is

    Raises UserError where `known` has no frames of the model's classes at one of the SNRs.
    """
    rows = []
    for level in snr_db:
        there = known.select(snr_db=[level]).in_memory()
        is_own = np.isin(there.truth, classifier.classes)
        if not is_own.any():
            raise UserError(
                f"no frame at {level:g} dB is of one of {', '.join(classifier.classes)}"
            )
        own, foreign = there.subset(is_own), there.subset(~is_own)
        inside = _score(classifier, classifier.decide(own.iq, posteriors=True))
        trials: dict[str, list[Trial]] = {}
        for name in unknown_signals.SIGNALS:
            log(f"SNR {level:g} dB: {name}")
            rng = np.random.default_rng([seed, *name.encode()])
            trials[name] = [_trial(classifier, name, level, length, rng) for _ in range(count)]
        for name in np.unique(foreign.truth).tolist():
            log(f"SNR {level:g} dB: {name}")
            trials[name] = _trials_of_runs(classifier, foreign.select([name]), name)
        for name, each in trials.items():
            rows.append({"name": name, "snr_db": level} | _summary(classifier, each, inside))
    return rows


def _summary(
    classifier: Classifier, trials: Sequence[Trial], inside: Floats
) -> dict[str, float | None]:
    outside = np.concatenate([_score(classifier, each) for each, _ in trials])
    accepted = np.concatenate([~each.rejected for each, _ in trials])
    found: dict[str, float | None] = {
        "brought": float(np.mean([len(each.label) > 0 for each, _ in trials])),
        "labeled": float(np.mean([label is not None for _, label in trials])),
        "accepted": None,
        "auroc": None,
        "fpr_95": None,
    }
    if len(outside):
        from sklearn.metrics import roc_auc_score

        is_known = np.repeat([True, False], [len(inside), len(outside)])
        limit = np.quantile(inside, 1 - KEPT_KNOWN)
        found["accepted"] = float(accepted.mean())
        found["auroc"] = float(roc_auc_score(is_known, np.concatenate([inside, outside])))
        found["fpr_95"] = float(np.mean(outside >= limit))
    return found


def _trials_of_runs(classifier: Classifier, dataset: FrameDataset, name: str) -> list[Trial]:
    """One for each run of frames, all of one class."""
    decided = classifier.decide(dataset.iq, posteriors=True)
    has_symbols = name not in WITHOUT_SYMBOLS
    return [
        _labeled(classifier, decided[dataset.run_id == run], has_symbols)
        for run in np.unique(dataset.run_id)
    ]


def _trial(
    classifier: Classifier, name: str, snr_db: float, length: int, rng: np.random.Generator
) -> Trial:
    """Of one signal, of the frames that there are."""
    samples = received(name, snr_db, length, rng)
    brought = frontend.bring(
        samples,
        frontend.strongest(samples),
        classifier.frame_length,
        SAMPLES_PER_SYMBOL,
        FRAMES,
        analog=knows_field(classifier.metadata),
    )
    decided = classifier.decide(frames.to_iq(brought.frames), frames.AUTO, posteriors=True)
    return _labeled(classifier, decided, brought.known.symbol_rate.rate is not None)


def _labeled(classifier: Classifier, decided: Decisions, has_symbols: bool) -> Trial:
    decision = SignalDecision(len(classifier.classes)).add(decided)
    return decided, label_name(decision, classifier.classes, has_symbols)


def received(name: str, snr_db: float, length: int, rng: np.random.Generator) -> Complexes:
    """A signal of unknown_signals, slower by a factor, with offset and noise, ``[length]``."""
    if name == unknown_signals.NOISE_ALONE:
        return unknown_signals.white_noise(rng, 1, length)[0]
    low, high = SLOWER
    slower = Fraction(low * (high / low) ** rng.random()).limit_denominator(FINEST)
    needed = int((length + 2 * EDGE) / slower) + 2
    made = unknown_signals.SIGNALS[name](rng, 1, needed)[0]
    made = np.asarray(resample_poly(made, slower.numerator, slower.denominator))
    made = made[EDGE : EDGE + length] / np.sqrt(np.mean(np.abs(made) ** 2))
    share = np.cumsum(occupied.spectrum(made))
    low, high = np.searchsorted(share / share[-1], [0.05, 0.95]) / len(share)
    whole_band_db = snr_db + 10 * np.log10(max(high - low, NARROWEST))
    return modulated_signals.received(made, rng.uniform(*OFFSETS), whole_band_db, rng)


def _score(classifier: Classifier, decided: Decisions) -> Floats:
    if classifier.rejector is not None:
        return decided.score.max(1)
    assert decided.log_posterior is not None
    return decided.log_posterior.max(1)
