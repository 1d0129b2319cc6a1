"""Which engine was the fastest one for a model here, kept between programs as graphs are."""

import hashlib
import json
import os
import time
from pathlib import Path

from ..errors import UserError
from ..files import write_json
from .engine import InferenceEngine, Precision
from .graph_cache import cache_folder
from .sources import Pairs, Source

DAYS = 30  # after which it is measured again: the machine may have been busy
MOST = 200  # files; the oldest are deleted


def recall(source: Source, pairs: Pairs, threads: int | None) -> tuple[str, Precision, str] | None:
    """Engine, precision and reason of the choice between `pairs` that was kept; None: none was."""
    path = _path(source, pairs, threads)
    try:
        if path is None or time.time() - path.stat().st_mtime > DAYS * 86400:
            return None
        kept = json.loads(path.read_text())
        pair = kept["engine"], Precision(kept["precision"])
        return (*pair, str(kept["reason"])) if pair in pairs else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(source: Source, pairs: Pairs, threads: int | None, chosen: InferenceEngine) -> None:
    """Keep a choice, if a file can be written."""
    path = _path(source, pairs, threads)
    if path is None:
        return
    reason = f"{chosen.reason}, as measured on {time.strftime('%Y-%m-%d')}"
    made = {"engine": chosen.name, "precision": chosen.precision.value, "reason": reason}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, made)
        others = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in others[:-MOST]:
            old.unlink(missing_ok=True)
    except (OSError, UserError):
        pass


def _path(source: Source, pairs: Pairs, threads: int | None) -> Path | None:
    folder, found_by = cache_folder(), source.digest()
    if folder is None or found_by is None:
        return None
    described = [found_by, source.scaling, str(pairs), str(threads), _processor()]
    return folder / f"{hashlib.sha256(repr(described).encode()).hexdigest()}.json"


def _processor() -> str:
    """The processor, what it can, and how many threads there are."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return repr((sorted(named), os.cpu_count(), os.environ.get("OMP_NUM_THREADS")))
