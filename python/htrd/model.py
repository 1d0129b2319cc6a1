# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks have in common at construction: models, scaling, checks, buffers."""

from robust_amc.classifier import Classifier
from robust_amc.device import pick_device
from robust_amc.errors import UserError
from robust_amc.frames import Scaling
from robust_amc.inference import InferenceEngine, open_engine

AS_MODEL = "as_model"
FASTEST = "auto"


def load(model, frame_length, device="cpu"):
    """Classifier of a shipped model's name, of a file's path, or `model` itself if it is one.

    Raises UserError when the model is missing, damaged or takes frames of another length, or
    the device is not there.
    """
    if not isinstance(model, Classifier):
        return Classifier.load(model, device=pick_device(device), frame_length=frame_length)
    _check_frame_length(model, frame_length, model.name or "the model")
    return model


def engine_of(model, frame_length, scaling, device, engine, precision):
    """InferenceEngine of a model as :func:`load` takes it, or of a file that htrd export wrote.

    An InferenceEngine is taken as it is, with its own scaling, precision and device.
    `scaling` as for :func:`scaling_of`, `engine` and `precision` as for
    robust_amc.inference.open_engine, where a precision of ``auto`` is the fastest. Raises
    UserError as these do, and for an exported file that scales otherwise.
    """
    if isinstance(model, InferenceEngine):
        _check_frame_length(model, frame_length, "the model")
        return model
    exact = None if precision == FASTEST else precision
    if not str(model).endswith(".onnx"):
        classifier = load(model, frame_length, device)
        scaling = scaling_of(scaling, classifier.scaling)
        return open_engine(classifier, engine, exact, scaling)
    opened = open_engine(model, engine, exact)
    _check_frame_length(opened, frame_length, model)
    wanted = scaling_of(scaling, Scaling(opened.document["scaling"]))
    if opened.scaling is not wanted:
        raise UserError(f"{model} scales its input by {opened.scaling}, not by {wanted}")
    return opened


def _check_frame_length(opened, frame_length, name):
    if opened.frame_length != frame_length:
        raise UserError(
            f"{name} takes frames of {opened.frame_length} samples, not {frame_length}"
        )


def scaling_of(choice, own):
    """Scaling for `choice`: ``as_model`` for the model's `own`, or a member or value of Scaling."""
    if choice == AS_MODEL:
        return own
    known = [AS_MODEL, *(scaling.value for scaling in Scaling)]
    if choice not in known:
        raise UserError(f"unknown scaling {choice!r}; there are {', '.join(known)}")
    return Scaling(choice)


def at_least(minimum, **values):
    """Raise UserError unless every named value is a whole number and at least `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or value != int(value) or value < minimum:
            raise UserError(f"{name} must be a whole number of at least {minimum}, not {value}")


def set_buffer(block, items):
    """Make a block's output buffers hold at least so many items.

    GNU Radio's logger reports that at every start, on standard output; it is silenced.
    """
    block.set_log_level("warn")
    block.set_min_output_buffer(items)
