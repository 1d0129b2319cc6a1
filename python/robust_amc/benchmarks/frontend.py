"""How often the front end finds symbol rate and carrier of a signal that it knows nothing of.

Each signal has a rate, an offset, a roll-off, symbols and noise of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import frontend
from . import modulated_signals
from .modulated_signals import ANALOG, DIGITAL

PERIODS = 3.0, 32.0  # samples a symbol
OFFSETS = -0.02, 0.02  # cycles a sample
ROLLOFFS = 0.2, 0.5
RATE_ERROR = 0.02  # of the rate
CARRIER_ERROR = 0.01  # of the rate


def bench(
    snr_db: list[float], count: int, length: int, seed: int, log: Callable[[str], None]
) -> list[dict[str, Any]]:
    """A row for each signal and SNR: `name`, `snr_db`, `rate_right`, `rate_given`, `carrier_right`.

    Shares of `count` signals of `length` samples: those whose symbol rate is found within 2 %,
    those for which any is given, and those whose carrier is found within 1 % of the true symbol
    rate. Of an analog signal a rate must not be given, and its carrier is not asked for (None).

    Args:
        snr_db: over the whole band of the samples
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
            found = [_trial(name, level, length, rng) for _ in range(count)]
            right, given, carrier = np.mean(np.array(found, float), 0)
            is_digital = name in DIGITAL
            rows.append(
                {
                    "name": name,
                    "snr_db": level,
                    "rate_right": float(right) if is_digital else None,
                    "rate_given": float(given),
                    "carrier_right": float(carrier) if is_digital else None,
                }
            )
    return rows


def _trial(
    name: str, snr_db: float, length: int, rng: np.random.Generator
) -> tuple[bool, bool, bool]:
    """Whether the rate is right, whether one is given, and whether the carrier is right."""
    low, high = PERIODS
    period = low * (high / low) ** rng.random()
    offset, rolloff = rng.uniform(*OFFSETS), rng.uniform(*ROLLOFFS)
    made = modulated_signals.signal(name, length, period, rolloff, rng)
    found = frontend.analyze(modulated_signals.received(made, offset, snr_db, rng))
    rate = found.symbol_rate.rate
    right = rate is not None and abs(rate * period - 1) < RATE_ERROR
    carrier = abs(found.carrier.frequency - offset) * period < CARRIER_ERROR
    return right, rate is not None, carrier
