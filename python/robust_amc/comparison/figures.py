"""Figures of data sets: spectra, IQ planes and the law of the SNR, side by side."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from .. import frames, power
from ..arrays import Array, Floats
from ..data import FrameDataset
from ..files import AnyPath, replacing
from .constellation import symbols
from .measures import frequencies, lowest_snr_db, median_spectrum, snr_db, spectrum

COLORS = ("#1f5f8b", "#d1602b", "#3a7d44", "#7b4f9d")
HIGH_LABELS = 10  # dB: spectra and IQ planes are drawn from there on
_IQ_FRAMES = 40  # at most, in an IQ plane
_STYLE = {
    "text.parse_math": False,  # a class may be named "$"
    "svg.hashsalt": "htrd",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}
# Power of RadioML's constellations, which it does not normalize; that of others is 1.
_GRID_POWER = {"PAM4": 5, "QAM16": 10, "QAM64": 42}


def comparison(datasets: Mapping[str, FrameDataset], path: AnyPath) -> None:
    """Draw two data sets: a row a class with spectra, both IQ planes, and SNR over label.

    The symbols of linear modulations are recovered for the IQ plane, of others all
    samples are shown, each frame with the power 1.

    Args:
        datasets: two FrameDatasets by name, in memory, with the same class list
        path: the figure's file; its suffix says the format
    """
    names = _common_classes(datasets)
    layout = {
        "figsize": (10.5, 0.5 + 2.1 * len(names)),
        "gridspec_kw": {"width_ratios": (1.6, 1, 1, 1.4)},
    }
    with _figure(path, len(names), 4, **layout) as axes:
        for row, name in zip(axes, names):
            _draw_class(row, datasets, name)
        axes[0, 0].set_title("median spectrum, dB of its mean", fontsize=9)
        for axis, color, title in zip(axes[0, 1:3], COLORS, datasets):
            axis.set_title(title, fontsize=9, color=color)
        axes[0, 3].set_title("measured SNR over label", fontsize=9)
        axes[-1, 0].set_xlabel("frequency / sample rate", fontsize=8)
        axes[-1, 3].set_xlabel("SNR label, dB", fontsize=8)


def snr_law(datasets: Mapping[str, FrameDataset], path: AnyPath) -> None:
    """Draw the median measured SNR over the SNR label, a panel a data set, a line a class.

    `datasets` are FrameDatasets by name, in memory. Labels at which the signal is below
    the noise are left out.
    """
    known = list(dict.fromkeys(name for each in datasets.values() for name in each.classes))
    colors = dict(zip(known, cycle(matplotlib.color_sequences["tab20"])))
    layout = {"figsize": (0.6 + 4 * len(datasets), 4.2), "sharex": True, "sharey": True}
    with _figure(path, 1, len(datasets), **layout) as axes:
        for axis, (title, dataset) in zip(axes[0], datasets.items()):
            _draw_laws(axis, dataset, colors)
            axis.set_title(title, fontsize=10)
            axis.set_xlabel("SNR label, dB")
        axes[0, 0].set_ylabel("measured SNR, dB")
        lines = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
        shown = [name for name in known if name in lines]
        axes[0, 0].legend([lines[name] for name in shown], shown, fontsize=8, ncol=2)
        for axis, dataset in zip(axes[0], datasets.values()):
            if has_label_law(dataset):
                laws = "dashed: 2·label + 5 dB,\nand 7, 10, 16 dB above\n(PAM4, QAM16, QAM64)"
                _note(axis, laws)


def snr_quartiles(dataset: FrameDataset) -> tuple[Floats, Floats]:
    """SNR labels ``[k]`` and the quartiles of the measured SNR, ``[3, k]``; NaN in noise."""
    labels = np.unique(dataset.snr_db)
    measured = snr_db(spectrum(frames.to_complex(dataset.iq)))
    own = [np.percentile(measured[dataset.snr_db == label], [25, 50, 75]) for label in labels]
    quartiles = np.array(own).T
    return labels, np.where(quartiles[1] < lowest_snr_db(dataset.frame_length), np.nan, quartiles)


def has_label_law(dataset: FrameDataset) -> bool:
    """Whether the true SNR is about 2 * label + 5 dB: RadioML of 2016, or made like it."""
    metadata = dataset.metadata
    return metadata.get("mode") == "legacy" or metadata.get("format") == "RadioML pickle"


def _draw_class(row: Array, datasets: Mapping[str, FrameDataset], name: str) -> None:
    """A row of `comparison`: spectra, two IQ planes, SNR over label."""
    own = {title: dataset.select([name]) for title, dataset in datasets.items()}
    _draw_spectra(row[0], own.values())
    high = [_high(dataset) for dataset in own.values()]
    count = min(_IQ_FRAMES, *map(len, high))  # the same of both: a fair picture
    for axis, color, dataset in zip(row[1:3], COLORS, high):
        _draw_iq(axis, dataset.limit(count, 0), name, color)
    _draw_snr(row[3], own.values(), name)
    row[0].set_ylabel(name, fontsize=11, fontweight="bold")
    row[3].set_ylabel("dB", fontsize=8)


def _draw_laws(axis: Axes, dataset: FrameDataset, colors: Mapping[str, Any]) -> None:
    """A panel of `snr_law`: a line a class, and the laws of RadioML's labels."""
    for name in _common_classes({"": dataset}):
        labels, (_, median, _) = snr_quartiles(dataset.select([name]))
        if np.isfinite(median).any():  # else it is noise at every label
            style = {"color": colors[name], "label": name}
            axis.plot(labels, median, "o-", markersize=3, lw=1.1, **style)
    if has_label_law(dataset):
        for grid_power in (1, *_GRID_POWER.values()):
            _draw_law(axis, np.unique(dataset.snr_db), grid_power)
    axis.grid(alpha=0.25)


