"""A classifier as one ONNX model, with the document of its model file inside.

Input `iq`, float32 ``[frames, 2, length]``, any number of frames; outputs `label`, int64
``[frames]``, -1 for a rejected frame, and `scores`, float32 ``[frames, classes]``; where they
are wanted also the network's `logits`, of the same shape. The threshold is the scalar constant
`threshold`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np
import torch

from .. import __version__, model_document, reading
from ..classifier import Classifier
from ..errors import UserError
from ..files import AnyPath, Document
from ..frames import Scaling
from ..model_document import KEY
from . import onnx_check
from .graph import LOGITS, REJECT_NONE, DecisionGraph
from .packages import quiet, require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

PARTS = ("features", "logits", "rejector")  # of a DecisionGraph


def to_onnx(
    classifier: Classifier, scaling: Scaling | str = Scaling.NONE, logits: bool = False
) -> ModelProto:
    """An onnx.ModelProto of a Classifier that scales its input by `scaling`.

    With `logits` it has that output too.

    Nodes are named after their part of the graph: ``features/…``, ``logits/…``,
    ``rejector/…``, ``decision/…``.
    Raises UserError when the packages onnx and onnxscript are not installed.
    """
    onnx = require("onnx", "onnx")
    require("onnxscript", "onnx")
    graph = DecisionGraph(classifier, scaling, logits).cpu()
    threshold = REJECT_NONE if classifier.threshold is None else classifier.threshold
    model = _export(graph, classifier.frame_length, threshold)
    for node in model.graph.node:
        node.name = f"{_part(node)}/{node.name}"
        del node.metadata_props[:]  # where the exporter found it: paths of this machine
        node.doc_string = ""
    del model.graph.input[1]  # the exporter takes no constant that is compared with: an input
    model.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array(threshold, np.float32), "threshold")
    )
    model.producer_name, model.producer_version = "gr-htrd", __version__
    write_document(model, document(classifier, scaling))
    onnx.checker.check_model(model)
    return model


def document(classifier: Classifier, scaling: Scaling | str) -> Document:
    """What a model file says of a Classifier, and `exported`: how this graph was made."""
    made = {"scaling": Scaling(scaling).value, "precision": "float32"}
    return classifier.document() | {"exported": made}


def read_document(model: ModelProto) -> Document:
    """The JSON document of an onnx.ModelProto; UserError when it is not a model of ours."""
    return _document(model, "the ONNX file")


def _document(model: ModelProto, path: object) -> Document:
    kept = {entry.key: entry.value for entry in model.metadata_props}
    return model_document.parse(kept.get(KEY), path)


def write_document(model: ModelProto, facts: Document) -> None:
    """Put the JSON document into an onnx.ModelProto, in place of what it had."""
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=model_document.dump(facts))


def _export(graph: DecisionGraph, length: int, threshold: float) -> ModelProto:
    example = (torch.randn(2, 2, length) / length, torch.tensor(float(threshold)))
    with quiet():
        program = torch.onnx.export(
            graph,
            example,
            dynamo=True,
            input_names=["iq", "threshold"],
            output_names=list(graph.output_names),
            dynamic_shapes=({0: torch.export.Dim("frames")}, None),
            external_data=False,
            verbose=False,
        )
    assert program is not None  # as it is with dynamo=True
    return program.model_proto


def _part(node: NodeProto) -> str:
    """Which part of a DecisionGraph a node was made from: a submodule, else `decision`."""
    kept = {each.key: each.value for each in node.metadata_props}
    scopes = ast.literal_eval(kept.get("pkg.torch.onnx.name_scopes", "[]"))
    return scopes[1] if len(scopes) > 1 and scopes[1] in PARTS else "decision"


def split(model: ModelProto) -> tuple[ModelProto, ModelProto]:
    """The features, and the rest: two ModelProtos that make `scores` one after the other.

    The first takes `iq`; the second `iq` too, and what the first gives. The second gives
    `logits` as well, where the whole does.
    """
    onnx = require("onnx", "onnx")
    inside = [node.name.startswith("features/") for node in model.graph.node]
    made, used = set(), set()
    for node, is_inside in zip(model.graph.node, inside, strict=True):
        (made.update(node.output) if is_inside else used.update(node.input))
    border = sorted(made & used)
    extractor = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model))
    features = extractor.extract_model(["iq"], border)
    wanted = [each.name for each in model.graph.output if each.name != "label"]
    return features, extractor.extract_model(["iq", *border], wanted)


def has_logits(model: ModelProto) -> bool:
    """Whether an onnx.ModelProto of ours gives the network's logits."""
    return any(each.name == LOGITS for each in model.graph.output)


def load(path: AnyPath) -> ModelProto:
    """The onnx.ModelProto of a file that `htrd export` wrote; UserError when it is none.

    What comes back is safe to run: see onnx_check.
    """
    onnx = require("onnx", "onnx")
    with reading.opened(path) as file:
        try:
            model = onnx.load_model_from_string(file.read())
        except Exception as error:  # of protobuf, another one in each of its versions
            raise UserError(f"{path} is damaged or not an ONNX file: {error}") from None
    facts = _document(model, path)
    if "exported" not in facts:
        raise UserError(f"{path} is not a usable model: it does not say how it was exported")
    try:
        onnx_check.check(model, len(facts["classes"]), facts["frame_length"])
    except UserError as error:
        raise UserError(f"{path} is refused: {error}") from None
    return model
