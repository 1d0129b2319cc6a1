"""The ONNX graphs that the page runs: decisions of a model, and the gradient that attacks it.

They have no weights. Each tensor of the model file is an external initializer whose location
is the tensor's name, so that the page takes the weights from the model file itself.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch._decomp import get_decompositions
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx

from .. import __version__, model_file
from ..attacks.objectives import Objective, objectives_for
from ..attacks.threat import Goal
from ..classifier import Classifier
from ..files import AnyPath
from ..inference.graph import DecisionGraph
from ..inference.packages import quiet, require

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

INPUTS = ("iq", "target", "mix", "threshold")
OUTPUTS = ("label", "scores", "gradient")
_FRAMES = 13  # of the example: a size that no tensor of a network has, or the two would be one
_NETWORK, _REJECTOR = "network.", "rejector."  # tensors of a model file
_aten = torch.ops.aten


def objectives(classifier: Classifier) -> tuple[Objective, Objective]:
    """What the page's attack minimizes: the system's own objective, then one of the network's.

    The first and the last of what a full white-box attack tries.
    """
    first, *_, last = objectives_for(classifier, Goal.EVASION)
    return first, last


class AttackGraph(nn.Module):
    """Decisions of a classifier, and the gradient of a mix of its two objectives.

    Takes frames `iq` ``[n, 2, length]`` as the network expects them, the classes `target`
    ``[n]`` that the attack moves away from, the weights `mix` ``[2]`` of the objectives, and
    the `threshold` (scalar, -inf without a rejector). Gives `label` int64 ``[n]``, -1 for a
    rejected frame, `scores` ``[n, classes]``, and `gradient` ``[n, 2, length]`` of the sum of
    the objectives by `iq`, zero where it is not finite.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.graph = DecisionGraph(classifier)
        self.objectives = objectives(classifier)

    def forward(
        self, iq: torch.Tensor, target: torch.Tensor, mix: torch.Tensor, threshold: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Label, scores and gradient, see the class; `iq` has to require a gradient."""
        outputs = self.graph.outputs(iq)
        facts = cast(Classifier, SimpleNamespace(threshold=threshold))
        values = [objective(facts, outputs, target) for objective in self.objectives]
        (gradient,) = torch.autograd.grad((torch.stack(values, 1) * mix).sum(), iq)
        gradient = torch.where(gradient.abs() < torch.inf, gradient, 0.0)
        label, scores = self.graph.decided(iq, outputs.scores, threshold)
        return label, scores.detach(), gradient


def make(name_or_path: AnyPath) -> ModelProto:
    """The graph of a shipped model or a file, an onnx.ModelProto without weights.

    Inputs are INPUTS, outputs OUTPUTS, as AttackGraph says, for any number of frames. Raises
    UserError as :meth:`Classifier.load`, and without the packages onnx and onnxscript.
    """
    require("onnx", "onnx")
    require("onnxscript", "onnx")
    classifier = Classifier.load(name_or_path)
    tensors, document = model_file.read_parts(name_or_path)
    names, weights = list(tensors), list(tensors.values())
    attack = AttackGraph(classifier)

    def computed(weights: list[torch.Tensor], *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What the graph computes, with the weights as inputs as well."""
        named = dict(zip(names, weights, strict=True))
        if classifier.rejector is not None:
            loaded = type(classifier.rejector).load(
                _under(_REJECTOR, named), document["rejector"], len(classifier.classes)
            )
            attack.graph.rejector = loaded.exportable()
        state = {
            f"graph.features.{_NETWORK}{name}": value
            for name, value in _under(_NETWORK, named).items()
        }
        return functional_call(attack, state, inputs)

    inputs = _example(classifier)
    trace = make_fx(
        computed,
        decomposition_table=_decompositions(),
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,  # what a network holds beside weights, such as indices
    )
    program = trace(weights, inputs[0].requires_grad_(), *inputs[1:])
    model = _exported(program, weights, [inputs[0].detach(), *inputs[1:]], names)
    _take_weights_from_file(model, name_or_path)
    return model


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _example(classifier: Classifier) -> list[torch.Tensor]:
    iq = torch.randn(_FRAMES, 2, classifier.frame_length) / classifier.frame_length
    target = torch.arange(_FRAMES) % len(classifier.classes)
    return [iq, target, torch.tensor([1.0, 0.0]), torch.tensor(0.0)]


def _decompositions() -> dict[Any, Any]:
    """Of the operators of a backward pass that ONNX does not have."""
    table = get_decompositions(
        [
            _aten.new_zeros, _aten.select_backward, _aten.sigmoid_backward, _aten.silu_backward,
            _aten.slice_backward, _aten.tanh_backward, _aten.threshold_backward,
        ]
    )  # fmt: skip
    return {**table, _aten.convolution_backward.default: _convolution_backward}


def _convolution_backward(
    gradient: torch.Tensor, maps: torch.Tensor, weight: torch.Tensor, _bias: object,
    stride: list[int], padding: list[int], dilation: list[int], transposed: bool,
    _output_padding: object, groups: int, _wanted: object,
) -> tuple[torch.Tensor, None, None]:  # fmt: skip
    """The gradient by the maps alone, as a transposed convolution: nothing here is trained."""
    assert not transposed
    reached = [
        (size - 1) * step - 2 * pad + gap * (kernel - 1) + 1
        for size, step, pad, gap, kernel in zip(
            gradient.shape[2:], stride, padding, dilation, weight.shape[2:], strict=True
        )
    ]
    left = [int(size - got) for size, got in zip(maps.shape[2:], reached, strict=True)]
    found = _aten.convolution(gradient, weight, None, stride, padding, dilation, True, left, groups)
    return found, None, None


def _exported(
    program: torch.fx.GraphModule,
    weights: list[torch.Tensor],
    inputs: list[torch.Tensor],
    names: list[str],
) -> ModelProto:
    onnx = require("onnx", "onnx")
    frames = torch.export.Dim("frames")
    of_frames = {0: frames}
    with quiet(), torch.no_grad():
        exported = torch.export.export(
            program,
            (weights, *inputs),
            dynamic_shapes=([None] * len(weights), of_frames, of_frames, None, None),
        )
        made = torch.onnx.export(
            exported,
            dynamo=True,
            input_names=[*names, *INPUTS],
            output_names=list(OUTPUTS),
            external_data=False,
            verbose=False,
        )
    assert made is not None  # as it is with dynamo=True
    model: ModelProto = made.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # where the exporter found it: paths of this machine
        node.doc_string = ""
    del model.graph.value_info[:], model.metadata_props[:]
    model.producer_name, model.producer_version = "gr-htrd", __version__
    onnx.checker.check_model(model)
    return model


def _take_weights_from_file(model: ModelProto, name_or_path: AnyPath) -> None:
    """Make the inputs that are weights tensors of the model file, in its types."""
    onnx = require("onnx", "onnx")
    kinds = {"F16": onnx.TensorProto.FLOAT16, "F32": onnx.TensorProto.FLOAT}
    inputs = {each.name: each for each in model.graph.input}
    casts = []
    for name, kind in model_file.stored_types(name_or_path).items():
        weight = inputs.pop(name)
        shape = [each.dim_value for each in weight.type.tensor_type.shape.dim]
        stored = name if kind == "F32" else f"{name}:{kind}"
        model.graph.initializer.append(_external(stored, name, kinds[kind], shape))
        if stored != name:
            cast = onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT)
            casts.append(cast)
    others = list(model.graph.node)
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend([*casts, *others])
    model.graph.input.extend(inputs[name] for name in INPUTS)


def _external(name: str, location: str, kind: int, shape: list[int]) -> TensorProto:
    onnx = require("onnx", "onnx")
    tensor: TensorProto = onnx.TensorProto(name=name, data_type=kind, dims=shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor
