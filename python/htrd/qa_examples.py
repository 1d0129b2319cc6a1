#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every flowgraph of examples/ compiles; those without hardware run, and do what they show."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import support_for_qa as support
import yaml
from gnuradio import gr_unittest
from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.data.formats import npz, sigmf_recording
from robust_amc.evaluation import Attack, SecurityCurve

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

# Play the person in front of the window, in a process of its own.
WATCH = """
import json, sys, time
from gnuradio import htrd
from PyQt5 import Qt

app = Qt.QApplication(sys.argv)

def wait(condition, told):
    end = time.monotonic() + 90
    while not condition():
        app.processEvents()
        time.sleep(0.02)
        assert time.monotonic() < end, told()

def probes_of(flowgraph, **settings):
    receivers = flowgraph.receiver_undefended, flowgraph.receiver_htrd
    probes = [htrd.decision_probe(**settings) for receiver in receivers]
    for receiver, probe in zip(receivers, probes):
        flowgraph.msg_connect(receiver, "batches", probe, "batches")
    return probes

def count(probes, frames):
    for probe in probes:
        probe.reset()
    summaries = lambda: [probe.summary() for probe in probes]
    wait(lambda: min(each["frames"] for each in summaries()) >= frames, summaries)
    return summaries()
"""
EAVESDROPPER = f"""{WATCH}
import eavesdropper

flowgraph = eavesdropper.eavesdropper()
probes = probes_of(flowgraph)
flowgraph.start()
flowgraph.show()
injectors = flowgraph.attack_on_undefended, flowgraph.attack_on_htrd
blocks = *injectors, flowgraph.curve

def points():
    return [{{point.pnr_db for point in each}} for each in flowgraph.curve.picture().points]

def see(level):
    wait(lambda: all(level in each for each in points()), points)

first, second = flowgraph.levels[:2]
wait(lambda: all(block.pnr_db() == second for block in blocks), points)  # the sweep leads
see(first)
flowgraph.set_sweep(False)
flowgraph.set_chosen_db(-25.0)
flowgraph.set_timing(5)
assert flowgraph.timing_htrd.dly() == flowgraph.timing_undefended.dly() == 8
flowgraph.set_carrier_hz(20.0)
see(-25.0)
assert [block.pnr_db() for block in blocks] == [-25.0] * 3
flowgraph.set_attack(False)
see(None)
result = count(probes, 120)
wait(lambda: all(panel.picture().latest for panel in
                 (flowgraph.panel_undefended, flowgraph.panel_htrd)), points)
flowgraph.stop()
flowgraph.wait()
print(json.dumps(result))
"""
# After a change so many frames may be as before: what the buffers hold.
MADE = """
from PyQt5 import Qt
import universal_attack
application = Qt.QApplication([])
flowgraph = universal_attack.universal_attack()
print("made", flush=True)
import os
os._exit(0)  # Qt's own end is not what is tested
"""

