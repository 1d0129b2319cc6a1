"""Whether an ONNX graph is one that we could have written, asked before anything runs it.

A graph is a program: it may loop without an end, read other files, or make a tensor of any size
out of a few bytes. Taken are graphs of plain operators on tensors whose shapes can be told
beforehand, in a bounded total, that grow no faster than the number of frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UserError, printable
from .graph import LOGITS, OUTPUTS
from .packages import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

Shape = tuple[int, ...]

# Each computes its output from its inputs and nothing else: no control flow, no random numbers,
# no text, no sequences, no other file. Those that networks and rejectors of ours export are
# among them, and their kin.
_NAMES = """
    Abs Add And ArgMax ArgMin Atan BatchNormalization Cast CastLike Ceil Clip Concat Constant
    ConstantOfShape Conv ConvTranspose Cos CumSum DequantizeLinear Div Dropout Elu Equal Erf Exp
    Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm Greater GreaterOrEqual
    HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul Neg Not Or PRelu Pad Pow
    QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign Sin
    Size Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Swish Tanh Tile TopK Transpose Trilu
    Unsqueeze Where Xor
"""
OPERATORS = frozenset(_NAMES.split())
_DOMAINS = ("", "ai.onnx")
_MOST_NODES = 5000
_MOST_CONSTANT = 1 << 16  # values that are made of stored ones, and more by a small factor
_PER_SAMPLE = 1 << 15  # values in all tensors of a frame, for each of its samples
_MOST_VALUES = 1 << 24
_MOST_PRODUCTS = 1 << 31  # multiplications a frame

# Inputs that say what shape an output gets, and the operators that may make them, of shapes and
# constants: without arithmetic, no size grows faster than another one that is looked at
_SHAPING = {
    "ConstantOfShape": (0,), "Expand": (1,), "Pad": (1, 3), "Range": (0, 1, 2), "Reshape": (1,),
    "Slice": (1, 2, 3, 4), "Split": (1,), "Squeeze": (1,), "Tile": (1,), "TopK": (1,),
    "Unsqueeze": (1,), "CumSum": (1,),
}  # fmt: skip
_OF_SHAPES = {"Gather", "Concat", "Slice", "Squeeze", "Unsqueeze", "Cast", "Identity", "Reshape"}


def check(model: ModelProto, classes: int, frame_length: int) -> None:
    """UserError unless an onnx.ModelProto decides frames, and does nothing else.

    It takes `iq`, float32 ``[frames, 2, frame_length]``, and gives `label` ``[frames]`` and
    `scores` ``[frames, classes]``; it may give `logits` ``[frames, classes]`` too.
    """
    graph = model.graph
    _check_parts(model)
    _check_nodes(graph)
    for tensor in _tensors(graph):
        _check_stored(tensor)
    one, two = (_shapes(model, frames, frame_length) for frames in (1, 2))
    of_frames, constant, found = {"iq"}, 0, 0
    for node in graph.node:
        for output in filter(None, node.output):
            size = math.prod(one[output])
            if math.prod(two[output]) > 2 * max(size, 1):
                _refuse(f"the size of {output} grows faster than the number of frames")
            if of_frames.isdisjoint(node.input):
                constant += size
            else:
                of_frames.add(output)
                found += size
    most = min(_PER_SAMPLE * frame_length, _MOST_VALUES)
    if found > most:
        _refuse(f"a frame of {frame_length} samples becomes {found} values; at most {most}")
    stored = sum(math.prod(each.dims) for each in _tensors(graph))
    if constant > _MOST_CONSTANT + 4 * stored:
        _refuse(f"{stored} stored values become {constant}")
    products = sum(_products(node, one) for node in graph.node)
    if products > _MOST_PRODUCTS:
        _refuse(f"a frame takes {products} multiplications; at most {_MOST_PRODUCTS}")
    for output in graph.output:
        shape = (1,) if output.name == "label" else (1, classes)
        if one.get(output.name) != shape:
            found_shape = one.get(output.name)
            _refuse(f"{output.name} has the shape {found_shape} for one frame, not {shape}")


def _refuse(why: str) -> None:
    raise UserError(f"its graph is none that `htrd export` writes: {printable(why, 200)}")


def _check_parts(model: ModelProto) -> None:
    graph = model.graph
    if model.functions or model.training_info or graph.sparse_initializer:
        _refuse("it has functions, a training or sparse tensors")
    if [each.name for each in graph.input] != ["iq"]:
        _refuse("its input is not iq alone")
    outputs = tuple(each.name for each in graph.output)
    if outputs not in (OUTPUTS, (*OUTPUTS, LOGITS)):
        _refuse("its outputs are not label and scores")
    if graph.input[0].type.tensor_type.elem_type != 1:  # TensorProto.FLOAT
        _refuse("iq is not float32")
    if len(graph.node) > _MOST_NODES:
        _refuse(f"it has {len(graph.node)} nodes; at most {_MOST_NODES}")


def _check_nodes(graph: GraphProto) -> None:
    """Operators that we know, one after the other, none of which makes another's shape."""
    shaping = {each.name for each in graph.initializer}
    known = shaping | {"iq"}
    for node in graph.node:
        if node.domain not in _DOMAINS or node.op_type not in OPERATORS:
            _refuse(f"it has the operator {node.domain}:{node.op_type}".replace(" :", " "))
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.sparse_tensors:
                _refuse(f"{node.op_type} has a graph of its own")
        inputs, outputs = list(filter(None, node.input)), list(filter(None, node.output))
        if not known.issuperset(inputs) or not known.isdisjoint(outputs):
            _refuse(f"{node.op_type} takes what nothing before it gives, or gives it again")
        for place in _SHAPING.get(node.op_type, ()):
            name = node.input[place] if place < len(node.input) else ""
            if name and name not in shaping:
                _refuse(f"{node.op_type} gives a shape that is computed")
        if node.op_type in ("Constant", "Shape", "Size") or (
            node.op_type in _OF_SHAPES and shaping.issuperset(inputs)
        ):
            shaping.update(outputs)
        known.update(outputs)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """All tensors that are stored in the file."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check_stored(tensor: TensorProto) -> None:
    if tensor.data_location or tensor.external_data:
        _refuse(f"{tensor.name} lies in another file")
    if any(size < 0 for size in tensor.dims) or math.prod(tensor.dims) > 2 * tensor.ByteSize():
        _refuse(f"{tensor.name} declares more values than are stored")


def _shapes(model: ModelProto, frames: int, frame_length: int) -> dict[str, Shape]:
    """The shape of each tensor for a number of frames, whatever the file says of them."""
    onnx = require("onnx", "onnx")
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    del plain.graph.value_info[:], plain.metadata_props[:]
    sizes = plain.graph.input[0].type.tensor_type.shape
    sizes.ClearField("dim")
    for size in (frames, 2, frame_length):
        sizes.dim.add(dim_value=size)
    for output in plain.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(plain, strict_mode=True, data_prop=True)
    except Exception as error:  # of onnx, whatever is wrong with the graph
        _refuse(str(error).strip().split("\n")[0])
    found = {each.name: tuple(each.dims) for each in plain.graph.initializer}
    for each in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        found[each.name] = _sizes(each)
    for node in plain.graph.node:
        for output in filter(None, node.output):
            if -1 in found.get(output, (-1,)):
                _refuse(f"the shape of {output}, which {node.op_type} gives, cannot be told")
    return found


def _sizes(value: Any) -> Shape:
    """The shape of an onnx.ValueInfoProto; -1 for what is not known."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return (-1,)
    return tuple(
        each.dim_value if each.HasField("dim_value") and each.dim_value >= 0 else -1
        for each in kind.shape.dim
    )


def _products(node: NodeProto, shapes: dict[str, Shape]) -> int:
    """Multiplications of a node; those of an element each are counted as its values."""
    if node.op_type in ("MatMul", "Gemm"):
        first = shapes[node.input[0]]
        turned = any(each.name == "transA" and each.i for each in node.attribute)
        length = first[-2 if turned and len(first) > 1 else -1] if first else 1
        return math.prod(shapes[node.output[0]]) * length
    if node.op_type in ("Conv", "ConvTranspose"):
        values = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]]
        return math.prod(values) * math.prod(shapes[node.input[1]][1:])
    return 0
