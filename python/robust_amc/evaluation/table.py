"""Result rows as a table for people."""

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from ..files import Document

COLUMNS = {
    "accuracy": "accuracy",
    "accepted_accuracy": "accepted\naccuracy",
    "rejection_rate": "rejection\nrate",
    "robust_accuracy": "robust\naccuracy",
    "attacked_accuracy": "attacked\naccuracy",
}


def results_table(rows: Iterable[Document], title: str | None = None) -> Table:
    """A Rich table with one line a row; half the width of the 95 % interval as ±.

    The classes of a row that has them, see `by_class`, have lines of their own below it.
    """
    table = Table(title=title, caption="± half the 95 % interval, bootstrap over runs")
    for heading in ("model", "attack", "SNR dB", "PNR dB", "frames", *COLUMNS.values(), "PSR dB"):
        table.add_column(heading, justify="left" if heading in ("model", "attack") else "right")
    for row in rows:
        table.add_row(
            row["model"],
            row["attack"],
            "all" if row["snr_db"] is None else f"{row['snr_db']:g}",
            "none" if row["pnr_db"] is None else f"{row['pnr_db']:g}",
            *_figures(row),
            "-" if row["psr_db"] is None else f"{row['psr_db']:.1f}",
        )
        for name, own in row.get("by_class", {}).items():
            table.add_row(Text(f"  {name}"), "", "", "", *_figures(own))
    return table


def _figures(row: Document) -> Iterator[str]:
    """Number of frames and metrics."""
    yield str(row["frames"])
    for name in COLUMNS:
        yield _figure(row[name], row[f"{name}_interval"])


def _figure(value: float, interval: Sequence[float]) -> str:
    if value != value:
        return "-"
    return f"{value:.3f} ±{(interval[1] - interval[0]) / 2:.3f}"
