"""Checkpoints of a training run: one file, replaced whole, of tensors and one JSON document.

A safetensors file, as models are: nothing in it is code, and its tensors are compared with
those of the run before they are taken.
"""

import json
from collections.abc import Mapping
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.optim import Optimizer

from .. import json_text, reading
from ..errors import UserError
from ..fields import Check, items, maybe, real, table, whole
from ..files import AnyPath, Document, plain, replacing
from ..model_document import KEY

Tensors = dict[str, Tensor]

_EPOCH = table({"epoch": whole(0), "validation": real()}, others=maybe(real()))
HISTORY = table({"epochs": items(_EPOCH), "best_epoch": whole(-1), "best_score": real()})


def save(path: AnyPath, tensors: Mapping[str, Tensor], facts: Document) -> None:
    """Write tensors and `facts`, a JSON object with `identity`: what the run is."""
    content = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    document = json_text.dump(plain(facts), "what a checkpoint says")
    with replacing(path) as temporary:
        safetensors.torch.save_file(content, temporary, {KEY: document})


def load(
    path: AnyPath, like: Mapping[str, Tensor], identity: Document | None, form: Mapping[str, Check]
) -> tuple[Tensors, Document]:
    """Read a checkpoint: its tensors, on the CPU, and its facts, which have the fields `form`.

    `like` are the tensors of the run: those of the file must have their names, shapes and
    types, before any is read. Raises UserError when the file is damaged or belongs to another
    run than that of `identity`.
    """
    reading.require_regular(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            facts = json_text.parse((file.metadata() or {}).get(KEY, ""), "its document")
            table({"identity": maybe(table({})), **form})(facts, "its document")
            _check_identity(path, facts["identity"], identity)
            _check_like(file, like)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for name, value in tensors.items():
            if value.is_floating_point() and not value.isfinite().all():
                raise _Damaged(f"{name} is not finite")
    except (safetensors.SafetensorError, OSError, _Damaged) as error:
        raise UserError(
            f"the checkpoint {path} is damaged or of another version ({error}); delete it and "
            "start again"
        ) from None
    return tensors, facts


class _Damaged(Exception):
    """What is wrong with the content of a checkpoint."""


def _check_identity(path: AnyPath, found: Document | None, identity: Document | None) -> None:
    before = found or {}
    wanted = json.loads(json.dumps(plain(identity or {})))  # as it was written
    changed = [key for key in wanted | before if before.get(key) != wanted.get(key)]
    if changed:
        raise UserError(
            f"the checkpoint {path} belongs to another run (other {', '.join(changed)}); "
            "use the same settings, or another output"
        )


def _check_like(file: Any, like: Mapping[str, Tensor]) -> None:
    names = set(file.keys())
    # an optimizer has no state at all of a weight that had no gradient yet
    known = {_owner(name) for name in names}
    wanted = {name for name in like if _owner(name) in known or not name.startswith(_OPTIMIZER)}
    if names != wanted:
        raise _Damaged(f"it lacks or has besides {min(names ^ wanted)}")
    for name in names:
        found, own = file.get_slice(name), like[name]
        if found.get_shape() != list(own.shape) or found.get_dtype() != _DTYPES.get(own.dtype):
            raise _Damaged(f"{name} has another shape or type")


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


_OPTIMIZER = "optimizer."
_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def prefixed(**groups: Mapping[str, Tensor]) -> Tensors:
    """Tensors of several groups under one name each: the group's, a dot, their own."""
    return {
        f"{group}.{name}": value for group, named in groups.items() for name, value in named.items()
    }


def group(tensors: Mapping[str, Tensor], name: str) -> Tensors:
    """Those of a group of :func:`prefixed`, by their own names."""
    start = f"{name}."
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}


def of_optimizer(optimizer: Optimizer) -> Tensors:
    """The state of an Adam, by the weight's number and its own name."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": value for i, own in state.items() for name, value in own.items()}


def like_optimizer(optimizer: Optimizer) -> Tensors:
    """Tensors of the shapes and types that the state of an Adam has after its first step."""
    found: Tensors = {}
    for i, weight in enumerate(_weights(optimizer)):
        found |= {f"{i}.exp_avg": weight, f"{i}.exp_avg_sq": weight}
        found[f"{i}.step"] = torch.zeros((), dtype=torch.float32)
    return found


def load_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an Adam the state that :func:`of_optimizer` had; its settings stay its own."""
    like = like_optimizer(optimizer)
    state: dict[int, Tensors] = {}
    for key, value in tensors.items():
        number, name = key.split(".")
        # laid out as the weight is: a fused step takes that for granted
        state.setdefault(int(number), {})[name] = torch.empty_like(like[key]).copy_(value)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _weights(optimizer: Optimizer) -> list[Tensor]:
    return [weight.detach() for each in optimizer.param_groups for weight in each["params"]]