UNIVERSAL = f"""{WATCH}
import universal_attack

BUFFERS = 100
flowgraph = universal_attack.universal_attack()
flowgraph.set_pnr_db(12.0)
probes = probes_of(flowgraph, keep=True)
flowgraph.start()

def decided(frames):
    count(probes, frames)
    return [(each.frame_index.tolist(), each.modulation) for each in
            (probe.records() for probe in probes)]

def accuracy():
    return [each["accuracy"] for each in count(probes, 220)]

adders = flowgraph.against_undefended, flowgraph.against_htrd
assert [adder.enabled() for adder in adders] == [True, False]
result = {{"against undefended": accuracy()}}
flowgraph.set_made_against("htrd")
assert [adder.enabled() for adder in adders] == [False, True]
decided(BUFFERS)
result["against htrd"] = accuracy()
flowgraph.set_attack(False)
after = [[pair for pair in zip(*each)][BUFFERS:] for each in decided(BUFFERS + 200)]
clean = [dict(zip(*each)) for each in decided(700)]  # two passes and more: every frame
result["clean"] = accuracy()
result["as when clean"] = [
    sum(known[frame] == name for frame, name in each) / len(each)
    for each, known in zip(after, clean)
]
flowgraph.stop()
flowgraph.wait()
print(json.dumps(result))
"""
DISTRIBUTED = """
import json, sys, time
from PyQt5 import Qt
import distributed_classifier

app = Qt.QApplication(sys.argv)
flowgraph = distributed_classifier.distributed_classifier(address=sys.argv[1], publish=sys.argv[2])
flowgraph.start()
end = time.monotonic() + 40
while flowgraph.probe.summary()["frames"] < 200 and time.monotonic() < end:
    app.processEvents()
    time.sleep(0.02)
flowgraph.stop()
flowgraph.wait()
print(json.dumps(flowgraph.probe.summary() | flowgraph.classifier.status()))
"""
BAND_MONITOR = f"""{WATCH}
import band_monitor

flowgraph = band_monitor.band_monitor()
flowgraph.start()
flowgraph.show()

def signals():
    return flowgraph.monitor.picture().signals

def baud(name):
    return [each.symbol_rate for each in signals() if each.modulation == name]

wait(lambda: baud("QPSK") and baud("BPSK") and any(each.is_last for each in signals()), signals)
flowgraph.set_center_hz(100e6)
wait(lambda: signals() and abs(signals()[0].center_hz - 100e6) < 1e6, signals)
wait(lambda: baud("QPSK"), signals)
picture = flowgraph.monitor.widget.grab().toImage()
if len(sys.argv) > 1:
    flowgraph.grab().save(sys.argv[1])
flowgraph.stop()
flowgraph.wait()
print(json.dumps({{"qpsk": baud("QPSK"), "center": flowgraph.monitor.picture().center_hz,
                   "width": picture.width()}}))
"""
FRIENDLY = f"""{WATCH}
import friendly_receiver

flowgraph = friendly_receiver.friendly_receiver()
flowgraph.set_modulation("BPSK")
flowgraph.set_attack(False)
probe = htrd.decision_probe()
flowgraph.msg_connect(flowgraph.eavesdropper, "batches", probe, "batches")
flowgraph.start()
flowgraph.show()

def received(kind):
    return flowgraph.friend.status()[kind]

wait(lambda: received("clean")["bursts"] >= 4, flowgraph.friend.status)
flowgraph.set_attack(True)
wait(lambda: received("perturbed")["bursts"] >= 1, flowgraph.friend.status)
clean = probe.summary()
probe.reset()
before = received("perturbed")["bursts"]
wait(lambda: received("perturbed")["bursts"] >= before + 5, flowgraph.friend.status)
wait(lambda: probe.summary()["attacked"] >= 32, probe.summary)
wait(lambda: flowgraph.perturbed.startswith("BER 0 "), lambda: flowgraph.perturbed)
wait(lambda: "frames)" in flowgraph.decided, lambda: flowgraph.decided)
result = dict(clean=clean, attacked=probe.summary(), received=flowgraph.friend.status())
flowgraph.stop()
flowgraph.wait()
print(json.dumps(result))
"""
# What differs between the flowgraphs of one direction: the radio, and what belongs to it
RADIO = {
    "radio", "device", "device_args", "frequency", "gain_db", "if_gain_db", "correction_ppm",
    "interpolation", "decimation", "address", "speed", "to_8_bit", "from_8_bit", "clock",
    "channel", "floor_db", "offset_hz", "clock_ppm",
}  # fmt: skip
HARDWARE = {
    "transmit_hackrf": "driver=hackrf,serial=none",
    "transmit_usrp": "type=none",
    "receive_hackrf": "driver=hackrf,serial=none",
    "receive_usrp": "type=none",
    "receive_rtlsdr": "driver=rtlsdr,serial=none",
    "receive_osmosdr": "rtl=99",
}


def load_example(name):
    """A Python example as a module."""
    description = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


def free_address():
    """A ZMQ address on this host that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{found.getsockname()[1]}"


def blocks_of(path):
    """Blocks of a flowgraph file: {name: (id, parameters)}."""
    document = yaml.safe_load(path.read_text())
    return {each["name"]: (each["id"], each["parameters"]) for each in document["blocks"]}


def disabled(path):
    """Names of a flowgraph's blocks that are there to be enabled by its user."""
    blocks = yaml.safe_load(path.read_text())["blocks"]
    return {each["name"] for each in blocks if each["states"]["state"] == "disabled"}


def default_addresses():
    """Addresses of ZMQ and XML-RPC blocks as they are unless changed: (where, address)."""
    for path in sorted(EXAMPLES.glob("*.grc")):
        blocks = blocks_of(path)
        for name, (kind, parameters) in blocks.items():
            if kind.startswith(("zeromq_", "xmlrpc_")):
                address = parameters.get("address", parameters.get("addr", "none given"))
                if address in blocks:  # a parameter of the flowgraph
                    address = blocks[address][1]["value"]
                yield f"{path.name}: {name}", address
    for path in sorted((ROOT / "grc").glob("*.yml")):
        for parameter in yaml.safe_load(path.read_text())["parameters"]:
            default = str(parameter.get("default", ""))
            if "addr" in parameter["id"] or "://" in default:
                yield f"{path.name}: {parameter['id']}", default


def needs_osmosdr(path):
    """Whether a flowgraph has a block of gr-osmosdr, which is a package of its own."""
    return any(kind.startswith("osmosdr") for kind, _ in blocks_of(path).values())


