#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The over-the-air flowgraphs against each other without radios, and behind real drivers."""

import contextlib
import importlib.util
import os
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from gnuradio import gr_unittest
from gnuradio.htrd.rml2016.generator import generate
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.frames import to_complex
from scipy.signal import resample_poly

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CLASSES = ("BPSK", "GFSK")  # both shipped models know most of their frames
FRAME_LENGTH = 4096
RADIO_RATE = 1_000_000
LO_OFFSET = 250e3
PATIENCE = 120  # seconds


def example(name):
    """A program of the examples as a module."""
    with mock.patch.object(sys, "path", [str(EXAMPLES), *sys.path]):
        return importlib.import_module(name)


def free_ports(count):
    """TCP ports of this host that nobody uses."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(condition):
    """What `condition` returns as soon as it is true; AssertionError when it takes too long."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{condition} did not come true")
        time.sleep(0.3)
    return found


class RtlTcpServer:
    """A device behind the rtl_tcp protocol: unsigned 8-bit samples out, 5-byte commands in."""

    def __init__(self, samples):
        """`samples`: complex, full scale 1, played again and again."""
        eight_bits = np.clip(np.round(samples.view(np.float32) * 127.5 + 127.5), 0, 255)
        self._bytes = eight_bits.astype(np.uint8).tobytes()
        self.commands = {}
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                self._stream(self._listening.accept()[0])

    def _stream(self, client):
        """One client at a time, as the original; the flowgraph looks for the device first."""
        with client, contextlib.suppress(OSError):
            client.sendall(struct.pack(">4sII", b"RTL0", 5, 29))  # an R820T with 29 gains
            threading.Thread(target=self._obey, args=[client], daemon=True).start()
            piece = RADIO_RATE * 2 // 20
            for start in range(0, 1 << 40, piece):
                at = start % (len(self._bytes) - piece)
                client.sendall(self._bytes[at : at + piece])
                time.sleep(1 / 20)

    def _obey(self, client):
        """Keep the latest value of each command."""
        with contextlib.suppress(OSError), client.makefile("rb") as file:
            while len(command := file.read(5)) == 5:
                number, value = struct.unpack(">BI", command)
                self.commands[number] = value

    def close(self):
        """No more clients."""
        self._listening.close()


