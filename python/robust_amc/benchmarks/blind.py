"""What a classifier loses when nobody tells it the symbol rate and the carrier of a signal."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import frames, frontend
from ..arrays import Complexes
from ..classifier import Classifier
from ..errors import UserError
from ..frontend.bring import DROPPED
from ..pulse import EXCESS_BANDWIDTH
from ..signal_decision import SignalDecision, label_name
from . import modulated_signals
from .frontend import PERIODS, ROLLOFFS

SAMPLES_PER_SYMBOL = 8
OFFSETS = -0.025, 0.025  # cycles a sample: 5 kHz at 200 kS/s
# Signals and their classes; the index of RML2016's GFSK is 0.25
CLASSES = {name: name for name in (*modulated_signals.CONSTELLATIONS, "CPFSK")}
CLASSES |= {"GFSK, index 0.25": "GFSK"}


def bench(
    classifier: Classifier,
    snr_db: list[float],
    count: int,
    symbols: int,
    seed: int,
    log: Callable[[str], None],
    impaired: bool = False,
) -> list[dict[str, Any]]:
    """A row for each class and SNR, of `count` signals with a rate and an offset of their own.

    `oracle` and `blind` are shares of frames that are decided right, mean over the signals: with
    the true rate and carrier, and with those that the front end finds (none found: all wrong).
    `oracle_fused` and `blind_fused` are shares of signals that all of their frames together decide
    right.

    Args:
        classifier: for frames of 8 samples a symbol
        snr_db: in the signal's bandwidth, 1.35 symbol rates
        count: signals of each
        symbols: of a signal
        seed: of every draw
        log: is told how far it is
        impaired: with echoes and a receiver's impairments, and roll-offs of 0.2 to 0.5

    Raises UserError when the classifier knows none of the classes.
    """
    known = {name: each for name, each in CLASSES.items() if each in classifier.classes}
    if not known:
        raise UserError(f"the model knows none of {', '.join(CLASSES.values())}")
    rows = []
    for level in snr_db:
        for name, wanted in known.items():
            log(f"SNR {level:g} dB: {wanted}")
            rng = np.random.default_rng(seed)
            found = [_trial(classifier, name, level, symbols, impaired, rng) for _ in range(count)]
            columns = np.array(found, float).mean(0).tolist()
            names = ("oracle", "blind", "oracle_fused", "blind_fused")
            rows.append({"name": wanted, "snr_db": level} | dict(zip(names, columns, strict=True)))
    return rows


def _trial(
    classifier: Classifier,
    name: str,
    snr_db: float,
    symbols: int,
    impaired: bool,
    rng: np.random.Generator,
) -> tuple[float, float, bool, bool]:
    low, high = PERIODS
    period = low * (high / low) ** rng.random()
    offset = rng.uniform(*OFFSETS)
    rolloff = rng.uniform(*ROLLOFFS) if impaired else EXCESS_BANDWIDTH
    made = modulated_signals.signal(name, int(symbols * period), period, rolloff, rng)
    if impaired:
        samples = modulated_signals.impaired(made, period, offset, snr_db, rng)[1]
    else:
        whole_band_db = snr_db - 10 * np.log10(period / modulated_signals.IN_BAND)
        samples = modulated_signals.received(made, offset, whole_band_db, rng)
    length = classifier.frame_length
    told = frontend.normalize(samples, offset, 1 / period, SAMPLES_PER_SYMBOL)[DROPPED:-DROPPED]
    told = told[: len(told) // length * length].reshape(-1, length)
    band = frontend.strongest(samples)
    found = frontend.bring(samples, band, length, SAMPLES_PER_SYMBOL).frames
    of_told, told_fused = _decided(classifier, told, CLASSES[name])
    of_found, found_fused = _decided(classifier, found, CLASSES[name])
    return of_told, of_found, told_fused, found_fused


def _decided(classifier: Classifier, pieces: Complexes, wanted: str) -> tuple[float, bool]:
    """Share of frames ``[n, length]`` that are right, and whether all of them together are."""
    if not len(pieces):
        return 0.0, False
    decided = classifier.decide(frames.to_iq(pieces), frames.AUTO, posteriors=True)
    decision = SignalDecision(len(classifier.classes)).add(decided)
    share = float(np.mean(decided.label == classifier.classes.index(wanted)))
    return share, label_name(decision, classifier.classes) == wanted
