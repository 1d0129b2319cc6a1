"""Files that ship with the library: trained models, systems, the sample data set."""

import os
from pathlib import Path

from .errors import UserError
from .files import AnyPath, checksum

FOLDER = Path(__file__).parent / "assets"
MODELS = FOLDER / "models"
SYSTEMS = FOLDER / "systems"
CHECKSUMS = "SHA256SUMS"  # of the models, as sha256sum writes and checks it


def path(name: str) -> Path:
    """Path of a shipped file, such as ``sample.npz``."""
    return FOLDER / name


def model_path(name_or_path: AnyPath) -> Path:
    """Path of a model: a shipped one by its name, else the path itself."""
    shipped = MODELS / f"{name_or_path}.safetensors"
    return shipped if os.path.exists(shipped) else Path(name_or_path)


def model_names() -> list[str]:
    """Names of the shipped models, sorted."""
    return sorted(file.stem for file in MODELS.glob("*.safetensors"))


def require_genuine(model: Path) -> None:
    """UserError when a model lies among those that ship and is not as it shipped."""
    if model.parent == MODELS and checksums().get(model.name) != checksum(model):
        raise UserError(
            f"{model} is not as it shipped (its checksum is not in {CHECKSUMS}); install again"
        )


def checksums() -> dict[str, str]:
    """SHA-256 of each shipped model by its file's name, from the list that ships with them."""
    try:
        lines = (MODELS / CHECKSUMS).read_text().splitlines()
    except OSError:
        return {}
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def write_checksums() -> None:
    """Write the list of the models that are there."""
    lines = (f"{checksum(each)}  {each.name}\n" for each in sorted(MODELS.glob("*.safetensors")))
    (MODELS / CHECKSUMS).write_text("".join(lines))
