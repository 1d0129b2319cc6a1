"""Figures, made from results."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats, Integers
from ..errors import UserError
from ..files import AnyPath, Document, replacing
from . import ceiling

MOST_PANELS = 90  # of confusion matrices in a picture
MOST_NAMES = 1200  # of classes, in all confusion matrices of a picture
SAMPLES_PER_SYMBOL = 8  # of RML2016's digital modulations
_NUMBERED = 3000  # cells that have a number each; more take long, and are too small to read
_FITTED = 24  # panels that are fitted to their names; that of more takes long
_COLUMNS = 6  # of panels


def security_curve(
    rows: Sequence[Document],
    path: AnyPath,
    title: str | None = None,
    classes: Sequence[str] = (),
    frame_length: int = 128,
) -> None:
    """Draw robust (solid) and attacked (dashed) accuracy over PNR, a color a model.

    `rows` are result rows; those without attack become the points at the left edge,
    "none". With `classes`, those of the frames in equal shares, also what attacked accuracy
    cannot pass, whatever the classifier (dotted, see :func:`ceiling.shares`), for frames of
    that length with 8 samples a symbol. The format follows the suffix of `path`.
    """
    pyplot = _pyplot()
    levels = sorted({row["pnr_db"] for row in rows if row["pnr_db"] is not None})
    step = levels[1] - levels[0] if len(levels) > 1 else 5
    none = (levels[0] if levels else 0) - step
    figure, axes = pyplot.subplots(figsize=(7.5, 5.5), constrained_layout=True)
    curves = list(dict.fromkeys((row["model"], row["snr_db"]) for row in rows))
    several = len({snr_db for _, snr_db in curves}) > 1
    for number, (model, snr_db) in enumerate(curves):
        own = [row for row in rows if (row["model"], row["snr_db"]) == (model, snr_db)]
        name = f"{model}, SNR {snr_db:g} dB" if several and snr_db is not None else model
        own.sort(key=lambda row: none if row["pnr_db"] is None else row["pnr_db"])
        x = [none if row["pnr_db"] is None else row["pnr_db"] for row in own]
        color = f"C{number}"
        for metric, style, label in (
            ("robust_accuracy", "o-", "correct or rejected"),
            ("attacked_accuracy", "s--", "correct, attack may force rejection"),
        ):
            y = [row[metric] for row in own]
            if metric == "attacked_accuracy" and y == [row["robust_accuracy"] for row in own]:
                continue  # the same attack: no rejector
            axes.plot(x, y, style, color=color, label=f"{name}: {label}", markersize=4)
            bounds = list(zip(*(row[f"{metric}_interval"] for row in own), strict=True))
            axes.fill_between(x, *bounds, color=color, alpha=0.12, linewidth=0)
    for snr_db in sorted({snr_db for _, snr_db in curves if snr_db is not None}):
        symbols = max(1, frame_length // SAMPLES_PER_SYMBOL)
        held = ceiling.shares(classes, snr_db, levels, symbols)
        if levels and held:
            name = f"ceiling, SNR {snr_db:g} dB" if several else "ceiling"
            label = f"{name}: correct, ideal frames, any classifier"
            axes.plot([none, *levels], [1, *held], ":", color="black", label=label)
    axes.set_xticks([none, *levels], ["none", *(f"{level:g}" for level in levels)])
    axes.set_xlabel("perturbation-to-noise ratio PNR (dB)")
    axes.set_ylabel("share of frames")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=2, fontsize=7)
    if title:
        axes.set_title(title, fontsize=10)
    _save(figure, path)


def certified_curve(rows: Sequence[Document], path: AnyPath) -> None:
    """Draw certified (solid) and attacked (dashed) accuracy over PNR; the truth is in between.

    `rows` are those of `htrd certify`, a color for each model and SNR. The format follows the
    suffix of `path`.
    """
    figure, axes = _pyplot().subplots(figsize=(7.5, 5), constrained_layout=True)
    curves = list(dict.fromkeys((row["model"], row["snr_db"], row["sigma"]) for row in rows))
    for number, curve in enumerate(curves):
        model, snr_db, sigma = curve
        own = [row for row in rows if (row["model"], row["snr_db"], row["sigma"]) == curve]
        own.sort(key=lambda row: row["pnr_db"])
        x = [row["pnr_db"] for row in own]
        name = f"{model}, noise {sigma:g}, SNR {snr_db:g} dB"
        low, high = (
            [row[metric] for row in own] for metric in ("certified_accuracy", "robust_accuracy")
        )
        axes.plot(x, low, "o-", color=f"C{number}", label=f"{name}: certified", markersize=4)
        axes.plot(x, high, "s--", color=f"C{number}", label=f"{name}: under attack", markersize=4)
        axes.fill_between(x, low, high, color=f"C{number}", alpha=0.2, linewidth=0)
        clean = own[0]["accuracy"]
        axes.axhline(clean, color=f"C{number}", linestyle=":", label=f"{name}: without attack")
    axes.set_xticks(sorted({row["pnr_db"] for row in rows}))
    axes.set_xlabel("perturbation-to-noise ratio PNR (dB)")
    axes.set_ylabel("share of frames")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=2, fontsize=7)
    _save(figure, path)


def evasion_and_errors(rows: Sequence[Document], path: AnyPath) -> None:
    """Draw the evasion of an eavesdropper over the friendly receiver's bit error rate.

    `rows` are those of `htrd bench friendly`, a color for each model; a point is one with its 95 %
    intervals, labeled with the share that is spared. The axis of the error rate is linear from 0 to
    the smallest one, and logarithmic from there.
    """
    figure, axes = _pyplot().subplots(figsize=(7.5, 5), constrained_layout=True)
    some = [row["bit_errors"] for row in rows if row["bit_errors"] > 0]
    least = min([*some, 1e-3])
    for number, model in enumerate(dict.fromkeys(row["model"] for row in rows)):
        own = [row for row in rows if row["model"] == model]
        attacked = [row for row in own if row["spared"] is not None]
        for each, style, name in (
            (attacked, "o-", f"{model}, perturbed"),
            ([row for row in own if row["spared"] is None], "s", f"{model}, not perturbed"),
        ):
            x = np.array([row["bit_errors"] for row in each])
            y = np.array([1 - row["accuracy"] for row in each])
            spread = [
                np.array([row[f"{metric}_interval"] for row in each]).T
                for metric in ("bit_errors", "accuracy")
            ]
            wide = np.maximum(np.stack([x - spread[0][0], spread[0][1] - x]), 0)
            high = np.maximum(np.stack([y - 1 + spread[1][1], 1 - spread[1][0] - y]), 0)
            axes.errorbar(
                x, y, yerr=high, xerr=wide, fmt=style, color=f"C{number}",
                label=name, markersize=4, linewidth=1, elinewidth=0.5,
            )  # fmt: skip
        for count, row in enumerate(attacked):
            axes.annotate(
                f"{row['spared']:g}", (row["bit_errors"], 1 - row["accuracy"]),
                textcoords="offset points", xytext=(5, 4 + 8 * (count % 2)), fontsize=7,
            )  # fmt: skip
    axes.set_xscale("symlog", linthresh=least)
    axes.set_xlim(left=-least / 5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("bit error rate of the friendly receiver")
    axes.set_ylabel("share of frames that the eavesdropper does not recognize")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=7)
    _save(figure, path)


def confusion(tables: Sequence[tuple[str, Sequence[str], npt.ArrayLike]], path: AnyPath) -> None:
    """Draw confusion matrices side by side, shares of each true class in percent.

    `tables` are (title, classes, counts ``[classes, classes + 1]``), the last column the
    rejected ones. Classes without frames have no row. Many matrices have several rows of
    panels, and no numbers, which nobody could read. Raises UserError for more than a picture
    can hold.
    """
    names = sum(len(classes) for _, classes, _ in tables)
    if len(tables) > MOST_PANELS or names > MOST_NAMES:
        raise UserError(
            f"{len(tables)} matrices with {names} classes are too many for a picture; at most "
            f"{MOST_PANELS} with {MOST_NAMES}"
        )
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    cells = sum(len(classes) ** 2 for _, classes, _ in tables)
    is_small = len(tables) <= _FITTED and cells <= _NUMBERED
    figure, panels = _pyplot().subplots(
        rows, columns, figsize=(5.2 * columns, 5 * rows), squeeze=False, constrained_layout=is_small
    )
    if not is_small:
        figure.subplots_adjust(0.1 / columns, 0.2 / rows, 0.98, 1 - 0.15 / rows, 0.3, 0.4)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    is_alike = len({tuple(classes) for _, classes, _ in tables}) == 1
    for number, (axes, (title, classes, counts)) in enumerate(zip(panels.flat, tables)):
        # of many panels those at the left and the bottom say it for all: names take long to draw
        is_named = is_small or not is_alike
        is_first, is_last = number % columns == 0, number + columns >= len(tables)
        counts = np.asarray(counts, float)
        used = np.flatnonzero(counts.sum(1) > (0 if is_named else -1))
        decided = [*range(len(classes))] + [len(classes)] * bool(
            not is_named or counts[:, -1].any()
        )
        share = 100 * counts[np.ix_(used, decided)]
        share = share / np.maximum(counts[used].sum(1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        for y, x in np.argwhere(share >= 0.5) if is_small else ():
            color = "white" if share[y, x] > 60 else "black"
            shown = f"{share[y, x]:.0f}"
            text = axes.text(x, y, shown, ha="center", va="center", color=color, fontsize=8)
            text.set_in_layout(False)  # it lies inside: to find out how large it is takes long
        labels = [*classes, "rejected"]
        axes.set(xticks=[], yticks=[])
        if is_named or is_last:
            names_below = [labels[i] for i in decided]
            axes.set_xticks(range(len(decided)), names_below, rotation=60, fontsize=8)
            axes.set_xlabel("decided")
        if is_named or is_first:
            axes.set_yticks(range(len(used)), [labels[i] for i in used], fontsize=8)
            axes.set_ylabel("true")
        axes.set_title(title, fontsize=10)
    _save(figure, path, 150 if is_small else 75)


def features(
    panels: Sequence[tuple[str, Floats]], label: Integers, classes: Sequence[str], path: AnyPath
) -> None:
    """Draw the two principal components of feature layers side by side, a color a class.

    `panels` are (title, features ``[n, width]``) of the same frames, `label` their classes.
    """
    from sklearn.decomposition import PCA  # as Matplotlib below: not before a figure is drawn

    figure, row = _pyplot().subplots(
        1, len(panels), figsize=(5 * len(panels), 4.6), squeeze=False, constrained_layout=True
    )
    colors = _pyplot().get_cmap("tab20").colors
    for axes, (title, values) in zip(row[0], panels, strict=True):
        pca = PCA(2).fit(values)
        points = pca.transform(values)
        for number, name in enumerate(classes):
            own = points[label == number]
            axes.scatter(*own.T, s=5, color=colors[number % 20], label=name, alpha=0.6, linewidth=0)
        axes.set_title(title, fontsize=10)
        for axis, share in zip((axes.xaxis, axes.yaxis), pca.explained_variance_ratio_):
            axis.set_label_text(f"{share:.0%} of the variance")
    row[0][-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3, fontsize=8)
    _save(figure, path)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")  # a figure for a file needs no display
    matplotlib.rcParams["text.parse_math"] = False  # a class may be named "$"
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, path: AnyPath, dpi: int = 150) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
    _pyplot().close(figure)
