"""`htrd bench`: how fast the parts of the project are, each beside an obvious baseline.

A bench is a function that returns ``{"settings": {...}, "rows": [...]}``; a row has
`name, value, unit, baseline, baseline_value, ratio`. Here they are only called and shown.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..files import write_json
from .console import err, out
from .generate import htrd_module
from .options import Json, check_writable

app = typer.Typer(help="Measure how fast the parts of the project are.", no_args_is_help=True)


# What follows may be the only command; with a callback it keeps its name nevertheless.
@app.callback()
def _group():
    pass


@app.command()
def generator(
    json: Json = None,
    frames_per_key: Annotated[
        int, typer.Option(min=1, help="Frames of each class at each SNR label.")
    ] = 100,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
):
    """Frames a second that the data-set generator makes, and where the time goes.

    The baseline of each mode are its bare flowgraphs, in as many processes: source,
    modulator and channel, with nothing behind them. The stages are measured in one process.
    """
    check_writable(json)
    bench = htrd_module("rml2016_bench")
    _show(bench.bench(frames_per_key, jobs, lambda what: err.print(what, highlight=False)), json)


def _show(document, json: Path | None):
    if json:
        write_json(json, document)
    table = Table()
    for heading in ("", "value", "unit", "baseline", "its value", "ratio"):
        table.add_column(heading, justify="right" if "val" in heading else "left")
    for row in document["rows"]:
        table.add_row(
            row["name"], f"{row['value']:.4g}", row["unit"], row["baseline"],
            f"{row['baseline_value']:.4g}", f"{row['ratio']:.3f}",
        )  # fmt: skip
    out.print(table)
