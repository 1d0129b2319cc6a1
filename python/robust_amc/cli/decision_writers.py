"""Decisions on standard output: JSON lines for programs, a table for people."""

import json
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from ..decisions import DecisionBatch
from ..errors import UserError
from .console import out, unwritten
from .standard_streams import failure


class Format(StrEnum):
    """How decisions are written."""

    AUTO = "auto"
    JSON = "json"
    TABLE = "table"


def writer(
    form: Format, with_scores: bool = False, sample_rate_hz: float | None = None
) -> Callable[[DecisionBatch], None]:
    """A function that writes a DecisionBatch; BrokenPipeError when nobody reads any more.

    With the sample rate of their stream frames have a time.
    """
    if form is Format.AUTO:
        form = Format.TABLE if sys.stdout.isatty() else Format.JSON
    if form is Format.TABLE:
        return TableRows(sample_rate_hz).write
    return JsonLines(with_scores, sample_rate_hz).write


class JsonLines:
    """A JSON object a line, a line a frame."""

    def __init__(self, with_scores: bool, sample_rate_hz: float | None) -> None:
        self._with_scores, self._sample_rate_hz = with_scores, sample_rate_hz

    def write(self, batch: DecisionBatch) -> None:
        """Write the frames of a DecisionBatch, at once."""
        records = batch.records(self._with_scores, self._sample_rate_hz)
        say("".join(json.dumps(record, allow_nan=False) + "\n" for record in records))


_COLUMNS = {  # heading: (field, width, form)
    "frame": ("frame_index", 9, "d"),
    "sample": ("sample_offset", 12, "d"),
    "time s": ("time_s", 12, ".6f"),
    "power dB": ("frame_power_db", 8, ".1f"),
    "decision": ("modulation", 10, ""),
    "score": ("score", 8, ".3f"),
    "threshold": ("threshold", 9, ".3f"),
    "truth": ("truth", 10, ""),
    "SNR dB": ("snr_db", 7, "g"),
}


class TableRows:
    """Rows of a table that never ends: columns of fixed width, headings above the first row."""

    def __init__(self, sample_rate_hz: float | None) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._has_headings = False

    def write(self, batch: DecisionBatch) -> None:
        """Write the frames of a DecisionBatch."""
        table = Table(box=None, show_header=not self._has_headings, pad_edge=False)
        for heading, (_, width, form) in _COLUMNS.items():
            justify: Literal["left", "right"] = "right" if form else "left"
            table.add_column(heading, width=width, no_wrap=True, justify=justify)
        for record in batch.records(sample_rate_hz=self._sample_rate_hz):
            table.add_row(*(_cell(record, *column) for column in _COLUMNS.values()))
        self._has_headings = True
        with out.capture() as captured:
            out.print(table)
        say(captured.get())


def _cell(record: Mapping[str, Any], name: str, _width: int, form: str) -> str | Text:
    if name == "modulation":
        return _decision(record)
    return format(record[name], form) if name in record else ""


def _decision(record: Mapping[str, Any]) -> Text:
    if record["rejected"]:
        return Text("invalid" if record.get("invalid") else "rejected", "yellow")
    wrong = record.get("truth", record["modulation"]) != record["modulation"]
    return Text(record["modulation"], "red" if wrong else "green")


def say(text: str) -> None:
    """Write to standard output at once; BrokenPipeError when nobody reads it any more."""
    sys.stdout.write(text)
    sys.stdout.flush()
    problem = failure(sys.stdout)
    if isinstance(problem, BrokenPipeError):
        raise problem
    if problem:
        raise UserError(unwritten(problem))
