#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every GRC description against its block: names, parameters, ports, callbacks, documentation."""

import ast
import importlib.util
import inspect
import os
import re
import subprocess
import tempfile
from operator import attrgetter
from pathlib import Path

import pmt
import support_for_qa as support
import yaml
from gnuradio import gr_unittest, htrd
from gnuradio.htrd.python_classifier import python_classifier
from PyQt5 import QtWidgets

# What a class needs at least to be constructed here
EXAMPLES = {
    "dataset_source": lambda: {"dataset": support.dataset()},
    "pgd_injector": lambda: {"model": support.model("rejecting")},
    "stream_injector": lambda: {"model": support.model("rejecting")},
    "classifier": lambda: {"model": support.model("rejecting"), "num_classes": 3},
    "perturbation_adder": lambda: {"waveform": [1]},
}
# What functions make
MADE = {"classifier": python_classifier}
# Bytes of a single value
SIZES = {"complex": 8, "float": 4, "short": 2}
APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])
OURS = re.compile(r"^htrd_(\w+)\.block\.yml$")


def block(name, identifier, **parameters):
    """A block of a flowgraph file."""
    return {"name": name, "id": identifier, "parameters": parameters,
            "states": {"coordinate": [0, 0], "rotation": 0, "state": "enabled"}}


# Both stream blocks, with their defaults but for what they need, and setters for two variables
FLOWGRAPH = {
    "options": {"parameters": {"id": "stream_blocks", "generate_options": "no_gui"},
                "states": {"coordinate": [0, 0], "rotation": 0, "state": "enabled"}},
    "blocks": [
        block("samp_rate", "variable", value="1e6"),
        block("hop", "variable", value="0"),
        block("psr_db", "variable", value="-20"),
        block("source", "analog_const_source_x", type="complex", const="1"),
        block("head", "blocks_head", type="complex", num_items="10000"),
        block("adder", "htrd_perturbation_adder", waveform="[1, 1j]", mode="psr",
              psr_db="psr_db"),
        block("sampler", "htrd_frame_sampler", hop="hop"),
        block("sink", "blocks_null_sink", type="complex", vlen="128"),
    ],
    "connections": [["source", "0", "head", "0"], ["head", "0", "adder", "0"],
                    ["adder", "0", "sampler", "0"], ["sampler", "0", "sink", "0"]],
    "metadata": {"file_format": 1},
}


def parameters(block):
    """Names and defaults of the constructor's parameters, EMPTY where there is none."""
    if not inspect.isclass(block):
        signature = inspect.signature(block).parameters
        return {name: parameter.default for name, parameter in signature.items()}
    if not hasattr(block.__init__, "__wrapped__"):
        wanted = dict(inspect.signature(block.__init__).parameters)
        del wanted["self"]
        return {name: parameter.default for name, parameter in wanted.items()}
    # Of a C++ block the binding's docstring says them: __init__(self: ..., name: type = default)
    (text,) = re.findall(r"^__init__\(self: [\w.]+, (.*)\) -> None", block.__init__.__doc__)
    found = re.findall(r"(\w+): [\w.\[\]]+ = (\[\]|[^,]+)", text)
    return {name: python_value(default) for name, default in found}


def python_value(text):
    """What a docstring of pybind11 means; a member of an enumeration is its name."""
    if member := re.fullmatch(r"<\w+\.(\w+): \d+>", text):
        return member[1].lower()
    return float(text) if "inf" in text else ast.literal_eval(text)


def setters_of(made):
    """Names of the setters of a block's class, with those of what it shares with others."""
    ours = [each for each in made.__mro__ if each.__module__.startswith("gnuradio.htrd.")]
    return {name for each in ours for name in vars(each) if name.startswith("set_")}


def item_sizes(made, direction):
    """Size in bytes of an item of each stream port of a block."""
    if hasattr(made, "in_sig"):
        signature = made.in_sig() if direction == "inputs" else made.out_sig()
        return [dtype.itemsize for dtype in signature]
    signature = made.input_signature() if direction == "inputs" else made.output_signature()
    return [signature.sizeof_stream_item(port) for port in range(signature.max_streams())]


