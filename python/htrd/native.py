# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier in C++: what it needs from Python, which opens its models."""

from robust_amc.errors import UserError
from robust_amc.frames import Scaling
from robust_amc.rejection import conformal

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
    """Whether an InferenceEngine can be replaced by the classifier in C++.

    Which knows neither the prediction sets nor the drift alarm of a model that is calibrated.
    """
    is_calibrated = conformal.calibration_of(engine.document) is not None
    return engine.name == RUNTIME and not is_calibrated and not native_classifier.missing()


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
    return made
