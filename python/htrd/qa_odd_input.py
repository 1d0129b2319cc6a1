#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All blocks against odd arguments, messages and tags: told, ignored, and never fatal."""

import inspect

import numpy as np
import odd_for_qa as odd
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.arguments import LARGEST_UNSIGNED
from gnuradio.htrd.checks import LONGEST_FRAME
from gnuradio.htrd.messages import decision_pdu
from PyQt5 import QtWidgets
from qa_grc_yaml import EXAMPLES, MADE, parameters, setters_of
from qa_qt_decision_panel import batch, picture_of
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError

APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])
CLASSES = len(support.CLASSES)
BLOCKS = sorted({
    *MADE,
    *(name for name, thing in vars(htrd).items()
      if inspect.isclass(thing) and hasattr(thing, "to_basic_block")),
})


def make(name, **arguments):
    """A block, with what it needs at least."""
    engine = {"engine": support.ENGINE} if name == "classifier" else {}
    return getattr(htrd, name)(**EXAMPLES.get(name, dict)() | engine | arguments)


class QaOddArguments(gr_unittest.TestCase):
    def outcome(self, function, *given, **named):
        """The UserError of a call, in one line; None when the value was taken."""
        try:
            function(*given, **named)
        except UserError as error:
            text = str(error)
            self.assertTrue(text)
            self.assertNotIn("\n", text)
            self.assertLess(len(text), 300 + 5000 * ("x" * 99 in text))  # or it names a path
            return text
        return None

    def test_constructors(self):
        self.assertGreater(len(BLOCKS), 7)
        for name in BLOCKS:
            for parameter in parameters(getattr(htrd, name)):
                for value in odd.VALUES:
                    with self.subTest(block=name, parameter=parameter, value=repr(value)[:30]):
                        refused = self.outcome(make, name, **{parameter: value})
                        if type(value) is object:  # which nothing can be
                            self.assertIn(parameter, refused)

    def test_setters(self):
        for name in BLOCKS:
            made = make(name)
            for setter in setters_of(type(made)):
                for value in odd.VALUES:
                    with self.subTest(block=name, setter=setter, value=repr(value)[:30]):
                        refused = self.outcome(getattr(made, setter), value)
                        if type(value) is object and setter != "set_start":  # that one logs
                            self.assertTrue(refused)

    def test_numbers_beyond_what_a_block_can_hold(self):
        for name, arguments, words in (
            ("frame_sampler", {"frame_length": 2**29 + 1}, f"{8 * (2**29 + 1)} bytes"),
            ("frame_sampler", {"frame_length": 2**40}, "frame_length"),
            ("perturbation_adder", {"seed": LARGEST_UNSIGNED + 1}, "seed"),
            ("perturbation_adder", {"seed": -1}, "seed is out of range"),
            ("perturbation_adder", {"power": 1e31}, "power"),
            ("perturbation_adder", {"waveform": [1, "x"]}, "waveform"),
            ("classifier", {"frame_length": LONGEST_FRAME + 1}, "frame_length"),
            ("classifier", {"queue_frames": 10**9}, "queue_frames"),
            ("classifier", {"num_classes": 2**15}, "num_classes"),
            ("classifier", {"latency_ms": 1e30}, "latency_ms"),
            ("pgd_injector", {"restarts": 10**9}, "restarts"),
            ("pgd_injector", {"pnr_db": 201}, "200"),
            ("qt_security_curve", {"sweep": [0, 1e300]}, "sweep"),
            ("qt_decision_panel", {"seconds": 10**9}, "seconds"),
            ("qt_decision_panel", {"color": "nonsense"}, "color"),
        ):
            with self.subTest(block=name, **arguments):
                self.assertIn(words, self.outcome(make, name, **arguments))

    def test_whole_numbers_of_any_type(self):
        made = htrd.frame_sampler(np.int16(64), hop=32.0, samp_rate=np.float32(1000))
        made.set_hop(np.int64(16))
        self.assertEqual(made.hop(), 16)
        self.assertEqual(len(make("dataset_source", limit=np.float64(7))), 7)