class QaGrcYaml(gr_unittest.TestCase):
    def setUp(self):
        folder = Path(__file__).resolve().parents[2] / "grc"
        self.blocks = {}
        for path in sorted(folder.glob("*.yml")):
            self.assertRegex(path.name, OURS)
            name = OURS.match(path.name)[1]
            self.blocks[name] = (getattr(htrd, name), yaml.safe_load(path.read_text()))

    def each(self):
        """Name, class or function, and description of each block."""
        for name, (block, described) in self.blocks.items():
            if callable(block):
                yield name, block, described

    def test_every_block_is_described(self):
        exported = {
            name for name, thing in vars(htrd).items()
            if inspect.isclass(thing) and thing.__module__.startswith("gnuradio.htrd.")
            and hasattr(thing, "to_basic_block")
        }
        self.assertLessEqual(exported, set(self.blocks))
        self.assertLessEqual(set(EXAMPLES), set(self.blocks))

    def test_names(self):
        for name, _, described in self.each():
            self.assertEqual(described["id"], f"htrd_{name}")
            self.assertEqual(described["category"], "[HTRD]")
            self.assertEqual(described["file_format"], 1)
            self.assertTrue(described["label"])

    def test_parameters_and_defaults(self):
        for name, block, described in self.each():
            wanted = parameters(block)
            given = {parameter["id"]: parameter for parameter in described["parameters"]
                     if parameter["dtype"] != "gui_hint"}  # GRC's own business
            self.assertEqual(list(given), list(wanted), name)
            make = described["templates"]["make"]
            self.assertIn(f"htrd.{name}(", make)
            self.assertEqual(
                re.findall(r"(\w+)='?\$\{(\w+)(?:\.member)?\}'?", make), [(n, n) for n in wanted]
            )
            for parameter in given.values():
                self.check_default(parameter, wanted[parameter["id"]])

    def check_default(self, parameter, default):
        self.assertTrue(parameter["label"])
        if default is inspect.Parameter.empty:
            return
        shown = str(parameter["default"])
        if shown == "samp_rate":  # the variable of every new flowgraph
            self.assertIn(parameter["id"], (shown, "sample_rate"))
        elif isinstance(default, str):
            self.assertEqual(shown, default)
        elif isinstance(default, (tuple, list)):
            self.assertEqual(ast.literal_eval(shown), list(default))
        elif isinstance(default, float):
            self.assertEqual(float(shown.removeprefix("float('").removesuffix("')")), default)
        else:
            self.assertEqual(shown, str(default))
        if parameter["dtype"] == "enum":
            self.assertEqual(len(parameter["options"]), len(parameter["option_labels"]))
            self.assertIn(default, parameter["options"])
            members = parameter.get("option_attributes", {}).get("member", [])
            for option, member in zip(parameter["options"], members, strict=bool(members)):
                found = attrgetter(member.removeprefix("htrd."))(htrd)
                self.assertEqual(found.name, option.upper())

    def test_a_callback_for_each_setter(self):
        for name, block, described in self.each():
            made = block if inspect.isclass(block) else MADE[name]
            setters = setters_of(made)
            callbacks = described["templates"].get("callbacks", [])
            self.assertEqual(
                sorted(callbacks),
                sorted(f"{n}(${{{n.removeprefix('set_')}}})" for n in setters),
                name,
            )

    def test_ports(self):
        for name, block, described in self.each():
            made = block(**EXAMPLES.get(name, dict)())
            for direction, ports in (("inputs", made.message_ports_in()),
                                     ("outputs", made.message_ports_out())):
                actual = {pmt.symbol_to_string(pmt.vector_ref(ports, n))
                          for n in range(pmt.length(ports))}
                listed = described.get(direction, [])
                messages = {port["id"] for port in listed if port["domain"] == "message"}
                self.assertEqual(messages, actual - {"system"})
                streams = [port for port in listed if port["domain"] == "stream"]
                for port, size in zip(streams, item_sizes(made, direction), strict=True):
                    length, rest = divmod(size, SIZES[port["dtype"]])
                    self.assertEqual(rest, 0)
                    self.assertEqual(length > 1, "vlen" in port)

    def test_documentation(self):
        for name, _, described in self.each():
            text = described["documentation"]
            for heading in ("Input", "Output", "Parameters", "Messages"):
                if heading != "Input" or described.get("inputs"):
                    self.assertIn(f"\n{heading}\n", text, name)
            for parameter in described["parameters"]:
                label = re.sub(r" \(.*\)", "", parameter["label"])
                self.assertIn(f"\n{label}: ", text)
            for port in described.get("inputs", []) + described.get("outputs", []):
                self.assertIn(port.get("label", port.get("id")), text)


    def test_the_stream_blocks_in_a_flowgraph(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "stream_blocks.grc")
            path.write_text(yaml.safe_dump(FLOWGRAPH))
            done = subprocess.run(
                ["grcc", "-o", folder, path], env={**os.environ, "HOME": folder},
                capture_output=True, text=True, timeout=300, check=False,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            found = importlib.util.spec_from_file_location(path.stem, path.with_suffix(".py"))
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
            made = module.stream_blocks()
        made.set_hop(64)
        made.set_psr_db(-7.0)
        self.assertEqual((made.sampler.hop(), made.adder.psr_db()), (64, -7.0))
        support.run(made)
        self.assertEqual(made.sampler.delivered(), (10_000 - 128) // 64 + 1)
        self.assertAlmostEqual(made.adder.achieved_psr_db(), -7.0, 4)


if __name__ == "__main__":
    gr_unittest.run(QaGrcYaml)
