"""PNR, PSR and SNR of what was perturbed, together: as asked for, and as measured."""

import numpy as np
import numpy.typing as npt

from .. import frames, power
from ..arrays import Floats
from ..data import FrameDataset
from ..errors import UserError
from ..files import Document
from ..frontend import strongest

TRUE_SNR = "true_snr_db"


def levels(clean: FrameDataset, perturbed: Floats, pnr_db: float) -> Document:
    """Medians in dB over frames or bursts and what became of them ``[n, 2, length]``.

    `snr_db` is the label, `pnr_db` what was asked for and `psr_db` what follows from the two;
    `measured_psr_db` is that of the samples. `measured_snr_db` is what the data set knows of the
    noise, else that over the floor of the spectrum, in the whole band, and `measured_pnr_db` the
    perturbation over that noise; None where there is neither.
    """
    iq = clean.iq.astype(np.float64)
    energy, added = frames.energy(iq), frames.energy(perturbed - iq)
    some = (energy > 0) & (added > 0)
    energy, added, label = energy[some], added[some], clean.snr_db[some]
    true = measured_snr_db(clean)[some]
    known = np.isfinite(true)
    return {
        "snr_db": _median(label),
        "pnr_db": float(pnr_db),
        "psr_db": _median(power.psr_db(power.epsilon(energy, label, pnr_db) ** 2, energy)),
        "measured_snr_db": _median(true[known]),
        "measured_pnr_db": _median(power.pnr_db(added[known], energy[known], true[known])),
        "measured_psr_db": _median(power.psr_db(added, energy)),
    }


def measured_snr_db(clean: FrameDataset) -> Floats:
    """SNR of frames or bursts in the whole band, dB ``[n]``, see :func:`levels`; NaN: not known.

    A signal that fills the band has no floor beside it, and is taken for noise.
    """
    if TRUE_SNR in clean.extra:
        return clean.extra[TRUE_SNR].astype(np.float64)
    return np.array([_over_floor(each[0] + 1j * each[1]) for each in clean.iq.astype(np.float64)])


def in_words(found: Document) -> str:
    """Levels in a line."""
    parts = []
    for name in ("pnr", "psr", "snr"):
        values = (found[f"{name}_db"], found[f"measured_{name}_db"])
        nominal, measured = ("?" if each is None else f"{each:.1f}" for each in values)
        parts.append(f"{name.upper()} {nominal} dB nominal, {measured} measured")
    return "; ".join(parts)


def _over_floor(samples: npt.NDArray[np.complex128]) -> float:
    try:
        band = strongest(samples)
    except UserError:  # too few samples, or none
        return np.nan
    with np.errstate(divide="ignore"):
        return float(power.to_db(band.snr * band.width))


def _median(values: npt.ArrayLike) -> float | None:
    values = np.asarray(values, np.float64)
    return float(np.median(values)) if values.size else None