class QaOddMessages(gr_unittest.TestCase):
    def setUp(self):
        self.flowgraph = gr.top_block()
        self.silence = blocks.message_strobe(pmt.PMT_NIL, 100)  # so that all are connected

    def check(self, block, port, messages, good, came):
        """After any messages, a good one still does what it should."""
        self.flowgraph.msg_connect(self.silence, "strobe", block, port)
        self.flowgraph.start()
        try:
            for message in [*messages, good]:
                support.post(block, port, message)
            support.wait_for(came)
        finally:
            self.flowgraph.stop()
            self.flowgraph.wait()

    def stream(self, block, vector, rate):
        """Connect a stream block to a source of zeros, so many items a second."""
        size = gr.sizeof_gr_complex * vector
        self.flowgraph.connect(blocks.null_source(size), blocks.throttle(size, rate), block)

    def test_control(self):
        level = pmt.cons(pmt.intern("pnr_db"), pmt.from_double(-3.25))
        target = pmt.to_pmt({"target_rejection": 0.3})
        reset = pmt.cons(pmt.intern("reset"), pmt.PMT_T)
        model = Classifier.load(support.model("rejecting"))
        expected = model.metadata["rejector"]["score_quantiles"][60]  # of 200
        for name, good, came in (
            ("pgd_injector", level, lambda block: block.pnr_db() == -3.25),
            ("perturbation_adder", level, lambda block: block.pnr_db() == -3.25),
            ("qt_security_curve", level, lambda block: block.pnr_db() == -3.25),
            ("classifier", target, lambda block: block.threshold() == expected),
            ("qt_decision_panel", reset, lambda block: not block.picture().latest),
            ("decision_probe", reset, lambda block: block.summary()["frames"] == 0),
        ):
            with self.subTest(name):
                self.setUp()
                block = make(name)
                vector, rate = (1, 1e6) if name == "perturbation_adder" else (128, 1e3)
                if name in ("pgd_injector", "classifier", "perturbation_adder"):
                    self.stream(block, vector, rate)
                if name in ("pgd_injector", "perturbation_adder"):
                    self.flowgraph.connect(block, blocks.null_sink(8 * vector))
                if name in ("qt_decision_panel", "decision_probe"):
                    block.handle_batches(decision_pdu.encode(batch(["BPSK"])))
                # A model that is no string is refused, and the rest cannot be set by chance
                self.check(block, "control", odd.messages(), good, lambda b=block, c=came: c(b))

    def test_decisions(self):
        known = batch(["BPSK", None, "QPSK"], ["BPSK", "QPSK", "QPSK"], pnr_db=-10.0)
        known.rx_time = [pmt.make_tuple(pmt.from_uint64(7), pmt.from_double(0.5))] * 3
        known.sample_offset = np.arange(3) * 128
        many, one = decision_pdu.encode(known), decision_pdu.encode_one(known, 0)
        for name, port, good in (
            ("decision_probe", "batches", many), ("decision_probe", "decisions", one),
            ("qt_decision_panel", "batches", many), ("qt_security_curve", "batches", many),
        ):  # fmt: skip
            with self.subTest(name, port=port):
                self.setUp()
                block = make(name, **({"keep": True} if name == "decision_probe" else {}))
                last = batch(["8PSK"] * 40, ["8PSK"] * 40, start=1000)
                messages = [*odd.messages(), *odd.damaged(good)]
                with self.assertLogs(f"gnuradio.htrd.{name}", "WARNING") as logs:
                    self.check(block, port, messages, decision_pdu.encode(last),
                               lambda block=block: self.has_counted(block, 40))
                self.assertEqual(len(logs.output), 1)  # each kind once
                if hasattr(block, "widget"):
                    picture_of(block)
                else:
                    block.records()

    def has_counted(self, block, frames):
        """Whether so many frames of 8PSK were counted right."""
        if isinstance(block, htrd.qt_security_curve):
            return any(point.frames >= frames for point in block.picture().points[0])
        table = block.confusion() if hasattr(block, "confusion") else block.picture().confusion
        return table.get("8PSK", {}).get("8PSK", 0) >= frames

    def test_status(self):
        panel = htrd.qt_decision_panel()
        good = pmt.to_pmt({"rate": 812.4, "dropped": 7, "latency_ms": float("nan")})
        messages = odd.messages()
        for message in messages:
            panel.handle_status(message)
            panel.picture()
        picture_of(panel)

        def came():
            shown = dict(panel.picture().figures)
            return (shown.get("rate"), shown.get("dropped"), shown.get("latency")) == (
                "812 /s", "7", None)

        self.check(panel, "status", messages, good, came)

    def test_the_end_of_others(self):
        """The port on which GNU Radio says that a block has ended; the rest is still counted."""
        probe = htrd.decision_probe()
        good = decision_pdu.encode(batch(["BPSK"] * 5, ["BPSK"] * 5))
        for message in (*odd.single(), good):
            support.post(probe, "batches", message)
        probe.handle_system(odd.not_utf8())
        self.assertEqual(probe.summary()["frames"], 5)


