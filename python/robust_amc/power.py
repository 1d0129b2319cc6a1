"""Radio units: decibels, SNR, PSR, PNR and the budget ε. The only file that knows them.

All ratios are of powers. PNR is perturbation-to-noise, PSR perturbation-to-signal,
where "signal" is what was received: the energy ‖x‖² of a frame is signal plus noise.
"""

import numpy as np
import numpy.typing as npt

from .arrays import Array, Floats
from .errors import UserError


def from_db(db: npt.ArrayLike) -> Floats:
    """Power ratio of a value in dB."""
    return 10.0 ** (np.asarray(db, dtype=np.float64) / 10)


def to_db(ratio: npt.ArrayLike) -> Floats:
    """Value in dB of a power ratio; -inf for 0."""
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(np.asarray(ratio, dtype=np.float64))


LARGEST_DB = 200  # beyond it float32 frames overflow


def check_db(**values: float | Array) -> None:
    """Raise UserError unless every named value in dB is finite and within ±200 dB."""
    for name, value in values.items():
        if not (np.abs(value) <= LARGEST_DB).all():  # NaN fails too
            raise UserError(
                f"{name} must be a finite number of dB, within ±{LARGEST_DB}, not {value}"
            )


def noise_energy(energy: npt.ArrayLike, snr_db: npt.ArrayLike) -> Floats:
    """Energy of the noise inside a received frame, ‖x‖²/(SNR + 1)."""
    return np.asarray(energy, dtype=np.float64) / (from_db(snr_db) + 1)


def epsilon(energy: npt.ArrayLike, snr_db: float | Array, pnr_db: float | Array) -> Floats:
    """Radius of the l2 ball of a perturbation.

    ε = sqrt(PNR·‖x‖²/(SNR + 1)), Zhang et al., IEEE WCL 2022 (arXiv 2407.06807),
    Section II-C. `energy` is ‖x‖² ``[n]``; `snr_db` and `pnr_db` are scalars or
    ``[n]``. Raises UserError when a level is not finite.
    """
    check_db(snr_db=snr_db, pnr_db=pnr_db)
    return np.sqrt(from_db(pnr_db) * noise_energy(energy, snr_db))


def pnr_db(
    perturbation_energy: npt.ArrayLike, energy: npt.ArrayLike, snr_db: npt.ArrayLike
) -> Floats:
    """PNR in dB of a perturbation, the inverse of :func:`epsilon`."""
    return to_db(np.asarray(perturbation_energy, np.float64) / noise_energy(energy, snr_db))


def psr_db(perturbation_energy: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
    """PSR in dB: perturbation energy over the energy of the received frame."""
    return to_db(np.asarray(perturbation_energy, np.float64) / np.asarray(energy))
