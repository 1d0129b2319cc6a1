"""What a sweep has found: its file, and the choice."""

import json
from collections.abc import Sequence
from pathlib import Path

from .. import __version__, json_text
from ..errors import UserError
from ..fields import either, items, maybe, real, table, text
from ..files import Document, write_json
from ..runtime import processes

KEEP = 0.03
_ROUNDING = 1e-9
_LONGEST = 1 << 26  # bytes of a file
_METRICS = ("accuracy", "accepted_accuracy", "rejection_rate", "attacked_accuracy")
_INTERVAL = items(real(), 2, 2)
_FAILED = table({"values": table({}), "error": text(1 << 12)})
_MEASURED = table(
    {"values": table({}), "robust_accuracy": real(), "robust_accuracy_interval": _INTERVAL},
    dict.fromkeys(_METRICS, maybe(real()))
    | {f"{metric}_interval": maybe(_INTERVAL) for metric in _METRICS},
)
_FORM = table({"settings": table({}), "rows": items(either(_FAILED, _MEASURED))})


def rule(keep: float) -> str:
    """The rule of :func:`ranked`, in words."""
    return (
        "highest robust accuracy among the candidates whose accepted accuracy without an attack "
        f"is at most {keep:g} below the best; of equals, the higher accepted accuracy"
    )


def ranked(rows: Sequence[Document], keep: float = KEEP) -> list[Document]:
    """Rows by the rule, the chosen one first; each with `eligible`, whether it could be chosen.

    Raises UserError when no candidate has figures.
    """
    measured = [row for row in rows if "error" not in row]
    if not measured:
        why = rows[0]["error"] if rows else "there is none"
        raise UserError(f"no candidate could be trained and fitted: {why}")
    least = max(map(_accepted, measured)) - keep - _ROUNDING

    def order(row: Document) -> tuple[bool, float, float]:
        return row["eligible"], row.get("robust_accuracy", -1.0), _accepted(row)

    marked = [row | {"eligible": row in measured and _accepted(row) >= least} for row in rows]
    return sorted(marked, key=order, reverse=True)


def _accepted(row: Document) -> float:
    """Accepted accuracy; where nothing was accepted, less than any."""
    value = row.get("accepted_accuracy")
    return -1.0 if value is None else value


def checkpoint_path(path: Path | None, number: int) -> Path | None:
    """Path of the checkpoint of a network, beside a sweep's file; None beside a device or none."""
    if path is None or (path.exists() and not path.is_file()):
        return None
    return path.with_name(f"{path.stem}.{number}.checkpoint")


class Results:
    """The rows of a sweep, kept in a file as they come.

    Attributes:
        rows: see :meth:`measure.Sweep.rows`
        chosen: the row that was chosen, with the `rule`; None until then
        resumed: whether the file was there
    """

    def __init__(self, path: Path | None, settings: Document, resume: bool = False) -> None:
        """Start a file, or go on with one.

        Args:
            path: of the file (None: rows are kept in memory only)
            settings: all that decides the rows; what must be the same when going on
            resume: go on with the rows of a file that is there

        Raises UserError, and leaves the file as it is, when it is of another sweep, or of
        this one and `resume` is not asked for.
        """
        self.path = path
        self.rows: list[Document] = []
        self.chosen: Document | None = None
        self.resumed = path is not None and path.is_file()
        self.settings = json.loads(json.dumps(settings | {"version": __version__}))  # as read again
        if path is not None and self.resumed:
            self.rows = self._rows_of_file(path)
            if not resume:
                raise UserError(f"{path} is there: add --resume to go on, or give another name")
        self._write()

    @property
    def has_figures(self) -> bool:
        """Whether any candidate has figures."""
        return any("error" not in row for row in self.rows)

    def add(self, row: Document) -> None:
        """Keep one more row."""
        self.rows.append(row)
        self._write()

    def choose(self, keep: float = KEEP) -> list[Document]:
        """Choose by the rule, and keep the choice; returns the rows of :func:`ranked`."""
        best_first = ranked(self.rows, keep)
        self.chosen = {"rule": rule(keep)} | best_first[0]
        self._write()
        return best_first

    def checkpoint(self, number: int) -> Path | None:
        """As :func:`checkpoint_path`."""
        return checkpoint_path(self.path, number)

    def _rows_of_file(self, path: Path) -> list[Document]:
        try:
            document = json_text.read(path, _LONGEST, "a results file")
            _FORM(document, "the file")
        except UserError:
            raise UserError(
                f"{path} is not a results file of htrd sweep; give another name"
            ) from None
        found, rows = document["settings"], document["rows"]
        changed = [name for name in self.settings if found.get(name) != self.settings[name]]
        if changed:
            raise UserError(
                f"{path} holds another sweep (other {', '.join(changed)}); use the same "
                "settings, or give another name"
            )
        return rows

    def _write(self) -> None:
        if self.path is not None and processes.is_first():
            found = {"settings": self.settings, "rows": self.rows, "chosen": self.chosen}
            write_json(self.path, found)
