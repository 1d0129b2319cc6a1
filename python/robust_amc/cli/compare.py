"""`htrd dataset compare`: whether two data sets are made alike, cell by cell."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from .. import __version__, data
from ..comparison.compare import DIFFERS, FALSE_DISCOVERY_RATE, FEWEST, SIDES, pair
from ..comparison.compare import compare as compare_cells
from ..comparison.measures import MEASURES
from ..comparison.summary import summary
from ..data import FrameDataset
from ..errors import UserError
from ..files import Document, write_json
from .console import out, progress
from .old_options import old_options
from .options import Json, Seed, check_writable, parse_floats, parse_names

MOST_FRAMES = 2000  # a cell; the permutation test keeps 20,000 choices among them
SUFFIXES = (".png", ".svg", ".pdf")
TITLES = {each.name: each.title for each in MEASURES}


@old_options({"--frames-per-cell": "--frames-per-key="})
def compare(
    first: Annotated[str, typer.Argument(help="Path of a data set, or 'sample'.")],
    second: Annotated[str, typer.Argument(help="Path of another one.")],
    classes: Annotated[
        str | None, typer.Option(help="Modulations, comma-separated (default: all in common).")
    ] = None,
    snr: Annotated[
        str | None, typer.Option(help="SNR labels in dB (default: all in common).")
    ] = None,
    frames_per_key: Annotated[
        int,
        typer.Option(
            min=5, max=MOST_FRAMES, help="Maximum number of frames of a class at an SNR label."
        ),
    ] = 200,
    all_cells: Annotated[
        bool, typer.Option("--all", help="Print every cell, not a line for each class.")
    ] = False,
    json: Json = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Also draw spectra, IQ planes and SNR by class (.png, .svg)."),
    ] = None,
    snr_figure: Annotated[
        Path | None, typer.Option(help="Also draw the measured SNR over the label (.png, .svg).")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Compare two data sets: SNR, energy, bandwidth, cumulants, bare carriers.

    A cell is a class at an SNR label that both data sets have. It differs where a
    permutation test finds a difference beyond chance and the difference matters.
    """
    check_writable(json, inputs=(first, second))
    for path in (figure, snr_figure):
        check_writable(path, SUFFIXES, (first, second))
    names = _names(first, second)
    sides = pair(
        data.read(first),
        data.read(second),
        parse_names(classes),
        parse_floats(snr),
        frames_per_key,
        seed,
    )
    cells = _compared(sides, seed)
    if not cells:
        raise UserError(f"{first} and {second} have no cell with frames that are not all zero")
    found = summary(cells)
    settings = {
        **dict(zip(SIDES, names)),
        "fingerprints": {side: own.fingerprint() for side, own in zip(SIDES, sides)},
        "frames_per_key": frames_per_key,
        "frames_per_cell": frames_per_key,  # its old name, for who reads such files
        "seed": seed,
        "version": __version__,
        "false_discovery_rate": FALSE_DISCOVERY_RATE,
        "tolerances": {each.name: each.tolerance for each in MEASURES},
    }
    try:
        if json:
            write_json(json, {"settings": settings, "summary": found, "cells": cells})
        if figure or snr_figure:
            _draw(dict(zip(names, sides)), figure, snr_figure)
    finally:  # what cannot be written is shown all the same
        out.print(_cell_table(cells, names) if all_cells else _class_table(found, names))
        for line in _lines(found, names):
            out.print(line, highlight=False, soft_wrap=True)


def _compared(sides: tuple[FrameDataset, FrameDataset], seed: int) -> list[Document]:
    with progress() as bar:
        task = bar.add_task("comparing", total=None, note="cells")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return compare_cells(*sides, seed, show)


def _draw(
    datasets: Mapping[str, FrameDataset], figure: Path | None, snr_figure: Path | None
) -> None:
    from ..comparison import figures  # matplotlib takes a second

    if figure:
        figures.comparison(datasets, figure)
    if snr_figure:
        figures.snr_law(datasets, snr_figure)


def _names(first: str, second: str) -> list[str]:
    """What the data sets are called: their files' names, or whole paths where those agree."""
    names = [Path(path).stem for path in (first, second)]
    return names if names[0] != names[1] else [f"{first} (1)", f"{second} (2)"]


def _class_table(found: Document, names: Sequence[str]) -> Table:
    first, second = names
    table = Table(
        title=Text(f"1st: {first}, 2nd: {second}"),
        caption="SNR at labels >= 0 dB, difference 2nd less 1st; bare carriers at labels >= 8 dB",
    )
    table.add_column("class")
    for heading in (
        "cells", "alike", "differ", "too few\nframes", "SNR measurable\nin cells",
        "within\n1.5 dB", "SNR difference\n(median, dB)", "bare carriers\n1st / 2nd",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    table.add_column("differs in (cells)")
    for name, own in found["classes"].items():
        snr, bare = own["snr"], found["bare"][name]
        table.add_row(
            Text(name),
            str(own["cells"]),
            *(str(count) if count else "-" for count in own["verdicts"].values()),
            str(snr["measurable_cells"]),
            str(snr["within_tolerance"]),
            _number(snr["median_difference_db"], "+.1f"),
            " / ".join(_number(bare[side]["share"], ".0%") for side in SIDES) if bare else "-",
            ", ".join(f"{TITLES[each]} ({count})" for each, count in own["differs"].items()),
        )
    return table


def _cell_table(cells: Sequence[Document], names: Sequence[str]) -> Table:
    table = Table(
        title=Text(f"1st: {names[0]}, 2nd: {names[1]}"), caption="1st / 2nd; - not measurable"
    )
    table.add_column("class")
    for heading in ("label\ndB", "frames"):
        table.add_column(heading, justify="right")
    for each in MEASURES:
        unit = {"snr_db": "\ndB", "energy": "\n1e-3", "bandwidth": "\nof the rate"}
        table.add_column(each.title + unit.get(each.name, ""), justify="right")
    table.add_column("verdict")
    for cell in cells:
        shown = (" / ".join(_value(cell, name, side) for side in SIDES) for name in TITLES)
        differs = ", ".join(TITLES[name] for name in cell["differs"])
        table.add_row(
            Text(cell["class"]),
            f"{cell['snr_db']:g}",
            " / ".join(str(cell["frames"][side]) for side in SIDES),
            *shown,
            Text(f"differs: {differs}", "red") if cell["verdict"] == DIFFERS else cell["verdict"],
        )
    return table


def _value(cell: Document, name: str, side: str) -> str:
    value = cell["measures"][name][side]["value"]
    if name == "snr_db" and cell["snr_problem"][side] == "below the noise":
        return "noise"
    if name == "energy":
        return f"{1000 * value:.2f}"
    return _number(value, {"snr_db": ".1f", "bandwidth": ".3f", "bare": ".0%"}.get(name, ".2f"))


def _lines(found: Document, names: Sequence[str]) -> Iterator[str]:
    alike, differ, few = found["verdicts"].values()
    counts = f"{alike} alike, {differ} differ, {few} have too few frames (fewest: {FEWEST})"
    yield f"cells: {found['cells']} compared: {counts}"
    snr = found["snr"]
    if snr["measurable_cells"]:
        yield (
            f"SNR: medians within 1.5 dB in {snr['within_tolerance']} of "
            f"{snr['measurable_cells']} measurable cells at labels >= {snr['labels_from_db']} dB "
            f"({snr['share_within']:.1%})"
        )
    beyond = [
        f"{each['class']} {each['snr_db']:g} dB ({each['difference_db']:+.1f})"
        for each in snr["beyond"]
    ]
    if beyond:
        more = f" and {len(beyond) - 10} more" if len(beyond) > 10 else ""
        yield f"  beyond: {', '.join(beyond[:10])}{more}"
    for name, bare in found["bare"].items():
        if bare and max(bare[side]["share"] for side in SIDES) >= 0.05:
            yield (
                f"bare carriers, {name}, labels >= {bare['labels_from_db']} dB: "
                + ", ".join(f"{own} {_share(bare[side])}" for own, side in zip(names, SIDES))
                + f", {100 * bare['difference']:+.0f} points"
            )


def _share(own: Document) -> str:
    low, high = own["interval"]
    return f"{own['share']:.0%} [{low:.0%}, {high:.0%}] of {own['frames']} frames"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
