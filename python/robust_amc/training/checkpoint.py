"""Checkpoints of a training run: one file, replaced whole, loaded without running code."""

import pickle
from typing import Any

import torch

from ..errors import UserError
from ..files import AnyPath, Document, replacing
from ..settings import current


def save(path: AnyPath, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists and dictionaries of them)."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load(path: AnyPath, identity: Document | None) -> dict[str, Any]:
    """Read a checkpoint; UserError when it is damaged or belongs to another run."""
    try:
        state = torch.load(path, weights_only=True)
        found = state["identity"]
    except (RuntimeError, pickle.UnpicklingError, KeyError, TypeError, EOFError, OSError) as error:
        raise UserError(f"the checkpoint {path} is damaged; delete it and start again") from error
    if isinstance(found, dict):
        found = current(found)
    if found != identity:
        wanted, found = identity or {}, found or {}
        changed = [key for key in wanted | found if found.get(key) != wanted.get(key)]
        raise UserError(
            f"the checkpoint {path} belongs to another run (other {', '.join(changed)}); "
            "use the same settings, or another output"
        )
    return state
