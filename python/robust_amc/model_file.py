"""Model files: safetensors with weights in half precision and one JSON document beside them.

Tensors `network.*` and, with a rejector, `rejector.*`: `support_vectors`, `dual_coef`,
`intercept` of an SVM, or the weights of an autoencoder; no pickle anywhere.
"""

from collections.abc import Mapping
from functools import partial

import safetensors
import safetensors.torch
import torch

from . import __version__, assets, model_document
from .errors import UserError
from .files import AnyPath, Document, replacing
from .model_document import FORMAT_VERSION
from .models import build
from .models.network import Network
from .rejection import REJECTORS
from .rejection.base import Rejector
from .weights import fitted

_MOST_TENSORS = 10_000
VERSIONS = {"format_version": FORMAT_VERSION, "code_version": __version__}


def write(path: AnyPath, network: Network, rejector: Rejector | None, document: Document) -> None:
    """Write a network, its rejector (or None) and what `document` says of them."""
    tensors = {
        f"network.{name}": value.half().contiguous() for name, value in network.state_dict().items()
    }
    if rejector is not None:
        tensors |= {f"rejector.{name}": value for name, value in rejector.tensors().items()}
    metadata = {model_document.KEY: model_document.dump(document)}
    with replacing(path) as temporary:
        safetensors.torch.save_file(tensors, temporary, metadata)


def read(name_or_path: AnyPath) -> tuple[Network, Rejector | None, Document]:
    """Network, rejector (or None) and document of a shipped model or a file.

    Raises UserError when the file is missing, damaged, of a newer format, or its parts do
    not fit together.
    """
    tensors, document = read_parts(name_or_path)
    classes, length = len(document["classes"]), document["frame_length"]
    architecture = dict(document["architecture"])
    try:
        make = partial(build, architecture.pop("name"), classes, length, **architecture)
        network = fitted(make, _under("network.", tensors), "the network")
        rejector = _rejector(_under("rejector.", tensors), document)
        _check_fit(network, rejector, classes, length)
    except UserError as error:
        raise UserError(f"{name_or_path} is not a usable model: {error}") from None
    return network, rejector, document


def read_parts(name_or_path: AnyPath) -> tuple[dict[str, torch.Tensor], Document]:
    """Tensors (float32) and JSON document of a model file, checked for damage and version."""
    document = model_document.read(name_or_path)
    path = assets.model_path(name_or_path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            keys = list(file.keys())
            if len(keys) > _MOST_TENSORS:
                raise UserError(f"{path} has {len(keys)} tensors, which no model has")
            tensors = {key: file.get_tensor(key).float() for key in keys}
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise UserError(f"{path} has weights that are not finite")
    return tensors, document


def stored_types(name_or_path: AnyPath) -> dict[str, str]:
    """Type of each tensor in a model file, F16 or F32, by its name."""
    with safetensors.safe_open(assets.model_path(name_or_path), "pt") as file:
        return {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118


def _rejector(tensors: Mapping[str, torch.Tensor], document: Document) -> Rejector | None:
    if "rejector" not in document:
        if tensors:
            raise UserError("it has weights of a rejector, and does not say of which kind")
        return None
    facts = document["rejector"]
    kind = REJECTORS[facts["kind"]]
    try:
        return kind.load(tensors, facts, len(document["classes"])).eval()
    except UserError:
        raise
    except Exception as error:  # whatever facts from a file do to somebody's rejector
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"its rejector cannot be loaded: {detail}") from None


@torch.no_grad()
def _check_fit(network: Network, rejector: Rejector | None, classes: int, length: int) -> None:
    """UserError unless one frame goes through network and rejector, to a score for each class."""
    iq = torch.full((1, 2, length), 1 / length)
    try:
        features = network.features(iq)
        logits = network.logits(features).float()
        scores = logits if rejector is None else rejector(iq, features, logits)
    except Exception as error:  # parts that do not fit can fail anywhere
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"its parts do not fit together: {detail}") from None
    if tuple(logits.shape) != (1, classes) or tuple(scores.shape) != (1, classes):
        raise UserError(f"its parts do not fit together: a frame has no {classes} scores")


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
