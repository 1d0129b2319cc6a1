# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks have in common at construction: models, scaling, checks, buffers."""

from robust_amc.classifier import Classifier
from robust_amc.device import pick_device
from robust_amc.errors import UserError
from robust_amc.frames import Scaling

AS_MODEL = "as_model"


def load(model, frame_length, device="cpu"):
    """Classifier of a shipped model's name, of a file's path, or `model` itself if it is one.

    Raises UserError when the model is missing, damaged or takes frames of another length, or
    the device is not there.
    """
    if not isinstance(model, Classifier):
        return Classifier.load(model, device=pick_device(device), frame_length=frame_length)
    if model.frame_length != frame_length:
        raise UserError(
            f"{model.name or 'the model'} takes frames of {model.frame_length} samples, "
            f"not {frame_length}"
        )
    return model


def scaling_of(choice, classifier):
    """Scaling for `choice`: ``as_model``, or a member or value of Scaling."""
    if choice == AS_MODEL:
        return classifier.scaling
    known = [AS_MODEL, *(scaling.value for scaling in Scaling)]
    if choice not in known:
        raise UserError(f"unknown scaling {choice!r}; there are {', '.join(known)}")
    return Scaling(choice)


def at_least(minimum, **values):
    """Raise UserError unless every named value is a whole number and at least `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or value != int(value) or value < minimum:
            raise UserError(f"{name} must be a whole number of at least {minimum}, not {value}")


def set_buffer(block, frames):
    """Make a block's output buffers hold at least `frames`, so that batches can be large.

    GNU Radio's logger reports that at every start, on standard output; it is silenced.
    """
    block.set_log_level("warn")
    block.set_min_output_buffer(frames)
