"""Ways to spoil a sound file: its bytes, its fields, its tensors, its graph."""

import copy
import json
import pickletools
import struct

import torch

VALUES = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    3,
    255,
    1024,
    2**16,
    2**31,
    2**32,
    2**63,
    2**64,
    10**30,
    -(2**63),
    10**400,
    0.5,
    -0.0,
    1e-300,
    1e300,
    -1e300,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    " ",
    "x",
    "none",
    "sum_abs",
    "²",
    "cu²",
    "ci9999",
    "\x1b[2J",
    "a\nb",
    "\ud800",
    "\u202e",
    "\0",
    "../../x",
    "x" * 5000,
    [],
    [[]],
    [None],
    [0],
    ["a", "a"],
    [1e300] * 3,
    {},
    {"": 0},
    {"a": {}},
    {"x" * 300: 1},
    [[[[[[[[0]]]]]]]],
]


def deep(levels, leaf=0):
    """Lists in lists."""
    for _ in range(levels):
        leaf = [leaf]
    return leaf


def value(rng):
    """Something that a field should not hold."""
    kind = rng.random()
    if kind < 0.05:
        return deep(rng.choice([20, 60, 300]))
    if kind < 0.1:
        return list(range(rng.choice([3, 1000, 20_000])))
    return copy.deepcopy(rng.choice(VALUES))


def document(rng, sound):
    """A JSON document with a few fields replaced, left out, or added."""
    found = copy.deepcopy(sound)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        holder, key = rng.choice(list(_places(found)))
        action = rng.random()
        if action < 0.7:
            holder[key] = value(rng)
        elif action < 0.85:
            del holder[key]
        elif isinstance(holder, list):
            holder.extend([copy.deepcopy(holder[key])] * rng.choice([1, 10, 1000]))
        else:
            holder[rng.choice(["", "x", "kind", "\x1b", "threshold"])] = value(rng)
        if not found:
            break
    return found


def _places(found):
    """(holder, key or index) of all fields; of long lists only the first and the last."""
    items = found.items() if isinstance(found, dict) else list(enumerate(found))
    if isinstance(found, list) and len(found) > 4:
        items = [items[0], items[-1]]
    for key, each in items:
        yield found, key
        if isinstance(each, (dict, list)):
            yield from _places(each)


def content(rng, sound):
    """Bytes with parts changed, cut off, repeated, or with numbers that are far too large."""
    found = bytearray(sound)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if not found:
            break
        # half of the changes to where the structure is: the beginning and the end
        edge = min(len(found), rng.choice([16, 100, 700]))
        at = rng.choice(
            [
                rng.randrange(edge),
                len(found) - 1 - rng.randrange(edge),
                rng.randrange(len(found)),
                rng.randrange(len(found)),
            ]
        )
        action = rng.randrange(8)
        if action == 0:
            found[at] = rng.randrange(256)
        elif action == 1:
            found[at] ^= 1 << rng.randrange(8)
        elif action == 2:
            del found[at:]
        elif action == 3:
            del found[at : at + rng.choice([1, 4, 64])]
        elif action == 4:
            found[at:at] = found[at : at + rng.choice([1, 16, 1000])] * rng.choice([1, 2, 50])
        elif action == 5:
            size = rng.choice([2, 4, 8])
            number = rng.choice([0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), 10**4, 10**9])
            number %= 2 ** (8 * size)
            found[at : at + size] = number.to_bytes(size, rng.choice(["little", "big"]))
        elif action == 6:
            found[at : at + 8] = bytes(8)
        else:
            found[at : at + 4] = bytes(rng.randrange(256) for _ in range(4))
    return bytes(found)


def text(rng, sound):
    """Text with words and lines changed."""
    lines = sound.splitlines()
    words = [
        "nan",
        "-inf",
        "1e400",
        "-1",
        "0",
        "1" * 41,
        "1" * 5000,
        "true",
        "'x'",
        '"\\u001b[2J"',
        "[]",
        "{}",
        "[[[]]]",
        "[" * 2000 + "]" * 2000,
        "1979-05-27",
        "{a = {b = {c = 1}}}",
        "[nan]",
        "[1, 'x']",
        "'" + "x" * 5000 + "'",
        "0x7fffffffffffffff",
        "99999999999999999999",
        "1e18",
    ]
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(lines))
        action = rng.random()
        if action < 0.6 and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + rng.choice(words)
        elif action < 0.7:
            del lines[at]
        elif action < 0.8:
            lines[at] = rng.choice(
                ["[training]", "[x.y.z]", "[[training]]", "a.b.c = 1", "= 3", "\x00"]
            )
        elif action < 0.9:
            name = rng.choice(
                ["cat.r_max", "rejector.gamma", "training.seed", "x", "", "rejector.kind"]
            )
            lines.append(f'"{name}" = {rng.choice(words)}')
        else:
            lines[at] = lines[at].replace(" = ", ".x = ", 1)
        if not lines:
            lines = [""]
    found = "\n".join(lines).encode()
    return content(rng, found) if rng.random() < 0.1 else found


