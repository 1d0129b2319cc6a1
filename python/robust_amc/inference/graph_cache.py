"""Exported graphs of models, kept between programs: to make one takes seconds."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .. import __version__, model_document
from ..classifier import Classifier
from ..errors import UserError
from ..files import Document, replacing
from .packages import require

if TYPE_CHECKING:
    from onnx import ModelProto

FOLDER = "HTRD_CACHE"  # the environment variable that names the folder; empty: nothing is kept
_KNOWN = ("torch", __name__.partition(".")[0])  # packages whose version or source is looked at
MOST = 24  # files; the oldest are deleted


def kept(
    classifier: Classifier, document: Document, export: Callable[[], ModelProto]
) -> ModelProto:
    """What `export` makes of a Classifier, or what it made of it before.

    `document` is what else the graph depends on. A graph is found again by a digest of that, of
    the model's parameters, of the source of its layers and of this library, and of PyTorch's
    version. Nothing is kept where no file can be written, and of layers without a source file.
    """
    folder, found_by = cache_folder(), digest(classifier, document)
    if folder is None or found_by is None:
        return export()
    onnx = require("onnx", "onnx")
    path = folder / f"{found_by}.onnx"
    try:
        found: ModelProto = onnx.load(path)
        os.utime(path)  # used: not one of the oldest
        return found
    except Exception:  # noqa: BLE001 (not there, or damaged: whatever the parser raises)
        made = export()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            onnx.save(made, temporary)
        _forget_oldest(folder)
    except (OSError, UserError):
        pass
    return made


def cache_folder() -> Path | None:
    """Where graphs, and what is known of them, are kept; None: nowhere."""
    named = os.environ.get(FOLDER)
    if named == "":
        return None
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "gr-htrd"


def _sources(classifier: Classifier) -> list[Path] | None:
    """Source files of layers that are neither PyTorch's nor ours; None where one has none."""
    modules = [part for part in (classifier.network, classifier.rejector) if part is not None]
    layers = {type(layer) for module in modules for layer in module.modules()}
    others = [each for each in layers if each.__module__.partition(".")[0] not in _KNOWN]
    try:
        found = {inspect.getsourcefile(each) for each in others}
    except TypeError:
        return None
    return None if None in found else sorted(Path(str(path)) for path in found)


def digest(classifier: Classifier, document: Document) -> str | None:
    """What a graph is found by, see :func:`kept`; None for layers without a source file."""
    sources = _sources(classifier)
    if sources is None:
        return None
    digest = hashlib.sha256()
    for text in (__version__, torch.__version__, _source(), model_document.dump(document)):
        digest.update(f"{text}\n".encode())
    for path in sources:
        digest.update(path.read_bytes())
    parts = {"network": classifier.network, "rejector": classifier.rejector}
    for part, module in parts.items():
        for name, tensor in () if module is None else module.state_dict().items():
            digest.update(f"{part} {name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def _source() -> str:
    """A digest of this library's source: what exports may have been changed."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        if "tests" not in path.relative_to(package).parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime)
    for path in files[:-MOST]:
        path.unlink(missing_ok=True)
