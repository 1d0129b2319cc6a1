"""What a classifier accepts of signals that it does not know, and what it takes them for."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from .. import frames
from ..arrays import listed
from ..classifier import Classifier
from ..decisions import REJECTED
from ..files import Document
from . import unknown_signals

SNR_DB = 20.0  # of the signals, in the whole rate
FRAMES = 500


def acceptance(classifier: Classifier, count: int, snr_db: float, seed: int) -> list[Document]:
    """A row of each unknown signal, see unknown_signals: `count` frames, scaled as in training.

    `acceptance_rate` is the share of the frames that are not rejected, `accepted_as` the share
    of all frames that was taken for each class, the largest first.
    """
    rows = []
    for name in unknown_signals.SIGNALS:
        samples = unknown_signals.received(name, count, classifier.frame_length, snr_db, seed)
        label = classifier.decide(frames.to_iq(samples), classifier.scaling).label
        found = Counter(listed(label[label != REJECTED])).most_common()
        rows.append(
            {
                "model": classifier.name,
                "signal": name,
                "snr_db": None if name == unknown_signals.NOISE_ALONE else snr_db,
                "frames": count,
                "rejects": classifier.rejector is not None,
                "acceptance_rate": sum(number for _, number in found) / count,
                "accepted_as": {classifier.classes[each]: number / count for each, number in found},
            }
        )
    return rows


def acceptance_table(rows: Sequence[Document]) -> Table:
    """A Rich table, a line a signal and a column a model: the share accepted, and most often as."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    levels = sorted({row["snr_db"] for row in rows if row["snr_db"] is not None})
    table = Table(
        caption="share of frames accepted, and what most of them are taken for; SNR "
        + ", ".join(f"{level:g} dB" for level in levels)
    )
    table.add_column("signal")
    for model in models:
        table.add_column(Text(model))
    for (signal, snr_db), group in _by_signal(rows).items():
        named = signal if snr_db is None or len(levels) < 2 else f"{signal}, {snr_db:g} dB"
        cells = {row["model"]: cell(row) for row in group}
        table.add_row(Text(named), *(Text(cells[model]) for model in models))
    return table


def cell(row: Document) -> str:
    """A row in a few words: ``0.97, AM-SSB 0.95``."""
    rate = f"{row['acceptance_rate']:.2f}"
    first = next(iter(row["accepted_as"].items()), None)
    return rate if first is None else f"{rate}, {first[0]} {first[1]:.2f}"


def _by_signal(rows: Iterable[Document]) -> dict[tuple[str, float | None], list[Document]]:
    found: dict[tuple[str, float | None], list[Document]] = {}
    for row in rows:
        found.setdefault((row["signal"], row["snr_db"]), []).append(row)
    return found
