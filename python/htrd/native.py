# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier in C++: what it needs from Python, which opens its models."""

import math

from robust_amc.errors import UserError
from robust_amc.frames import Scaling
from robust_amc.rejection import conformal

from .htrd_python import _decision_calibration as decision_calibration
from .htrd_python import _decision_model as decision_model
from .htrd_python import _native_classifier as native_classifier
from .messages.control import LogOnce
from .model import Loader

NATIVE = "native"  # the name of this engine
RUNTIME = "openvino"  # the engine of the library that computes the same


def require():
    """Raise UserError where there is no classifier in C++."""
    if reason := native_classifier.missing():
        raise UserError(
            f"the module was built without OpenVINO, or does not find it any more ({reason}); "
            "build it again, or choose another engine"
        )


def fits(engine):
    """Whether an InferenceEngine can be replaced by the classifier in C++."""
    return engine.name == RUNTIME and not native_classifier.missing()


def make(engine, open_engine, publish_decisions, mode, latency_ms, max_batch, queue_frames):
    """A native_classifier that decides as an OpenVinoEngine; see :class:`python_classifier`."""
    loader = Loader(
        lambda model: model_of(open_engine(model, engine=RUNTIME)), LogOnce("classifier")
    )
    return native_classifier(
        model_of(engine), mode == "live", latency_ms, max_batch, queue_frames,
        publish_decisions, engine.threads,
        lambda block, model: loader.request(model, block.replace_model),
    )  # fmt: skip


def model_of(engine):
    """decision_model of an OpenVinoEngine."""
    document = engine.document
    made = decision_model()
    made.graphs, made.precisions = map(list, zip(*engine.graphs, strict=True))
    made.classes = list(engine.classes)
    made.frame_length = engine.frame_length
    if engine.has_logits:
        made.logits_output = "logits" if engine.gives_logits else "scores"
    made.expects_scaled = engine.expects is not Scaling.NONE
    made.graph_scales = engine.scaling is not Scaling.NONE
    made.scale_where_needed = engine.auto
    if "rejector" in document:
        made.score_quantiles = list(document["rejector"]["score_quantiles"])
        made.threshold = engine.threshold
    if calibration := conformal.calibration_of(document):
        made.calibration = _calibration_of(calibration)
    return made


def _calibration_of(calibration):
    """decision_calibration of one in a model's document."""
    made = decision_calibration()
    bins, settings = calibration["bins"], calibration["drift"]
    made.lowest = [each["lowest"] for each in bins]
    made.snr_db = [math.nan if each["snr_db"] is None else each["snr_db"] for each in bins]
    made.scores = list(calibration["scores"].values())
    for name in ("false_alarm", "window", "every"):
        setattr(made, name, settings[name])
    return made
