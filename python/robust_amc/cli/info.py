"""`htrd dataset info`: say what is in a data set."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import data
from ..data.summary import summary
from ..files import write_json
from .console import out
from .options import Json


def info(
    path: Annotated[str, typer.Argument(help="An .npz, a RadioML pickle, or 'sample'.")],
    json: Json = None,
):
    """Say what is in a data set: classes, SNR labels, counts, scaling, origin."""
    facts = {"path": Path(path).name} | summary(data.read(path))
    if json:
        write_json(json, facts)
    table = Table(title=facts["path"])
    for heading in ("class", "frames", "SNR labels with frames", "frames a label"):
        table.add_column(heading)
    for name, counts in facts["counts"].items():
        present = {level: count for level, count in counts.items() if count}
        table.add_row(name, str(sum(counts.values())), _labels(present), _range(present.values()))
    out.print(table)
    for line in _lines(facts):
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def _lines(facts):
    low, high = facts["sum_of_magnitudes"]
    yield (
        f"frames: {facts['frames']} of {facts['frame_length']} samples, {facts['dtype']}, "
        f"{facts['runs']} runs"
    )
    yield f"scaling: {facts['scaling']} (sums of magnitudes {low:.4g} … {high:.4g})"
    yield f"all-zero frames: {facts['all_zero_frames']}"
    yield f"authentic RML2016.10a: {'yes' if facts['authentic_rml2016_10a'] else 'no'}"
    yield f"fingerprint: {facts['fingerprint']}"
    for key, value in facts["metadata"].items():
        yield f"{key}: {value}"


def _labels(present):
    levels = list(present)
    return ", ".join(levels) if len(levels) <= 5 else f"{levels[0]} … {levels[-1]} ({len(levels)})"


def _range(counts):
    low, high = min(counts, default=0), max(counts, default=0)
    return str(low) if low == high else f"{low} … {high}"