def tensors(rng, sound):
    """Tensors with other shapes, types, names or values."""
    found = dict(sound)
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(sorted(found))
        tensor = found[name]
        action = rng.randrange(8)
        if action == 0:
            del found[name]
        elif action == 1:
            found[rng.choice(["network.x", "rejector.x", "\x1b", "x" * 3000])] = tensor.clone()
        elif action == 2:
            found[name] = torch.zeros((*tensor.shape, rng.choice([0, 1, 2])))
        elif action == 3:
            found[name] = tensor.flatten().clone()
        elif action == 4:
            found[name] = torch.full_like(tensor, float(rng.choice(["nan", "inf", "-inf", "6e4"])))
        elif action == 5:
            found[name] = tensor.to(
                rng.choice([torch.int8, torch.float64, torch.bool, torch.bfloat16])
            )
        elif action == 6:
            found[name] = torch.zeros(rng.choice([(0,), (0, 2**40), (1,), (), (2, 3, 4, 5)]))
        else:
            other = rng.choice(sorted(found))
            found[name], found[other] = found[other], tensor
    return {name: value.contiguous() for name, value in found.items()}


_STRINGS = [
    b"numpy.core.multiarray",
    b"scalar",
    b"_reconstruct",
    b"numpy",
    b"dtype",
    b"ndarray",
    b"f4",
    b"U9",
    b"os",
    b"system",
    b"latin1",
    b"QPSK",
    b"x" * 200,
]


def pickle_program(rng):
    """Instructions of pickles in any order, with arguments that fit."""
    steps = [b"\x80" + bytes([rng.randrange(6)])]
    codes = [each for each in pickletools.opcodes if each.name not in ("STOP", "PROTO")]
    known = [
        b"}",
        b"(",
        b")",
        b"\x85",
        b"\x86",
        b"\x87",
        b"u",
        b"s",
        b"R",
        b"b",
        b"t",
        b"\x94",
        b"h\x00",
        b"q\x00",
        b"N",
        b"K\x02",
        b"J" + struct.pack("<i", -2),
        b"cnumpy\ndtype\n",
        b"cnumpy\nndarray\n",
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"cnumpy.core.multiarray\nscalar\n",
        b"c_codecs\nencode\n",
    ]
    for _ in range(rng.choice([3, 10, 40, 400])):
        if rng.random() < 0.7:
            steps.append(rng.choice(known))
            continue
        code = rng.choice(codes)
        steps.append(code.code.encode("latin1") + _argument(rng, code))
    return b"".join([*steps, b"."])


def _argument(rng, code):
    if code.arg is None:
        return b""
    name, string = code.arg.name, rng.choice(_STRINGS)
    if name.endswith("nl_pair"):
        return string + b"\n" + rng.choice(_STRINGS) + b"\n"
    if "nl" in name:
        return rng.choice([string, b"1", b"1" * 5000, b"'x'", b"-1L", b"0x" + b"f" * 500]) + b"\n"
    size = {"1": 1, "2": 2, "4": 4, "8": 8}.get(name[-1], 1)
    if name.startswith(("string", "unicodestring", "bytes", "bytearray", "long")):
        length = len(string) if rng.random() < 0.8 else rng.randrange(2 ** min(8 * size, 40))
        return (length % 2 ** (8 * size)).to_bytes(size, "little") + string
    if name == "float8":
        return struct.pack(">d", rng.choice([0.0, 2.0, float("nan"), 1e300]))
    return rng.choice([0, 1, 2, 255, 2 ** (8 * size) - 1]).to_bytes(8, "little")[:size]


def graph(rng, sound):
    """An ONNX model with nodes, attributes, tensors and names changed."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.ModelProto()
    model.ParseFromString(sound)
    nodes = model.graph.node
    names = [each for node in nodes for each in (*node.input, *node.output)]
    for _ in range(rng.choice([1, 1, 2, 4])):
        if not nodes:
            break
        node = rng.choice(list(nodes))
        action = rng.randrange(9)
        if action == 0:
            node.op_type = rng.choice(sorted(each.name for each in onnx.defs.get_all_schemas()))
        elif action == 1 and node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice(names)
        elif action == 2 and node.output:
            node.output[rng.randrange(len(node.output))] = rng.choice(names)
        elif action == 3 and node.attribute:
            attribute = rng.choice(list(node.attribute))
            number = rng.choice([-1, 0, 1, 2**31, 2**62])
            attribute.i = number
            if attribute.ints:
                attribute.ints[rng.randrange(len(attribute.ints))] = number
        elif action == 4:
            nodes.remove(node)
        elif action == 5 and model.graph.initializer:
            tensor = rng.choice(list(model.graph.initializer))
            tensor.dims[:] = rng.choice([[2**40], [0], [], [-1], [1, 1, 1], [2**31, 2**31]])
        elif action == 6:
            import numpy as np

            shape = np.array(rng.choice([[10**4, 10**5], [2**20, 64], [0], [-1], [3]]), np.int64)
            model.graph.initializer.append(numpy_helper.from_array(shape, "bomb"))
            made = rng.choice(
                [
                    ("ConstantOfShape", ["bomb"]),
                    ("Expand", [node.output[0], "bomb"]),
                    ("Tile", [node.output[0], "bomb"]),
                    ("Reshape", [node.output[0], "bomb"]),
                ]
            )
            nodes.append(helper.make_node(*made, ["more"], "features/more"))
        elif action == 7:
            copied = helper.make_node(node.op_type, list(node.input), ["again"], node.name)
            nodes.insert(rng.randrange(len(nodes)), copied)
        else:
            sizes = rng.choice([*model.graph.input, *model.graph.output]).type.tensor_type.shape
            if sizes.dim:
                sizes.dim[rng.randrange(len(sizes.dim))].dim_value = rng.choice(
                    [0, 1, 7, 2**40, -1]
                )
    return model.SerializeToString()


def dumped(found):
    """JSON as bytes; numbers that are not finite as Python writes them."""
    return json.dumps(found).encode()
