"""`htrd dataset info`: say what is in a data set."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from .. import __version__, data
from ..data.formats import registry
from ..data.summary import summary
from ..files import Document, write_json
from .console import counting, out
from .options import Json, check_writable


def info(
    path: Annotated[
        str, typer.Argument(help=f"The file to read: {registry.readable()}; or 'sample'.")
    ],
    json: Json = None,
) -> None:
    """Say what is in a data set: classes, SNR labels, counts, scaling, origin, problems."""
    check_writable(json, inputs=[path])
    dataset = data.read(path)
    with counting("reading") as show:
        facts: Document = {"path": Path(path).name} | summary(dataset, show)
    if json:
        write_json(json, facts | {"version": __version__})
    table = Table(title=Text(_plain(facts["path"])))
    for heading in ("class", "frames", "SNR labels with frames", "frames a label"):
        table.add_column(heading)
    for name, counts in facts["counts"].items():
        frames = str(sum(counts.values()))
        table.add_row(Text(_plain(name)), frames, _labels(counts), _range(counts))
    out.print(table)
    for line in _lines(facts):
        out.print(_plain(line), highlight=False, soft_wrap=True, markup=False)


def _lines(facts: Document) -> Iterator[str]:
    low, high = facts["sum_of_magnitudes"]
    yield (
        f"frames: {facts['frames']} of {facts['frame_length']} samples, {facts['dtype']}, "
        f"{facts['runs']} runs"
    )
    if facts["sample_rate_hz"]:
        yield f"sample rate: {facts['sample_rate_hz']:.10g} Hz"
    yield f"scaling: {facts['scaling']} (sums of magnitudes {low:.4g} … {high:.4g})"
    yield f"authentic RML2016.10a: {'yes' if facts['authentic_rml2016_10a'] else 'no'}"
    yield f"fingerprint: {facts['fingerprint']}"
    yield "problems found:" if facts["problems"] else "problems found: none"
    for each in facts["problems"]:
        yield f"  {each['problem']}: {each['count']}"
    if facts["metadata"]:
        yield "metadata:"
    for key, value in facts["metadata"].items():
        yield f"  {key}: {value}"


def _plain(text: str) -> str:
    """Text of somebody else's file, without what could steer the terminal."""
    return text if text.isprintable() else ascii(text)


def _labels(counts: Mapping[str, int]) -> str:
    levels = sorted(counts, key=float)
    return ", ".join(levels) if len(levels) <= 5 else f"{levels[0]} … {levels[-1]} ({len(levels)})"


def _range(counts: Mapping[str, int]) -> str:
    low, high = min(counts.values(), default=0), max(counts.values(), default=0)
    return str(low) if low == high else f"{low} … {high}"
