"""Model files: safetensors with weights in half precision and one JSON document beside them.

Tensors `network.*` and, with a rejector, `rejector.*`: `support_vectors`, `dual_coef`,
`intercept` of an SVM, or the weights of an autoencoder; no pickle anywhere.
"""

import json
from collections.abc import Mapping

import safetensors
import safetensors.torch
import torch

from . import __version__, assets, model_document
from .errors import UserError
from .files import AnyPath, Document, replacing
from .frames import Scaling
from .model_document import FORMAT_VERSION
from .models import build
from .models.network import Network
from .rejection import REJECTORS
from .rejection.base import Rejector

VERSIONS = {"format_version": FORMAT_VERSION, "code_version": __version__}


def write(path: AnyPath, network: Network, rejector: Rejector | None, document: Document) -> None:
    """Write a network, its rejector (or None) and what `document` says of them."""
    tensors = {
        f"network.{name}": value.half().contiguous() for name, value in network.state_dict().items()
    }
    if rejector is not None:
        tensors |= {f"rejector.{name}": value for name, value in rejector.tensors().items()}
    with replacing(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, {"htrd": json.dumps(document)})


def read(name_or_path: AnyPath) -> tuple[Network, Rejector | None, Document]:
    """Network, rejector (or None) and document of a shipped model or a file.

    Raises UserError when the file is missing, damaged, of a newer format, or its parts do
    not fit together.
    """
    tensors, document = read_parts(name_or_path)
    try:
        classes, length = document["classes"], document["frame_length"]
        architecture = dict(document["architecture"])
        network = build(architecture.pop("name"), len(classes), length, **architecture)
        network.load_state_dict(_under("network.", tensors))
        rejector = _rejector(_under("rejector.", tensors), document)
        Scaling(document["scaling"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(f"{name_or_path} is not a usable model: {detail}") from error
    return network, rejector, document


def read_parts(name_or_path: AnyPath) -> tuple[dict[str, torch.Tensor], Document]:
    """Tensors (float32) and JSON document of a model file, checked for damage and version."""
    document = model_document.read(name_or_path)
    path = assets.model_path(name_or_path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise UserError(f"{path} has weights that are not finite")
    return tensors, document


def _rejector(tensors: Mapping[str, torch.Tensor], document: Document) -> Rejector | None:
    if not tensors:
        return None
    facts = document["rejector"]
    float(facts["threshold"])
    return REJECTORS[facts["kind"]].load(tensors, facts, len(document["classes"]))


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
