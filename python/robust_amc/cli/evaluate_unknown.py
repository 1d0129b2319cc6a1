"""`htrd evaluate --unknown`: what models accept of signals that they do not know."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import assets
from ..benchmarks import report
from ..classifier import Classifier
from ..errors import UserError
from ..evaluation import unknown
from ..files import checksum, write_json
from ..runtime.runtime import Runtime
from .console import out, working


def evaluate_unknown(
    names: Sequence[str],
    levels: Sequence[float] | None,
    count: int | None,
    seed: int,
    json: Path | None,
    device: str,
    unused: Mapping[str, object],
) -> None:
    """Print, and write to `json`, what models accept at each SNR; `unused` options are refused.

    Raises UserError for one of these that is given, and for a number of frames below 1.
    """
    given = [name for name, value in unused.items() if value]
    if given:
        raise UserError(f"{', '.join(given)}: not with --unknown, which makes its own signals")
    count = unknown.FRAMES if count is None else count
    if count < 1:
        raise UserError(f"the number of frames must be positive, not {count}")
    levels = levels or [unknown.SNR_DB]
    runtime = Runtime(device)
    rows = []
    for name in names:
        classifier = Classifier.load(name, runtime.device)
        digest = checksum(assets.model_path(name))
        with working(f"deciding with {classifier.name}"):
            for level in levels:
                found = unknown.acceptance(classifier, count, level, seed)
                rows += [row | {"sha256": digest} for row in found]
    if not runtime.is_first:
        return
    settings = report.settings("unknown", "frames of signals that are none of the classes")
    document = {"settings": settings | {"seed": seed, "frames": count}, "rows": rows}
    try:
        if json:
            write_json(json, document)
    finally:  # what cannot be written is shown all the same
        out.print(unknown.acceptance_table(rows))
