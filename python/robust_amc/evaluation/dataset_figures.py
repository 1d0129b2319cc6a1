"""Figures of data sets: spectra, IQ planes and the law of the SNR, side by side."""

import matplotlib
import numpy as np

from .. import frames, power
from ..data.measure import frequencies, lowest_snr_db, median_spectrum, snr_db, spectrum
from ..files import replacing
from .constellation import symbols

COLORS = ("#1f5f8b", "#d1602b", "#3a7d44", "#7b4f9d")
HIGH_LABELS = 10  # dB: spectra and IQ planes are drawn from there on
_IQ_FRAMES = 40  # of each class in an IQ plane
# Power of RadioML's constellations, which it does not normalize; that of others is 1.
_GRID_POWER = {"PAM4": 5, "QAM16": 10, "QAM64": 42}


def comparison(datasets, path):
    """Draw two data sets: a row a class with spectra, both IQ planes, and SNR over label.

    The symbols of linear modulations are recovered for the IQ plane, of others all
    samples are shown, each frame with the power 1.

    Args:
        datasets: two FrameDatasets by name, in memory, with the same class list
        path: the figure's file; its suffix says the format
    """
    pyplot = _pyplot()
    names = _common_classes(datasets)
    figure, axes = pyplot.subplots(
        len(names), 4, figsize=(10.5, 0.5 + 2.1 * len(names)), squeeze=False,
        gridspec_kw={"width_ratios": (1.6, 1, 1, 1.4)}, constrained_layout=True,
    )  # fmt: skip
    for row, name in zip(axes, names):
        own = {title: dataset.select([name]) for title, dataset in datasets.items()}
        _draw_spectra(row[0], own)
        for axis, color, dataset in zip(row[1:3], COLORS, own.values()):
            _draw_iq(axis, _high(dataset), name, color)
        _draw_snr(row[3], own, name)
        row[0].set_ylabel(name, fontsize=11, fontweight="bold")
        row[3].set_ylabel("dB", fontsize=8)
    axes[0, 0].set_title("median spectrum, dB of its peak", fontsize=9)
    for axis, color, title in zip(axes[0, 1:3], COLORS, datasets):
        axis.set_title(title, fontsize=9, color=color)
    axes[0, 3].set_title("measured SNR over label", fontsize=9)
    axes[-1, 0].set_xlabel("frequency / sample rate", fontsize=8)
    axes[-1, 3].set_xlabel("SNR label, dB", fontsize=8)
    _save(figure, path)


def snr_law(datasets, path):
    """Draw the median measured SNR over the SNR label, a panel a data set, a line a class.

    `datasets` are FrameDatasets by name, in memory. Labels at which the signal is below
    the noise are left out.
    """
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(
        1, len(datasets), figsize=(0.6 + 4 * len(datasets), 4.2), squeeze=False, sharex=True,
        sharey=True, constrained_layout=True,
    )  # fmt: skip
    known = list(dict.fromkeys(name for each in datasets.values() for name in each.classes))
    for axis, (title, dataset) in zip(axes[0], datasets.items()):
        for name in dataset.classes:
            own = dataset.subset(dataset.truth == name)
            if not len(own):
                continue
            labels, quartiles = snr_quartiles(own)
            color = matplotlib.colormaps["tab20"](known.index(name) % 20)
            axis.plot(labels, quartiles[1], "o-", markersize=3, lw=1.1, color=color, label=name)
        if has_label_law(dataset):
            for offset in {1, *_GRID_POWER.values()}:
                _draw_law(axis, np.unique(dataset.snr_db), offset)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("SNR label, dB")
        axis.grid(alpha=0.25)
    axes[0, 0].set_ylabel("measured SNR, dB")
    handles = {h.get_label(): h for axis in axes[0] for h in axis.get_lines()}
    shown = [name for name in known if name in handles]
    axes[0, 0].legend([handles[name] for name in shown], shown, fontsize=8, ncol=2)
    _save(figure, path)


