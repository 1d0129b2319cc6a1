"""Files that ship with the library: trained models, systems, the sample data set."""

import os
from pathlib import Path

from .files import AnyPath

FOLDER = Path(__file__).parent / "assets"
MODELS = FOLDER / "models"
SYSTEMS = FOLDER / "systems"


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
