"""What the cells of a comparison say together."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ..files import Document
from .compare import SIDES, VERDICTS
from .measures import MEASURES

SNR_LABELS_FROM = 0  # dB: where the median SNRs are counted
BARE_LABELS_FROM = 8  # dB: where bare carriers are told apart from noise in RadioML's data
_SNR_TOLERANCE = next(each.tolerance for each in MEASURES if each.name == "snr_db")


def summary(cells: Sequence[Document]) -> Document:
    """Counts and shares over all cells from `compare.compare`, and by class.

    `snr` counts the cells at labels >= 0 dB where the SNR is measurable, and those whose
    medians lie within 1.5 dB. `bare` has, for each class, the share of bare carriers at
    labels >= 8 dB, each label counting the same.
    """
    names = list(dict.fromkeys(cell["class"] for cell in cells))
    return {
        "cells": len(cells),
        "verdicts": _verdicts(cells),
        "snr": _snr(cells),
        "bare": {name: _bare(_of(cells, name)) for name in names},
        "classes": {name: _class(_of(cells, name)) for name in names},
    }


def _of(cells: Sequence[Document], name: str) -> list[Document]:
    return [cell for cell in cells if cell["class"] == name]


def _verdicts(cells: Sequence[Document]) -> dict[str, int]:
    return {each: sum(cell["verdict"] == each for cell in cells) for each in VERDICTS}


def _class(cells: Sequence[Document]) -> Document:
    """One class: its verdicts, its SNR, and in how many cells each measure differs."""
    found = [name for cell in cells for name in cell["differs"]]
    return {
        "cells": len(cells),
        "verdicts": _verdicts(cells),
        "snr": _snr(cells),
        "differs": {name: found.count(name) for name in dict.fromkeys(found)},
    }


def _snr(cells: Sequence[Document]) -> Document:
    counted = [
        cell for cell in cells if cell["snr_db"] >= SNR_LABELS_FROM and cell["snr_measurable"]
    ]
    difference = np.array([cell["measures"]["snr_db"]["difference"] for cell in counted])
    beyond = np.abs(difference) > _SNR_TOLERANCE
    return {
        "labels_from_db": SNR_LABELS_FROM,
        "measurable_cells": len(counted),
        "within_tolerance": int((~beyond).sum()),
        "share_within": float((~beyond).mean()) if len(counted) else None,
        "median_difference_db": float(np.median(difference)) if len(counted) else None,
        "beyond": [
            {"class": cell["class"], "snr_db": cell["snr_db"], "difference_db": float(own)}
            for cell, own, far in zip(counted, difference, beyond)
            if far
        ],
    }


def _bare(cells: Sequence[Document]) -> Document | None:
    """Share of bare carriers on both sides with their 95 % intervals; None where not measurable."""
    entries = [cell["measures"]["bare"] for cell in cells if cell["snr_db"] >= BARE_LABELS_FROM]
    entries = [each for each in entries if each["difference"] is not None]
    if not entries:
        return None
    sides = {}
    for side in SIDES:
        share = float(np.mean([each[side]["value"] for each in entries]))
        count = sum(each[side]["frames"] for each in entries)
        interval = share_interval([each[side]["value"] for each in entries], count)
        sides[side] = {"share": share, "frames": count, "interval": interval}
    difference = sides["second"]["share"] - sides["first"]["share"]
    return {"labels_from_db": BARE_LABELS_FROM, "difference": difference} | sides


def share_interval(shares: Sequence[float], count: int) -> list[float]:
    """95 % interval of the mean of `shares`, one a label, of `count` frames altogether.

    The wider end on either side of two intervals: E. B. Wilson's (1927), as if frames were
    independent, and Student's over the labels. The frames of a RadioML key can be of one
    run, all bare or none, and the file does not say so.
    """
    share, z2 = np.mean(shares), 1.96**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    low, high = middle - half, middle + half
    if len(shares) > 1:
        wide = stats.t.ppf(0.975, len(shares) - 1) * np.std(shares, ddof=1) / len(shares) ** 0.5
        low, high = min(low, share - wide), max(high, share + wide)
    return [float(max(low, 0)), float(min(high, 1))]
