#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every flowgraph of examples/ compiles; those without hardware run, and do what they show."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import support_for_qa as support
from gnuradio import gr_unittest
from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.evaluation import Attack, SecurityCurve

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

# Plays the person in front of the window; runs in a process of its own.
EAVESDROPPER = """
import json, sys, time
from PyQt5 import Qt
import eavesdropper

app = Qt.QApplication(sys.argv)
flowgraph = eavesdropper.eavesdropper()
flowgraph.start()
flowgraph.show()
probes = flowgraph.probe_undefended, flowgraph.probe_htrd
gauges = flowgraph.accuracy_undefended, flowgraph.accuracy_htrd

def wait(condition):
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.02)
    assert condition(), [probe.summary() for probe in probes]

wait(lambda: all(probe.summary()["attacked"] > 60 for probe in probes))
flowgraph.set_pnr_db(-25.0)
injectors = flowgraph.attack_on_undefended, flowgraph.attack_on_htrd
assert [injector.pnr_db() for injector in injectors] == [-25.0, -25.0]
flowgraph.set_attack(False)
for probe in probes:
    probe.reset()
wait(lambda: all(s["frames"] > s["attacked"] + 60 for s in (p.summary() for p in probes)))
wait(lambda: all(gauge.numberControl.value() > 0 for gauge in gauges))
flowgraph.stop()
flowgraph.wait()
print(json.dumps([probe.summary() for probe in probes]))
"""


class QaExamples(gr_unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=folder.name,
                                XDG_RUNTIME_DIR=folder.name)
        self.environment.setdefault("GRC_BLOCKS_PATH", str(ROOT / "grc"))

    def compile(self, path):
        done = subprocess.run(
            ["grcc", "-o", self.folder, path], env=self.environment, capture_output=True,
            text=True, timeout=60, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("rror", done.stdout + done.stderr)

    def test_every_flowgraph_compiles(self):
        flowgraphs = sorted(EXAMPLES.glob("*.grc"))
        self.assertIn("eavesdropper.grc", [path.name for path in flowgraphs])
        for path in flowgraphs:
            with self.subTest(path.name):
                self.compile(path)

    def test_every_example_is_listed(self):
        listed = (EXAMPLES / "README.md").read_text()
        for path in sorted([*EXAMPLES.glob("*.grc"), *EXAMPLES.glob("*.py")]):
            self.assertIn(path.name, listed)

    def test_eavesdropper_runs(self):
        self.compile(EXAMPLES / "eavesdropper.grc")
        done = subprocess.run(
            [sys.executable, "-c", EAVESDROPPER], env=self.environment, cwd=self.folder,
            capture_output=True, text=True, timeout=100, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        undefended, defended = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(undefended["rejected"], 0)
        self.assertEqual(undefended["frames"], undefended["with_truth"])
        self.assertGreater(defended["accuracy"], 0.3)

    def test_demo(self):
        description = importlib.util.spec_from_file_location(
            "eavesdropper_demo", EXAMPLES / "eavesdropper_demo.py")
        example = importlib.util.module_from_spec(description)
        description.loader.exec_module(example)
        models = [Classifier.load(support.model(name)) for name in ("plain", "rejecting")]
        frames = data.read(support.dataset()).select(snr_db=10)
        with mock.patch.multiple(
            example, DATASET=support.dataset(), PNR_DB=(None, -25.0),
            MODELS=[support.model(model.name) for model in models],
        ):
            example.demo(self.folder / "new" / "results")
        results = self.folder / "new" / "results"
        self.assertEqual({path.name for path in results.iterdir()}, {"demo.json", "demo.png"})
        rows = json.loads((results / "demo.json").read_text())["rows"]
        self.assertEqual([(row["model"], row["pnr_db"]) for row in rows],
                         [("plain", None), ("plain", -25), ("rejecting", None), ("rejecting", -25)])
        for model, benign, attacked in zip(models, rows[::2], rows[1::2], strict=True):
            reference, result = SecurityCurve(model, frames, Attack.NONE).point()
            self.assertEqual(set(benign), set(reference))
            for name, value in result.summary().items():
                self.assertAlmostEqual(benign[name], value, places=12)
            self.assertEqual(attacked["frames"], len(frames))
            self.assertLess(attacked["robust_accuracy"], benign["accuracy"])
            self.assertLessEqual(attacked["attacked_accuracy"], attacked["robust_accuracy"])
            # Perturbed frames at PNR -25 dB and SNR 10 dB, at full budget or less
            self.assertLess(attacked["psr_db"], -25 - 10 * np.log10(11) + 1e-3)


if __name__ == "__main__":
    gr_unittest.run(QaExamples)