def _draw_spectra(axis: Axes, datasets: Iterable[FrameDataset]) -> None:
    for color, dataset in zip(COLORS, datasets):
        usual = median_spectrum(spectrum(frames.to_complex(_high(dataset).iq)))
        level = np.maximum(power.to_db(usual / usual.mean()), -80)
        axis.plot(frequencies(len(usual)), level, color=color, lw=1.1, alpha=0.85)
    low, high = axis.get_ylim()
    axis.set(xlim=(-0.5, 0.5), ylim=(min(low, -20), max(high, 20)))  # noise looks flat
    axis.grid(alpha=0.25)


def _draw_iq(axis: Axes, dataset: FrameDataset, name: str, color: str) -> None:
    points = symbols(dataset.iq, name)
    if points is None:
        samples = frames.to_complex(dataset.iq)
        points = samples / np.sqrt((np.abs(samples) ** 2).mean(1, keepdims=True))
    size = 4 if points.size < 2000 else 1
    axis.scatter(points.real, points.imag, s=size, color=color, alpha=0.5, linewidths=0)
    axis.set(xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[], aspect="equal")
    axis.axhline(0, color="black", lw=0.4, alpha=0.4)
    axis.axvline(0, color="black", lw=0.4, alpha=0.4)


def _draw_snr(axis: Axes, datasets: Iterable[FrameDataset], name: str) -> None:
    for color, dataset in zip(COLORS, datasets):
        labels, (low, median, high) = snr_quartiles(dataset)
        axis.plot(labels, median, "o-", color=color, markersize=2.5, lw=1)
        axis.fill_between(labels, low, high, color=color, alpha=0.2, linewidth=0)
    if not axis.dataLim.height > 0:
        _note(axis, "noise at every label")
        axis.set(xticks=[], yticks=[])
    elif any(map(has_label_law, datasets)):
        grid_power = _GRID_POWER.get(name, 1)
        _draw_law(axis, labels, grid_power)
        _note(axis, f"dashed: 2·label + {5 + power.to_db(grid_power):.0f} dB", top=True)
    axis.grid(alpha=0.25)


def _draw_law(axis: Axes, labels: Floats, grid_power: float) -> None:
    law = 2 * labels + 5 + power.to_db(grid_power)
    seen = law > 0  # below, noise hides it
    axis.plot(labels[seen], law[seen], "--", color="black", lw=0.8, alpha=0.6)


def _note(axis: Axes, text: str, top: bool = False) -> None:
    """A small text in the lower right corner, or at the top left."""
    x, y, horizontal, vertical = (
        (0.03, 0.95, "left", "top") if top else (0.97, 0.05, "right", "baseline")
    )
    axis.annotate(
        text, (x, y), xycoords="axes fraction", fontsize=7, ha=horizontal, va=vertical
    )


def _high(dataset: FrameDataset) -> FrameDataset:
    """Frames at labels from `HIGH_LABELS` on, or at the highest label below it."""
    return dataset.subset(dataset.snr_db >= min(HIGH_LABELS, dataset.snr_db.max()))


def _common_classes(datasets: Mapping[str, FrameDataset]) -> list[str]:
    present = [set(dataset.truth) for dataset in datasets.values()]
    first = next(iter(datasets.values()))
    return [name for name in first.classes if all(name in each for each in present)]


@contextmanager
def _figure(path: AnyPath, rows: int, columns: int, **layout: Any) -> Iterator[Array]:
    """Yield the axes ``[rows, columns]`` of a new figure, then write it: always the same bytes."""
    matplotlib.use("Agg")  # a figure for a file needs no display
    from matplotlib import pyplot

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with pyplot.rc_context(_STYLE):
        figure, axes = pyplot.subplots(
            rows, columns, squeeze=False, constrained_layout=True, **layout
        )
        try:
            yield axes
            with replacing(path) as temporary:
                figure.savefig(temporary, dpi=150, metadata=undated.get(temporary.suffix))
        finally:
            pyplot.close(figure)