class QaRehearsal(gr_unittest.TestCase):
    waveform = ("--waveform", str(EXAMPLES / "universal_undefended.cf32"))

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.place = Path(cls.folder.name)
        cls.sent = generate(CLASSES, (60,), jobs=1, frames_per_key=10, seed=3,
                            frame_length=FRAME_LENGTH)
        npz.write(cls.sent, cls.place / "transmission.npz")
        for module in ("flowgraph_process", "measure_over_the_air"):
            setattr(cls, module, example(module))
        environment = {"QT_QPA_PLATFORM": "offscreen", "HOME": cls.folder.name,
                       "XDG_RUNTIME_DIR": cls.folder.name}
        patch = mock.patch.dict(os.environ, environment)
        patch.start()
        cls.addClassCleanup(patch.stop)

    def flowgraph(self, name, *arguments, port=None):
        """A flowgraph process of an example."""
        path = EXAMPLES / f"{name}.grc"
        port = port or free_ports(1)[0]
        return self.flowgraph_process.FlowgraphProcess(path, self.place, port, arguments)

    def test_two_processes_over_loopback(self):
        """Accuracy far above chance, lower under the perturbation, and no frame is lost."""
        (air,) = free_ports(1)
        address = ["--address", f"tcp://127.0.0.1:{air}"]
        sent = ["--dataset", str(self.place / "transmission.npz"),
                *self.waveform, "--frame-length", str(FRAME_LENGTH)]
        with self.flowgraph("receive_loopback", *address) as receiver:
            receiver.set({"offset_hz": 30.0, "clock_ppm": 10.0, "floor_db": -33.0})
            for name in CLASSES:
                with self.flowgraph("transmit_loopback", *address, *sent,
                                    "--modulation", name) as transmitter:
                    link = self.measure_over_the_air.Link(transmitter, receiver, name)
                    self.assertAlmostEqual(link.snr_db, 20, delta=2)
                    clean, psr_db = link.point(None, 150)
                    attacked, psr_db = link.point(14.0, 150)
                self.assertAlmostEqual(psr_db, 14 - link.snr_db, delta=0.3)
                self.check(name, clean, attacked)
            self.check_counts(receiver)

    def check(self, name, clean, attacked):
        for model in self.measure_over_the_air.MODELS:
            for counts in (clean[model], attacked[model]):
                self.assertEqual(counts["frames"], counts["with_truth"])
                self.assertGreaterEqual(counts["frames"], 150)
                self.assertLessEqual(counts["correct"] + counts["rejected"], counts["frames"])
            accuracy, under_attack = (
                counts[model]["correct"] / counts[model]["frames"] for counts in (clean, attacked))
            self.assertGreater(accuracy, 0.7, (name, model))
            self.assertLess(under_attack, accuracy - 0.3, (name, model))

    def check_counts(self, receiver):
        """When nothing is sent any more, each frame has been decided once, or dropped and counted.

        A busy machine drops some, and takes its time for the rest.
        """
        models = self.measure_over_the_air.MODELS

        def totals():
            delivered = receiver.poll("get_delivered")
            counts = [receiver.poll(f"get_status_{model}") for model in models]
            seen = [receiver.poll(f"get_summary_{model}")["frames"] for model in models]
            return delivered, counts, seen

        last, changed = totals(), time.monotonic()
        while time.monotonic() < changed + PATIENCE:
            time.sleep(0.3)
            found = totals()
            delivered, counts, seen = found
            if found == last and [each["accepted"] for each in counts] == [delivered] * 2:
                left = [each["accepted"] - each["dropped"] - each["discarded"] for each in counts]
                if seen == left:
                    return
            if found != last:
                last, changed = found, time.monotonic()
        self.fail(f"delivered, counted and seen: {last}")

    def test_rows_are_the_counts(self):
        counts = {model: {"frames": 10, "with_truth": 10, "rejected": 2, "correct": 5}
                  for model in self.measure_over_the_air.MODELS}
        points = [("BPSK", 20.0, None, counts, None), ("BPSK", 20.0, 5.0, counts, -15.0),
                  ("GFSK", 22.0, None, counts, None), ("GFSK", 22.0, 5.0, counts, -17.0)]
        benign, attacked, *_ = self.measure_over_the_air.rows(points)
        self.assertEqual((benign["frames"], benign["snr_db"], benign["psr_db"]), (20, 21.0, None))
        self.assertAlmostEqual(benign["accuracy"], 0.5)
        self.assertAlmostEqual(benign["accepted_accuracy"], 10 / 16)
        self.assertAlmostEqual(benign["robust_accuracy"], 0.5)
        self.assertAlmostEqual(attacked["robust_accuracy"], 0.7)
        self.assertAlmostEqual(attacked["rejection_rate"], 0.2)
        self.assertEqual((attacked["pnr_db"], attacked["psr_db"]), (5.0, -16.0))

    def test_a_flowgraph_that_cannot_start_says_why(self):
        with (self.assertRaisesRegex(UserError, "transmit_loopback: .*nowhere.npz"),
              self.flowgraph("transmit_loopback", "--dataset", "nowhere.npz", *self.waveform)):
            pass

    def radio_samples(self, name):
        """What is sent of a class at the radio's rate, beside the radio's own carrier."""
        frames = to_complex(self.sent.iq[self.sent.label == CLASSES.index(name)])
        samples = resample_poly(frames.ravel(), RADIO_RATE // 200_000, 1)
        samples *= 0.3 / np.abs(samples).mean()
        shift = np.exp(2j * np.pi * LO_OFFSET / RADIO_RATE * np.arange(len(samples)))
        return (samples * shift).astype(np.complex64)

    def heard_through_osmosdr(self, device_args, name):
        """Share of the correct frames behind a driver of gr-osmosdr."""
        if importlib.util.find_spec("osmosdr") is None:
            raise unittest.SkipTest("gr-osmosdr is not installed")
        with self.flowgraph("receive_osmosdr", "--device-args", device_args) as receiver:
            receiver.call("set_truth", name)
            before = wait_for(lambda: receiver.poll("get_summary_undefended"))
            wait_for(lambda: receiver.poll("get_summary_undefended")["with_truth"]
                     > before["with_truth"] + 200)
            after = receiver.poll("get_summary_undefended")
        frames = after["with_truth"] - before["with_truth"]
        return (after["correct"] - before["correct"]) / frames

    def test_file_driver(self):
        path = self.place / "recording.cf32"
        self.radio_samples("BPSK").tofile(path)
        device = f"file={path},rate={RADIO_RATE},repeat=true,throttle=true"
        self.assertGreater(self.heard_through_osmosdr(device, "BPSK"), 0.7)

    def test_rtl_tcp_driver(self):
        server = RtlTcpServer(self.radio_samples("GFSK"))
        self.addCleanup(server.close)
        device = f"rtl_tcp=127.0.0.1:{server.port}"
        self.assertGreater(self.heard_through_osmosdr(device, "GFSK"), 0.7)
        self.assertEqual(server.commands[1], 433.92e6 - LO_OFFSET)  # the frequency
        self.assertEqual(server.commands[2], RADIO_RATE)


if __name__ == "__main__":
    gr_unittest.run(QaRehearsal)
