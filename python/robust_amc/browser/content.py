"""Which files the page is made of, by the path under which a browser asks for them."""

import json
from pathlib import Path

from .. import assets
from ..errors import UserError
from ..files import checksum

RECEIVERS = ("undefended", "htrd_plus")  # the models that the page compares
PAGE = Path(__file__).parent / "page"
GRAPHS = assets.path("graphs")
GRAPH_MODELS = GRAPHS / "models.json"  # checksum of the model file that each graph was made of
RUNTIME = assets.path("onnxruntime-web")
PACKED = ".gz"  # what is stored so is sent so; the path that a browser asks for has none


def files() -> dict[str, Path]:
    """The file of each URL path, such as ``/models/undefended.safetensors``.

    Raises UserError when one is missing, or a graph was made of another model file.
    """
    page = sorted(path for path in PAGE.rglob("*") if path.is_file())
    found = {f"/{path.relative_to(PAGE).as_posix()}": path for path in page}
    found["/"] = PAGE / "index.html"
    found["/sample.npz"] = assets.path("sample.npz")
    for path in sorted(RUNTIME.glob("*.*js*")) + sorted(RUNTIME.glob("*.wasm*")):
        found[f"/onnxruntime-web/{path.name.removesuffix(PACKED)}"] = path
    for name in RECEIVERS:
        found[f"/models/{name}.safetensors"] = _model(name)
        found[f"/graphs/{name}.onnx"] = GRAPHS / f"{name}.onnx"
    missing = [path for path in found.values() if not path.is_file()]
    if missing or not any(path.endswith(".wasm") for path in found):
        raise UserError(
            f"the page is not complete ({missing[0] if missing else RUNTIME} is missing); "
            "install again"
        )
    return found


def _model(name: str) -> Path:
    """A model file whose graph is there; UserError when that was made of another one."""
    path = assets.model_path(name)
    assets.require_genuine(path)
    try:
        made_of = json.loads(GRAPH_MODELS.read_text())
    except OSError:
        made_of = {}
    if made_of.get(name) != checksum(path):
        raise UserError(
            f"the graph of {name} in {GRAPHS} was made of another model file; make it again with "
            "script/ship-models --graphs"
        )
    return path
