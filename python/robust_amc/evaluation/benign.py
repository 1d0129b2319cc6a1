"""How many benign frames a rejector refuses at each SNR label: it is calibrated at some of them."""

from collections.abc import Iterable

import numpy as np
from rich.table import Table
from rich.text import Text

from ..arrays import Floats, Integers
from ..files import Document


def rejection_by_label(model: str, decided: Integers, snr_db: Floats) -> list[Document]:
    """A row of each SNR label, ascending: `model`, `snr_db`, `frames` and `rejection_rate`.

    `decided` are decisions on frames that nobody perturbed ``[n]``, -1 for a rejected one;
    `snr_db` their labels in dB ``[n]``.
    """
    rows = []
    for level in np.unique(snr_db):
        own = np.asarray(decided)[np.asarray(snr_db) == level]
        rows.append(
            {
                "model": model,
                "snr_db": float(level),
                "frames": len(own),
                "rejection_rate": float(np.mean(own < 0)),
            }
        )
    return rows


def rejection_table(rows: Iterable[Document]) -> Table:
    """A Rich table, a line an SNR label and a column a model."""
    cells = {(row["snr_db"], row["model"]): row for row in rows}
    models = list(dict.fromkeys(model for _, model in cells))
    table = Table(title="benign frames rejected, by SNR label")
    for heading in ("SNR dB", "frames"):
        table.add_column(heading, justify="right")
    for model in models:
        table.add_column(Text(model), justify="right")
    for level in sorted({level for level, _ in cells}):
        own = [cells.get((level, model)) for model in models]
        counts = sorted({str(row["frames"]) for row in own if row is not None})
        shares = ("-" if row is None else f"{row['rejection_rate']:.3f}" for row in own)
        table.add_row(f"{level:g}", ", ".join(counts), *shares)
    return table