class QaExamples(gr_unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """All flowgraphs are compiled by one process: most of its time goes before the first."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=folder.name,
                               XDG_RUNTIME_DIR=folder.name)
        cls.environment.setdefault("GRC_BLOCKS_PATH", str(ROOT / "grc"))
        has_osmosdr = importlib.util.find_spec("osmosdr") is not None
        cls.flowgraphs = [path for path in sorted(EXAMPLES.glob("*.grc"))
                          if has_osmosdr or not needs_osmosdr(path)]
        done = subprocess.run(
            ["grcc", "-o", cls.folder, *cls.flowgraphs], env=cls.environment,
            capture_output=True, text=True, timeout=600, check=False,
        )
        for path in EXAMPLES.glob("universal_*.cf32"):  # flowgraphs read them from there
            (cls.folder / path.name).write_bytes(path.read_bytes())
        cls.compiling = done.returncode, done.stdout + done.stderr

    def compiled(self, name):
        """The program of a flowgraph; the test is skipped where it needs what is not there."""
        if EXAMPLES / f"{name}.grc" not in self.flowgraphs:
            self.skipTest("gr-osmosdr is not installed")
        return self.folder / f"{name}.py"

    def run_python(self, *arguments, timeout=300, folder=None, **environment):
        """Run Python where the compiled flowgraphs are, or in a folder; the ended process."""
        return subprocess.run([sys.executable, *arguments], env=self.environment | environment,
                              cwd=folder or self.folder, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def result(self, done):
        """The JSON document that a process printed last."""
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_every_flowgraph_compiles(self):
        """Without an error, and every block of a file is in its program."""
        status, output = self.compiling
        self.assertEqual(status, 0, output)
        self.assertNotIn("rror", output)
        for path in sorted(EXAMPLES.glob("*.grc")):
            with self.subTest(path.name):
                program = self.compiled(path.stem).read_text()
                # GRC leaves out what it does not know, without a word
                unnamed = ("import", "note")
                missing = [name for name, (kind, _) in blocks_of(path).items()
                           if kind not in unnamed and name not in program
                           and name not in disabled(path)]
                self.assertEqual(missing, [])

    def test_every_example_is_listed(self):
        listed = (EXAMPLES / "README.md").read_text()
        for path in sorted(EXAMPLES.glob("*.*")):
            self.assertTrue(path.name in listed or path.name == "README.md", path.name)

    def test_flowgraphs_of_a_direction_are_alike(self):
        for direction, count in (("transmit", 3), ("receive", 5)):
            alike = [{name: block for name, block in blocks_of(path).items() if name not in RADIO}
                     for path in sorted(EXAMPLES.glob(f"{direction}_*.grc"))]
            self.assertEqual(len(alike), count)
            for each in alike[1:]:
                self.assertEqual(each, alike[0])

    def test_transmitters_start_silent(self):
        for path in EXAMPLES.glob("transmit_*.grc"):
            with self.subTest(path.name):
                blocks = blocks_of(path)
                self.assertEqual(blocks["signal_on"][1]["value"], "False")
                self.assertEqual(blocks["mute"][1]["const"], "1.0 if signal_on else 0.0")

    def test_only_this_host_hears_and_is_heard(self):
        found = dict(default_addresses())
        self.assertGreaterEqual(len(found), 13)
        for place, address in found.items():
            with self.subTest(place):
                self.assertIn("127.0.0.1", address)

    def test_band_monitor(self):
        """It says what is in its band, and goes on where it is tuned."""
        self.compiled("band_monitor")
        found = self.result(self.run_python("-c", BAND_MONITOR))
        for rate in found["qpsk"]:
            self.assertAlmostEqual(rate, 1e6 / 16, delta=200)
        self.assertEqual(found["center"], 100e6)

    def test_friendly_receiver(self):
        """The eavesdropper is fooled, and no bit of what was sent is lost."""
        self.compiled("friendly_receiver")
        found = self.result(self.run_python("-c", FRIENDLY))
        for kind, least in (("clean", 4), ("perturbed", 6)):
            own = found["received"][kind]
            self.assertGreaterEqual(own["bursts"], least)
            self.assertEqual((own["bits"], own["bit_errors"]), (120 * own["bursts"], 0))
            self.assertEqual(own["checksums_passed"], own["bursts"])
        self.assertGreater(found["clean"]["accuracy"], 0.6)
        self.assertLess(found["attacked"]["robust_accuracy"], 0.3)

    def test_without_a_device(self):
        for name, looked_for in HARDWARE.items():
            with self.subTest(name):
                program = self.compiled(name)
                arguments = looked_for.removeprefix("driver=hackrf,").removeprefix("driver=rtlsdr,")
                done = self.run_python(program, "--device-args", arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotIn("Traceback", done.stderr)
                (line,) = [line for line in done.stderr.splitlines() if "no device" in line]
                self.assertIn(f"looked for {looked_for}", line.replace("a USRP with ", ""))

    def test_from_another_folder(self):
        """Files beside the flowgraph are found; one that is missing is told in a line."""
        path = os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")])
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_python("-c", MADE, folder=folder, PYTHONPATH=path)
            self.assertEqual((done.returncode, done.stdout), (0, "made\n"), done.stderr)
            done = self.run_python(self.compiled("transmit_loopback"), folder=folder)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("there is no transmission.npz", done.stderr)

    def test_universal_attack_runs(self):
        accuracy = self.result(self.run_python("-c", UNIVERSAL))
        for number in range(2):
            self.assertGreater(accuracy["clean"][number], 0.55)
            for wave in ("against undefended", "against htrd"):
                self.assertLess(accuracy[wave][number], accuracy["clean"][number] - 0.2)
            self.assertGreater(accuracy["as when clean"][number], 0.95)

    def test_distributed(self):
        frames, decisions = free_address(), free_address()
        radio = subprocess.Popen([sys.executable, "distributed_radio.py", "--address", frames],
                                 env=self.environment, cwd=self.folder, stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            counts = self.result(self.run_python("-c", DISTRIBUTED, frames, decisions))
        finally:
            radio.kill()
            radio.communicate()
        self.assertGreaterEqual(counts["frames"], 200)
        self.assertEqual(counts["with_truth"], counts["frames"])
        self.assertEqual(counts["accepted"],
                         counts["decided"] + counts["dropped"] + counts["discarded"])

    def test_annotated_recording(self):
        source, output = self.folder / "in.sigmf-meta", self.folder / "out.sigmf-meta"
        sent = data.read(support.dataset()).select(snr_db=10)
        sigmf_recording.write(sent, source)
        done = self.run_python(EXAMPLES / "annotate_recording.py", source, output,
                               "--model", support.model("plain"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(output.with_suffix(".sigmf-data").read_bytes(),
                         source.with_suffix(".sigmf-data").read_bytes())
        document = json.loads(output.read_text())
        decided = [each for each in document["annotations"] if "htrd:model" in each]
        self.assertEqual(sum(each["htrd:frames"] for each in decided), len(sent))
        model = Classifier.load(support.model("plain"))
        expected = model.decide(sent.iq.astype(np.float32), model.scaling).label
        found = np.full(len(sent), -1)
        for each in decided:
            first, count = (each[f"core:sample_{what}"] // 128 for what in ("start", "count"))
            found[first : first + count] = model.classes.index(each["core:label"])
        np.testing.assert_array_equal(found, expected)

    def test_eavesdropper_runs(self):
        undefended, defended = self.result(self.run_python("-c", EAVESDROPPER))
        self.assertEqual(undefended["rejected"], 0)
        self.assertEqual(undefended["frames"], undefended["with_truth"])
        self.assertGreater(defended["accuracy"], 0.3)

    def test_misalignment(self):
        """Clean frames are decided as without a flowgraph; PGD hurts, and less when it is late."""
        frames = data.read(support.dataset()).select(snr_db=10)
        frames = frames.subset(np.argsort(frames.label, kind="stable"))
        npz.write(frames, self.folder / "frames.npz")
        example = load_example("misalignment")
        names = "none", "timing 64 samples", "AGC 0.001"
        with mock.patch.multiple(
            example, MODELS=[support.model("plain")],
            IMPAIRMENTS={name: example.IMPAIRMENTS[name] for name in names},
        ):
            example.measure(str(self.folder / "frames.npz"), self.folder / "new.json",
                            EXAMPLES / "universal_undefended.cf32", pgd_pnr=0.0, universal_pnr=0.0)
        rows = json.loads((self.folder / "new.json").read_text())["rows"]
        self.assertEqual(len(rows), 9)
        found = {(row["impairment"], row["attack"]): row["accuracy"] for row in rows}
        model = Classifier.load(support.model("plain"))
        right = model.decide(frames.iq.astype(np.float32), model.scaling).label == frames.label
        label = frames.label
        inside = (label[2:] == label[1:-1]) & (label[1:-1] == label[:-2])
        self.assertAlmostEqual(found["none", "none"], right[1:-1][inside].mean())
        self.assertAlmostEqual(found["AGC 0.001", "none"], found["none", "none"], delta=0.15)
        self.assertLess(found["none", "pgd"], found["none", "none"] - 0.2)
        self.assertGreater(found["timing 64 samples", "pgd"], found["none", "pgd"])

    def test_demo(self):
        example = load_example("eavesdropper_demo")
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
