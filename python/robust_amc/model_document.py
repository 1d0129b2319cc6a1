"""What a model file says of itself, a JSON document; read without PyTorch and the weights."""

import json
import os
from typing import Any

import safetensors

from . import assets, settings
from .errors import UserError
from .files import AnyPath

FORMAT_VERSION = 1
NEEDED = ("architecture", "classes", "frame_length", "scaling")


def read(name_or_path: AnyPath) -> dict[str, Any]:
    """The document of a shipped model or a file, with today's names of settings.

    Raises UserError when the file is missing, damaged, of a newer format, or not a model.
    """
    path = assets.model_path(name_or_path)
    if not os.path.isfile(path):  # unlike Path.is_file(), of any name
        known = ", ".join(assets.model_names()) or "none"
        raise UserError(f"no model {name_or_path}: neither a file nor one that ships ({known})")
    try:
        with safetensors.safe_open(path, "np") as file:
            document = json.loads((file.metadata() or {}).get("htrd", "null"))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error
    if not isinstance(document, dict) or "format_version" not in document:
        raise UserError(f"{path} is not a gr-htrd model: it has no metadata of ours")
    version = document["format_version"]
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"{path} has format {version}; this version reads up to {FORMAT_VERSION}: "
            "upgrade gr-htrd"
        )
    missing = [name for name in NEEDED if name not in document]
    if not isinstance(version, int) or missing:
        raise UserError(
            f"{path} is not a usable model: its metadata has no usable "
            f"{', '.join(missing) or 'format_version'}"
        )
    return settings.current(document)