def snr_quartiles(dataset):
    """SNR labels ``[k]`` and the quartiles of the measured SNR, ``[3, k]``; NaN in noise."""
    labels = np.unique(dataset.snr_db)
    measured = snr_db(spectrum(frames.to_complex(dataset.iq)))
    quartiles = [np.percentile(measured[dataset.snr_db == own], [25, 50, 75]) for own in labels]
    quartiles = np.array(quartiles).T
    return labels, np.where(quartiles[1] < lowest_snr_db(dataset.frame_length), np.nan, quartiles)


def has_label_law(dataset):
    """Whether the true SNR is about 2 * label + 5 dB: RadioML of 2016, or made like it."""
    metadata = dataset.metadata
    return metadata.get("mode") == "legacy" or metadata.get("format") == "RadioML pickle"


def _draw_spectra(axis, datasets):
    for color, (title, dataset) in zip(COLORS, datasets.items()):
        usual = median_spectrum(spectrum(frames.to_complex(_high(dataset).iq)))
        level = np.maximum(power.to_db(usual / usual.max()), -80)
        axis.plot(frequencies(len(usual)), level, color=color, lw=1.1, alpha=0.85, label=title)
    axis.set_xlim(-0.5, 0.5)
    axis.grid(alpha=0.25)


def _draw_iq(axis, dataset, name, color):
    few = dataset.limit(_IQ_FRAMES, 0)
    points = symbols(few.iq, name)
    if points is None:
        samples = frames.to_complex(few.iq)
        points = samples / np.sqrt((np.abs(samples) ** 2).mean(1, keepdims=True))
    size = 4 if points.size < 2000 else 1
    axis.scatter(points.real, points.imag, s=size, color=color, alpha=0.5, linewidths=0)
    axis.set(xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[], aspect="equal")
    axis.axhline(0, color="black", lw=0.4, alpha=0.4)
    axis.axvline(0, color="black", lw=0.4, alpha=0.4)


def _draw_snr(axis, datasets, name):
    for color, dataset in zip(COLORS, datasets.values()):
        labels, (low, median, high) = snr_quartiles(dataset)
        axis.plot(labels, median, "o-", color=color, markersize=2.5, lw=1)
        axis.fill_between(labels, low, high, color=color, alpha=0.2, linewidth=0)
    if name != "AM-SSB" and any(map(has_label_law, datasets.values())):
        _draw_law(axis, labels, _GRID_POWER.get(name, 1))
    axis.set_xlim(labels.min() - 1, labels.max() + 1)
    axis.grid(alpha=0.25)


def _draw_law(axis, labels, grid_power):
    offset = power.to_db(grid_power)
    law = 2 * labels + 5 + offset
    seen = law > 0  # below, noise hides it
    axis.plot(labels[seen], law[seen], "--", color="black", lw=0.8, alpha=0.6)
    more = f" + {offset:.0f}" if grid_power > 1 else ""
    where = {"xy": (labels[-1], law[-1]), "xytext": (-3, 3), "textcoords": "offset points"}
    axis.annotate(f"2·label + 5{more}", **where, fontsize=6, ha="right", va="bottom", alpha=0.7)


def _high(dataset):
    """Frames at labels from `HIGH_LABELS` on, or at the highest label below it."""
    return dataset.subset(dataset.snr_db >= min(HIGH_LABELS, dataset.snr_db.max()))


def _common_classes(datasets):
    present = [set(dataset.truth) for dataset in datasets.values()]
    first = next(iter(datasets.values()))
    return [name for name in first.classes if all(name in each for each in present)]


def _pyplot():
    matplotlib.use("Agg")  # a figure for a file needs no display
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.hashsalt": "htrd", "xtick.labelsize": 7, "ytick.labelsize": 7})
    return pyplot


def _save(figure, path):
    """Write a figure; the same figure gives the same bytes."""
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata=dated.get(temporary.suffix))
    matplotlib.pyplot.close(figure)
