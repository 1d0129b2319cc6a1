"""What is left of carrier and rate behind the front end: a model of its errors.

Fitted by hand to what `htrd bench residuals` measures (docs/field.md has the figures), for signals
that were found at all. Two kinds of errors of the carrier: small ones where a line was found, and
large ones where the middle of the band had to do.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import UserError

LEVELS = (0.0, 5.0, 10.0, 20.0)  # dB, SNR in the band; beyond them as at the nearest
FINE = 0.002  # rates, up to which an error of a carrier is small
Four = tuple[float, float, float, float]  # a value at each of LEVELS

_RATE: Four = (4.5e-5, 2.7e-5, 2.0e-5, 1.0e-5)  # median of the rate's relative error
_CARRIER: Four = (6e-5, 6e-5, 7e-5, 6e-5)  # median of a small error of the carrier, in rates
_SPREAD = 0.55  # of the decimal logarithm of both
_LINEAR: Four = (0.037, 0.023, 0.06, 0.07)


@dataclass(frozen=True)
class Digital:
    """Errors for a class with symbols.

    Attributes:
        coarse: share of large errors of the carrier
        deviation: standard deviation of these, in rates
    """

    coarse: Four
    deviation: Four = _LINEAR

    def draw(self, snr_db: float, rng: np.random.Generator) -> tuple[float, float]:
        """Relative error of the rate, and error of the carrier in rates."""
        rate = _small(_RATE, snr_db, rng)
        is_coarse = rng.random() < _at(self.coarse, snr_db)
        large = _at(self.deviation, snr_db) * rng.standard_normal()
        small = _small(_CARRIER, snr_db, rng)
        return rate, float(large) if is_coarse else small


@dataclass(frozen=True)
class Analog:
    """Errors for a class that is brought to a bandwidth, see :func:`frontend.by_width`.

    Attributes:
        mean, spread: of the natural logarithm of the rate that is found, over the true one
        deviation: standard deviation of the carrier's error, in rates
    """

    mean: Four
    spread: Four
    deviation: Four

    def draw(self, snr_db: float, rng: np.random.Generator) -> tuple[float, float]:
        """Relative error of the rate, and error of the carrier in rates."""
        off = np.clip(rng.standard_normal(), -2, 2)
        rate = np.exp(_at(self.mean, snr_db) + _at(self.spread, snr_db) * off) - 1
        return float(rate), float(_at(self.deviation, snr_db) * rng.standard_normal())


_NONE: Four = (0.0, 0.0, 0.0, 0.0)
MODELS: dict[str, Digital | Analog] = {
    "BPSK": Digital(_NONE),
    "PAM4": Digital((0.0, 0.0, 0.04, 0.04), (0.25, 0.25, 0.25, 0.25)),
    "QPSK": Digital((0.7, 0.02, 0.04, 0.08)),
    "8PSK": Digital((1.0, 0.96, 0.38, 0.21)),
    "QAM16": Digital((0.91, 0.59, 0.29, 0.12)),
    "QAM64": Digital((0.7, 0.58, 0.29, 0.17)),
    "CPFSK": Digital((0.04, 0.04, 0.04, 0.04), (0.1, 0.1, 0.1, 0.1)),
    "GFSK": Digital((0.4, 0.4, 0.4, 0.34), (0.006, 0.006, 0.006, 0.006)),
    "AM-DSB": Analog(
        (-0.72, -0.63, -0.33, -0.2), (0.8, 0.76, 0.59, 0.18), (5e-5, 5e-5, 5e-5, 5e-5)
    ),
    "AM-SSB": Analog(
        (0.04, 0.0, 0.0, 0.0), (0.16, 0.011, 0.006, 0.002), (0.115, 0.005, 0.003, 1e-3)
    ),
    "WBFM": Analog((0.03, 0.03, 0.03, 0.007), (0.15, 0.13, 0.11, 0.03), (0.1, 0.085, 0.068, 0.017)),
}


def draw(name: str, snr_db: float, rng: np.random.Generator) -> tuple[float, float]:
    """Relative error of the rate, and error of the carrier in rates, for a class of RML2016.

    `snr_db` is that in the occupied band. Raises UserError for a class without a model.
    """
    if name not in MODELS:
        raise UserError(f"no residuals are known of {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name].draw(snr_db, rng)


def _at(values: Four, snr_db: float) -> float:
    return float(np.interp(snr_db, LEVELS, values))


def _small(medians: Four, snr_db: float, rng: np.random.Generator) -> float:
    """Of either sign, its magnitude log-normal."""
    size = _at(medians, snr_db) * 10 ** (_SPREAD * rng.standard_normal())
    return float(rng.choice((-1.0, 1.0)) * size)
