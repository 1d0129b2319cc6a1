#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every GRC description against its block: names, parameters, ports, callbacks, documentation."""

import inspect
import re
from pathlib import Path

import pmt
import support_for_qa as support
import yaml
from gnuradio import gr_unittest, htrd

# What a class needs at least to be constructed here
EXAMPLES = {
    "dataset_source": lambda: {"dataset": support.dataset()},
    "pgd_injector": lambda: {"model": support.model("rejecting")},
    "classifier": lambda: {"model": support.model("rejecting"), "num_classes": 3},
}
OURS = re.compile(r"^htrd_(\w+)\.block\.yml$")


class QaGrcYaml(gr_unittest.TestCase):
    def setUp(self):
        folder = Path(__file__).resolve().parents[2] / "grc"
        self.blocks = {}
        for path in sorted(folder.glob("*.yml")):
            self.assertRegex(path.name, OURS)
            name = OURS.match(path.name)[1]
            self.blocks[name] = (getattr(htrd, name), yaml.safe_load(path.read_text()))

    def each(self):
        """Name, class and description of each block written in Python."""
        for name, (block, described) in self.blocks.items():
            if inspect.isclass(block) and inspect.isfunction(block.__init__):
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
            wanted = dict(inspect.signature(block.__init__).parameters)
            del wanted["self"]
            given = {parameter["id"]: parameter for parameter in described["parameters"]}
            self.assertEqual(list(given), list(wanted), name)
            make = described["templates"]["make"]
            self.assertTrue(make.startswith(f"htrd.{name}("))
            self.assertEqual(re.findall(r"(\w+)='?\$\{(\w+)\}'?", make), [(n, n) for n in wanted])
            for parameter in given.values():
                self.check_default(parameter, wanted[parameter["id"]].default)

    def check_default(self, parameter, default):
        self.assertTrue(parameter["label"])
        if default is inspect.Parameter.empty:
            return
        shown = str(parameter["default"])
        if isinstance(default, str):
            self.assertEqual(shown, default)
        elif isinstance(default, tuple):
            self.assertEqual(shown, "[]")
        elif isinstance(default, float):
            self.assertEqual(float(shown), default)
        else:
            self.assertEqual(shown, str(default))
        if parameter["dtype"] == "enum":
            self.assertEqual(len(parameter["options"]), len(parameter["option_labels"]))
            self.assertIn(default, parameter["options"])

    def test_a_callback_for_each_setter(self):
        for name, block, described in self.each():
            setters = {n for n, _ in inspect.getmembers(block, inspect.isfunction)
                       if n.startswith("set_")}
            setters -= {"set_msg_handler"}
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
                signature = made.in_sig() if direction == "inputs" else made.out_sig()
                streams = [port for port in listed if port["domain"] == "stream"]
                self.assertEqual(len(streams), len(list(signature)))
                for port, dtype in zip(streams, signature, strict=True):
                    scalar = {"complex": "complex64", "float": "float32", "short": "int16"}
                    self.assertEqual(dtype.base.name, scalar[port["dtype"]])
                    self.assertEqual(bool(dtype.shape), "vlen" in port)

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


if __name__ == "__main__":
    gr_unittest.run(QaGrcYaml)
