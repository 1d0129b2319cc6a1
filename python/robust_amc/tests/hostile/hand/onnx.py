"""Exported models, ONNX."""

import itertools
import json

import numpy as np

from .. import sound
from .making import ODD, each_of, of_bytes, with_field


def cases():
    from onnx import TensorProto, helper, numpy_helper

    numbers = itertools.count()

    def node(kind, inputs, outputs, **attributes):
        return helper.make_node(kind, inputs, outputs, f"features/{next(numbers)}", **attributes)

    def constant(name, values):
        return numpy_helper.from_array(np.array(values, np.int64), name)

    def loop(kind):
        body = helper.make_graph(
            [helper.make_node("Identity", ["c"], ["d"])],
            "body",
            [
                helper.make_tensor_value_info(
                    n, TensorProto.BOOL if n == "c" else TensorProto.INT64, []
                )
                for n in ("i", "c")
            ],
            [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
        )
        return node(kind, ["", "true"] if kind == "Loop" else ["true"], [], body=body)

    def chain(kind, count):
        """A tensor that doubles with each node."""
        name = "iq"
        for i in range(count):
            yield node(kind, [name, name], [f"x{i}"], **({"axis": 2} if kind == "Concat" else {}))
            name = f"x{i}"

    def made(*nodes, initializers=(), change=None, document=None):
        def content():
            model = sound.onnx_model(nodes, initializers, document)
            if change:
                change(model)
            return model.SerializeToString()

        return content

    def external(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/dev/zero")

    def outputs(*names):
        def change(model):
            for output, name in zip(model.graph.output, names):
                output.name = name

        return change

    big = 2**31
    contents = {
        "sound": made(),
        "ConstantOfShape of 4.7 GB": made(
            node("ConstantOfShape", ["n"], ["x"]), initializers=[constant("n", [10**5, 12_000])]
        ),
        "Expand": made(
            node("Expand", ["iq", "n"], ["x"]), initializers=[constant("n", [1000, 2, 128])]
        ),
        "Tile": made(node("Tile", ["iq", "n"], ["x"]), initializers=[constant("n", [1, 1, big])]),
        "Range": made(
            node("Range", ["a", "b", "c"], ["x"]),
            initializers=[constant("a", 0), constant("b", 2**40), constant("c", 1)],
        ),
        "Pad": made(
            node("Pad", ["iq", "n"], ["x"]), initializers=[constant("n", [0, 0, 0, 0, 0, big])]
        ),
        "doubling": made(*chain("Concat", 40)),
        "a large product": made(
            node("Expand", ["weight", "n"], ["x"]), initializers=[constant("n", [4096, 256, 4])]
        ),
        "frames times frames": made(
            node("Transpose", ["iq"], ["t"], perm=[2, 1, 0]), node("MatMul", ["iq", "t"], ["x"])
        ),
        "computed shape": made(
            node("Shape", ["iq"], ["s"]),
            node("Mul", ["s", "s"], ["m"]),
            node("ConstantOfShape", ["m"], ["x"]),
        ),
        "an endless loop": made(
            loop("Loop"), initializers=[numpy_helper.from_array(np.array(True), "true")]
        ),
        "a branch": made(
            loop("If"), initializers=[numpy_helper.from_array(np.array(True), "true")]
        ),
        "random numbers": made(node("RandomNormal", [], ["x"], shape=[10**5, 10**5])),
        "text": made(node("StringNormalizer", ["iq"], ["x"])),
        "another domain": made(helper.make_node("Inverse", ["iq"], ["x"], domain="com.microsoft")),
        "a cycle": made(node("Add", ["iq", "y"], ["x"]), node("Add", ["iq", "x"], ["y"])),
        "itself": made(node("Add", ["iq", "x"], ["x"])),
        "names of nodes twice": made(
            helper.make_node("Abs", ["iq"], ["x"], "features/a"),
            helper.make_node("Abs", ["x"], ["y"], "features/a"),
        ),
        "twice": made(node("Abs", ["iq"], ["x"]), node("Neg", ["iq"], ["x"])),
        "missing": made(node("Abs", ["nothing"], ["x"])),
        "10,000 nodes": made(*(node("Abs", ["iq"], [f"x{i}"]) for i in range(10_000))),
        "4,000 nodes in a row": made(
            *(node("Abs", [f"x{i - 1}" if i else "iq"], [f"x{i}"]) for i in range(4000))
        ),
        "weights elsewhere": made(change=external),
        "other outputs": made(change=outputs("a", "b")),
        "outputs exchanged": made(change=outputs("scores", "label")),
        "another input": made(change=lambda m: setattr(m.graph.input[0], "name", "x")),
        "two inputs": made(change=lambda m: m.graph.input.append(m.graph.input[0])),
        "no outputs": made(change=lambda m: m.graph.ClearField("output")),
        "no graph": made(change=lambda m: m.ClearField("graph")),
        "float64 input": made(
            change=lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 11)
        ),
        "opset 99": made(change=lambda m: setattr(m.opset_import[0], "version", 99)),
        "no opset": made(change=lambda m: m.ClearField("opset_import")),
        "IR 99": made(change=lambda m: setattr(m, "ir_version", 99)),
        "a weight of another size": made(
            change=lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**40)
        ),
        "five classes": made(document=sound.onnx_document(classes=[*sound.CLASSES, "x"])),
        "longer frames": made(document=sound.onnx_document(frame_length=256)),
        "no document": made(change=lambda m: m.ClearField("metadata_props")),
        "a model's document": made(document=sound.model_document()),
        "empty nodes": b":" + _varint(2 * 2_000_000) + b"\x0a\x00" * 2_000_000,
        "empty tensors": b":" + _varint(2 * 2_000_000) + b"\x2a\x00" * 2_000_000,
        "deep graphs": _nested(2000),
    }
    yield from each_of("onnx", ".onnx", contents)
    for name, odd in ODD.items():
        for path in (
            ("exported",),
            ("exported", "scaling"),
            ("classes",),
            ("frame_length",),
            ("rejector",),
            ("rejector", "threshold"),
            ("rejector", "score_quantiles"),
        ):
            document = json.loads(
                json.dumps(sound.onnx_document(rejector=sound.rejector_facts(kind="svm")))
            )
            with_field(*path, to=odd)(document)
            title = f".onnx {'.'.join(path)}: {name}"
            yield title, "onnx", of_bytes(".onnx", made(document=document)), True


def _varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _nested(levels):
    """A graph in an attribute of a node of a graph in an attribute …"""
    content = b""
    for _ in range(levels):
        attribute = b"\x32" + _varint(len(content)) + content
        node = b"\x2a" + _varint(len(attribute)) + attribute
        content = b"\x0a" + _varint(len(node)) + node
    return b":" + _varint(len(content)) + content