KEYS = ("modulation", "snr_db", "pnr_db", "frame_index", "sample_offset", "frame_power_db",
        "rx_time", "attack_success", "scaling")  # fmt: skip


class QaOddTags(gr_unittest.TestCase):
    def setUp(self):
        values = odd.single()
        self.tags = [(row, key, value) for row, (key, value) in
                     enumerate((key, value) for key in KEYS for value in values)]
        rng = np.random.default_rng(5)
        samples = rng.normal(size=(len(self.tags), 256)).view(np.complex128)
        self.samples = samples / np.abs(samples).sum(1, keepdims=True)

    def batches(self, attack, **settings):
        """What the classifier publishes of frames with odd tags, as one DecisionBatch."""
        flowgraph = gr.top_block()
        block = support.classifier(support.model("rejecting"), **settings)
        store = support.Store(block, flowgraph)
        live = settings.get("mode") == "live"
        chain = [support.frame_source(self.samples, self.tags, repeat=live)]
        if live:  # a source that ends would end the block, decided or not
            chain.append(blocks.throttle(128 * gr.sizeof_gr_complex, 1000))
        if attack:
            chain.append(htrd.pgd_injector(support.model("rejecting"), steps=1))
        flowgraph.connect(*chain, block)
        if live:
            flowgraph.start()
            support.wait_for(lambda: block.status()["decided"] >= len(self.tags))
            self.assertEqual(block.status()["discarded"], 0)
            flowgraph.stop()
            flowgraph.wait()
        else:
            support.run(flowgraph)
            self.assertEqual(block.status()["decided"], len(self.tags))
        store.drain()
        return type(store.batches[0]).joined(store.batches)

    def test_every_frame_is_decided(self):
        for attack, settings in ((False, {}), (True, {}), (False, {
                "mode": "live", "latency_ms": 1.0, "queue_frames": 4096})):
            with self.subTest(attack=attack, **settings):
                with support.said() as logs:
                    found = self.batches(attack, **settings)
                for name in ("classifier", "pgd_injector")[: 1 + attack]:
                    said = [line for line in logs.output if name in line and "tags" in line]
                    self.assertEqual(len(said), {"classifier": 3, "pgd_injector": 1}[name])
                count = len(self.tags)  # and live, once more from the beginning
                self.assertEqual(set(found.truth[:count]), {None})
                # The only whole number from 0 on is the largest long
                for column in (found.sample_offset, found.frame_index - np.arange(len(found))):
                    self.assertEqual(np.count_nonzero(column[:count] > 0), 1)

    def test_offsets_are_exact(self):
        offsets = [0, 2**53 + 1, 2**62 + 3, 2**63 - 1]
        self.tags = [(row, "sample_offset", pmt.from_uint64(value))
                     for row, value in enumerate(offsets)]
        self.tags += [(4, "sample_offset", pmt.from_double(512.0))]
        self.samples = self.samples[: len(self.tags)]
        self.assertEqual(self.batches(False).sample_offset.tolist(), [*offsets, 512])


if __name__ == "__main__":
    gr_unittest.run(QaOddArguments)
    gr_unittest.run(QaOddMessages)
    gr_unittest.run(QaOddTags)
