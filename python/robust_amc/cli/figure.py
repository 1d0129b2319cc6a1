"""`htrd figure`: pictures of results that are there already."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import json_text
from ..errors import UserError
from ..evaluation import figures
from ..fields import items, maybe, names, real, table, text, whole
from .options import check_writable

_WHAT = "a result file of `htrd evaluate --json`"
_LONGEST = 1 << 26  # bytes of one
_COUNTS = items(items(whole(0, 1 << 53)), 1)
_FORM = table({
    "settings": table({"dataset": text()}),
    "rows": items(table({"model": text(), "accuracy": maybe(real())}), 1),
    "details": items(table({"classes": names(), "confusion": _COUNTS}), 1),
})  # fmt: skip

app = typer.Typer(help="Draw results of `htrd evaluate`.", no_args_is_help=True)


@app.callback()
def _figure() -> None:
    """Keep the name of the command, though there is one."""


@app.command()
def confusion(
    results: Annotated[list[Path], typer.Argument(help="Result files of `htrd evaluate --json`.")],
    output: Annotated[Path, typer.Option(help="The figure to write (.png, .svg, .pdf).")],
) -> None:
    """Draw the confusion matrices of all rows of result files side by side."""
    check_writable(output, (".png", ".svg", ".pdf"), results)
    tables = [table for path in results for table in _tables(path)]
    figures.confusion(tables, output)


def _tables(path: Path) -> list[tuple[str, list[str], Any]]:
    """(title, classes, counts) of each row of a result file."""
    document = json_text.read(path, _LONGEST, _WHAT)
    try:
        _FORM(document, "the file")
    except UserError as error:
        raise UserError(f"{path} is not {_WHAT}: {error}") from None
    source = document["settings"]["dataset"]
    rows = [row for row in document["rows"] if "fused" not in row]  # those have no details
    if len(rows) != len(document["details"]):
        raise UserError(f"{path} has {len(rows)} rows, and details of {len(document['details'])}")
    found = []
    for row, detail in zip(rows, document["details"]):
        classes, counts = detail["classes"], detail["confusion"]
        width = {len(classes) + 1, *map(len, counts)}
        if len(counts) != len(classes) or len(width) > 1 or not any(map(any, counts)):
            raise UserError(f"{path} has a confusion matrix of another size, or without frames")
        accuracy = "-" if row["accuracy"] is None else f"{row['accuracy']:.3f}"
        found.append((f"{row['model']} on {source}\naccuracy {accuracy}", classes, counts))
    return found
