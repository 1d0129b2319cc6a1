"""`htrd figure`: pictures of results that are there already."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError
from ..evaluation import figures
from .options import check_writable

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
    try:
        document = json.loads(path.read_text())
        source, rows = document["settings"]["dataset"], document["rows"]
        return [
            (
                f"{row['model']} on {source}\naccuracy {row['accuracy']:.3f}",
                detail["classes"],
                detail["confusion"],
            )
            for row, detail in zip(rows, document["details"], strict=True)
        ]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a result file of `htrd evaluate --json`") from None
