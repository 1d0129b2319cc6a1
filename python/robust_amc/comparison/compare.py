"""Two data sets, cell by cell: a cell is a class at an SNR label that both have."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from .. import frames, power
from ..arrays import Complexes, Floats, Integers
from ..data import FrameDataset
from ..data.dataset import Progress
from ..errors import UserError
from ..files import Document
from .measures import (
    MEASURES,
    Measure,
    fills_band,
    lowest_snr_db,
    measure,
    median_spectrum,
    spectrum,
)
from .permutation import false_discovery_threshold, rank_test

ALIKE, DIFFERS, TOO_FEW = "alike", "differs", "too few frames"
VERDICTS = (ALIKE, DIFFERS, TOO_FEW)
FEWEST = 5  # frames with a value, on either side
FALSE_DISCOVERY_RATE = 0.05  # share of chance among the cells that differ
BANDS = 32  # of the spectra in the results
SIDES = ("first", "second")


def pair(
    first: FrameDataset,
    second: FrameDataset,
    classes: Sequence[str] | None = None,
    snr_db: Sequence[float] | None = None,
    frames_per_key: int = 200,
    seed: int = 0,
) -> tuple[FrameDataset, FrameDataset]:
    """The cells that two data sets share, at most `frames_per_key` frames of each, in memory.

    `classes` and `snr_db` select. All-zero frames are left out, and cells that have no
    others. Both data sets come back with the same class list. Raises UserError when frame
    lengths differ, no cell is common, or the selection has something that is not.
    """
    if first.frame_length != second.frame_length:
        longer = max(first.frame_length, second.frame_length)
        shorter = min(first.frame_length, second.frame_length)
        raise UserError(
            f"frames of {first.frame_length} and of {second.frame_length} samples cannot be "
            f"compared; cut those of {longer}: `htrd dataset convert --frame-length {shorter}`"
        )
    names = [name for name in first.classes if name in second.classes]
    if not names:
        raise UserError(
            f"the data sets have no class in common: {', '.join(first.classes)} against "
            f"{', '.join(second.classes)}"
        )
    first, second = _of_classes(first, names), _of_classes(second, names)
    common = np.intersect1d(_cells(first), _cells(second))
    if not len(common):
        raise UserError("the data sets have no class at an SNR label in common")

    def chosen(side: FrameDataset) -> FrameDataset:
        side = side.subset(np.isin(_cells(side), common))
        if classes is not None or snr_db is not None:
            side = side.select(classes, snr_db)
        side = side.limit_per_key(frames_per_key, seed).in_memory()
        return side.subset(frames.valid(side.iq))

    return chosen(first), chosen(second)


def compare(
    first: FrameDataset, second: FrameDataset, seed: int = 0, progress: Progress | None = None
) -> list[Document]:
    """A verdict for each cell of two data sets that come from :func:`pair`.

    A cell `differs` in a measure when two things hold: the permutation test of
    `rank_test`, over all measures of the cell, rejects at a false-discovery rate of 5 %
    over all cells, and the medians (of bare carriers, the shares) are farther apart than
    the tolerance of the measure. A cell has `too few frames` with less than 5 on a side.
    With few frames, `alike` says no more than that no difference was found.

    The SNR is `measurable` where the signal of both sides is above the noise
    (`lowest_snr_db`) and leaves a noise floor (`fills_band`); below the noise, a median
    counts as that lowest SNR. `progress` is called with the cells done and their number.

    Returns a list of dictionaries that JSON can hold, by class and SNR label.
    """
    members, others = _cells(first), _cells(second)
    keys = np.intersect1d(members, others)
    cells: list[Document] = []
    for done, key in enumerate(keys):
        name = {"class": first.classes[int(key.real)], "snr_db": float(key.imag)}
        side = _Side.of(first.subset(members == key))
        cells.append(name | _cell(side, _Side.of(second.subset(others == key)), seed))
        if progress:
            progress(done + 1, len(keys))
    tested = [cell["p_value"] for cell in cells if cell["verdict"] != TOO_FEW]
    threshold = false_discovery_threshold(tested, FALSE_DISCOVERY_RATE)
    for cell in cells:
        _judge(cell, threshold)
    return cells


@dataclass(frozen=True)
class _Side:
    """The frames of one data set in one cell, measured."""

    values: dict[str, Floats]
    run: Integers
    spectra: Floats

    @classmethod
    def of(cls, dataset: FrameDataset) -> Self:
        spectra = spectrum(frames.to_complex(dataset.iq))
        return cls(measure(dataset.iq), dataset.run_id, spectra)

    def column(self, name: str) -> Floats:
        """The measure of each frame, ``[n]``; all NaN where less than half have a value."""
        values = self.values[name]
        known = np.isfinite(values).sum()
        return values if known >= max(FEWEST, len(values) / 2) else np.full(len(values), np.nan)

    def describe(self, name: str) -> Document:
        """Number of frames with a value; their median (bare: share) and quartiles."""
        known = self.column(name)[np.isfinite(self.column(name))]
        if not len(known):
            return {"frames": 0, "value": None, "quartiles": None}
        value = known.mean() if name == "bare" else np.median(known)
        quartiles = [float(each) for each in np.percentile(known, [25, 75])]
        return {"frames": len(known), "value": float(value), "quartiles": quartiles}

    def snr_problem(self) -> str | None:
        """Why the SNR of this side cannot be measured; None if it can."""
        if np.median(self.values["snr_db"]) < lowest_snr_db(self.spectra.shape[1]):
            return "below the noise"
        return "the signal fills the band" if fills_band(self.spectra) else None

    def bands_db(self) -> list[float]:
        """The usual spectrum in `BANDS` bands of equal width, dB, 0 being its mean."""
        usual = median_spectrum(self.spectra)
        bands = np.array([band.mean() for band in np.array_split(usual, BANDS)])
        return [round(float(level), 2) for level in power.to_db(bands / bands.mean())]


def _cell(first: _Side, second: _Side, seed: int) -> Document:
    """What is known of a cell before all cells are judged together."""
    sides = dict(zip(SIDES, (first, second)))
    few = min(len(side.run) for side in sides.values()) < FEWEST
    problems = {name: side.snr_problem() for name, side in sides.items()}
    measures: dict[str, Document] = {
        each.name: {name: side.describe(each.name) for name, side in sides.items()}
        for each in MEASURES
    }
    lowest = lowest_snr_db(first.spectra.shape[1])
    tested = [] if few else [each for each in MEASURES if _comparable(each, measures, problems)]
    p_values = {}
    if tested:
        table, other = (
            np.stack([side.column(each.name) for each in tested], axis=1) for side in sides.values()
        )
        found = rank_test(table, other, first.run, second.run, seed)
        p_values = {each.name: float(p) for each, p in zip(tested, found)}
    for each in MEASURES:
        entry = measures[each.name]
        entry["p_value"] = p_values.get(each.name)
        entry["difference"] = _difference(each, entry, lowest)
    return {
        "verdict": TOO_FEW if few else ALIKE,
        "differs": [],
        "p_value": min(p_values.values(), default=1.0),
        "frames": {name: len(side.run) for name, side in sides.items()},
        "runs": {name: len(np.unique(side.run)) for name, side in sides.items()},
        "snr_problem": problems,
        "snr_measurable": not few and not any(problems.values()),
        "measures": measures,
        "spectrum_db": {name: side.bands_db() for name, side in sides.items()},
    }


def _comparable(each: Measure, measures: Document, problems: dict[str, str | None]) -> bool:
    """Whether a measure can be tested: the SNR needs one side with a signal to be seen."""
    if each.name == "snr_db":
        return not all(problems.values())
    return all(measures[each.name][side]["frames"] for side in SIDES)


def _difference(each: Measure, entry: Document, lowest_snr: float) -> float | None:
    """Second less first; None where one has no value."""
    values = [entry[side]["value"] for side in SIDES]
    if None in values:
        return None
    if each.name == "snr_db":
        values = [max(value, lowest_snr) for value in values]
    return values[1] - values[0]


def _judge(cell: Document, threshold: float) -> None:
    """Set the verdict of a cell from the p-values of its measures."""
    for each in MEASURES:
        entry = cell["measures"][each.name]
        tested = cell["verdict"] != TOO_FEW and entry["p_value"] is not None
        entry["differs"] = bool(
            tested
            and entry["p_value"] <= threshold
            and abs(entry["difference"]) > _limit(each, entry)
        )
    cell["differs"] = [each.name for each in MEASURES if cell["measures"][each.name]["differs"]]
    if cell["differs"]:
        cell["verdict"] = DIFFERS


def _limit(each: Measure, entry: Document) -> float:
    return each.tolerance * (abs(entry["first"]["value"]) if each.relative else 1)


def _of_classes(dataset: FrameDataset, names: list[str]) -> FrameDataset:
    """The frames of the classes `names`, labeled in that order."""
    position = np.array([names.index(c) if c in names else -1 for c in dataset.classes], np.int16)
    kept = dataset.subset(position[dataset.label] >= 0)
    return replace(kept, label=position[kept.label], classes=tuple(names))


def _cells(dataset: FrameDataset) -> Complexes:
    """The cell of each frame: complex ``[n]``, class index and SNR label, which sort so."""
    return dataset.label + 1j * dataset.snr_db.astype(np.float64)
