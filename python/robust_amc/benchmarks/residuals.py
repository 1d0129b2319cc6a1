"""What the front end leaves of a signal's carrier and rate, for `robust_amc.impairments.residuals`.

The signals are those of `modulated_signals`, with echoes, noise and a receiver's impairments.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import frontend
from ..arrays import Array, Complexes
from ..impairments.residuals import FINE
from . import modulated_signals
from .frontend import OFFSETS, PERIODS, RATE_ERROR, ROLLOFFS
from .modulated_signals import DIGITAL

ANALOG = ("noise in a band", "FM", "AM")
_SMALL = 1e-9  # the least error that has a logarithm here


def bench(
    snr_db: list[float], count: int, length: int, seed: int, log: Callable[[str], None]
) -> list[dict[str, Any]]:
    """A row for each signal and SNR, of `count` signals of `length` samples.

    `found` is the share whose rate is found, within 2 % for a digital signal; the rest is of those.
    Errors of the carrier count in rates, those of the rate are relative. `rate_median` and
    `rate_spread` are the median of its error and the standard deviation of its decimal logarithm,
    of analog signals (which are brought to a bandwidth, see :func:`frontend.by_width`) the mean
    natural logarithm of the rate over that without noise, and its standard deviation. `coarse` is
    the share of carriers more than 0.2 % off, `coarse_deviation` the root of the mean
    square of these, `carrier_median` and `carrier_spread` those of the others. None where nothing
    is found.

    Args:
        snr_db: over 1.35 symbol rates
        count: signals of each
        length: samples of a signal
        seed: of every draw
        log: is told how far it is
    """
    rows = []
    for level in snr_db:
        for name in (*DIGITAL, *ANALOG):
            log(f"SNR {level:g} dB: {name}")
            rng = np.random.default_rng(seed)
            trials = [_trial(name, level, length, rng) for _ in range(count)]
            errors = np.array([each for each in trials if each is not None])
            row = {"name": name, "snr_db": level, "found": len(errors) / count}
            rows.append(row | _summary(errors.reshape(-1, 2), name in DIGITAL))
    return rows


def _trial(
    name: str, snr_db: float, length: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Error of the rate and of the carrier in rates; None where no rate is found."""
    low, high = PERIODS
    period = low * (high / low) ** rng.random()
    offset, rolloff = rng.uniform(*OFFSETS), rng.uniform(*ROLLOFFS)
    own = modulated_signals.signal(name, length, period, rolloff, rng)
    sent, heard = modulated_signals.impaired(own, period, offset, snr_db, rng)
    if name not in DIGITAL:
        return _of_width(sent, heard, offset)
    found = frontend.analyze(heard)
    rate = found.symbol_rate.rate
    if rate is None or abs(rate * period - 1) > RATE_ERROR:
        return None
    return rate * period - 1, (found.carrier.frequency - offset) * period


def _of_width(sent: Complexes, heard: Complexes, offset: float) -> tuple[float, float] | None:
    truth, found = frontend.by_width(sent), frontend.by_width(heard)
    if truth is None or found is None:
        return None
    center = (found[0] - truth[0] - offset + 0.5) % 1 - 0.5
    return float(np.log(found[1] / truth[1])), center / truth[1]


def _summary(errors: Array, is_digital: bool) -> dict[str, float | None]:
    names = (
        "rate_median", "rate_spread", "carrier_median", "carrier_spread", "coarse",
        "coarse_deviation",
    )  # fmt: skip
    found: dict[str, float | None] = dict.fromkeys(names)
    if not len(errors):
        return found
    rate, carrier = errors[:, 0], np.maximum(np.abs(errors[:, 1]), _SMALL)
    if is_digital:
        rate = np.maximum(np.abs(rate), _SMALL)
        found["rate_median"] = float(np.median(rate))
        found["rate_spread"] = float(np.log10(rate).std())
    else:
        found["rate_median"], found["rate_spread"] = float(rate.mean()), float(rate.std())
    fine, coarse = carrier[carrier <= FINE], carrier[carrier > FINE]
    found["coarse"] = len(coarse) / len(carrier)
    if len(coarse):
        found["coarse_deviation"] = float(np.sqrt(np.mean(coarse**2)))
    if len(fine):
        found["carrier_median"] = float(np.median(fine))
        found["carrier_spread"] = float(np.log10(fine).std())
    return found
