#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""htrd bench flowgraph and its soak: the form of the rows, and what must hold on any machine."""

import functools
import time
import unittest
from unittest import mock

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.benchmarks import flowgraph, flowgraph_chain, flowgraph_soak
from gnuradio.htrd.benchmarks.flowgraph_chain import Chain
from gnuradio.htrd.benchmarks.flowgraph_soak import Checker
from gnuradio.htrd.messages import decision_pdu
from gnuradio.htrd.native import native_classifier
from robust_amc.classifier import Classifier
from robust_amc.decisions import DecisionBatch
from robust_amc.inference import open_engine


def batch(index):
    """A PDU of decisions on frames of these numbers."""
    number = np.zeros(len(index))
    scores = np.zeros((len(index), 2), np.float32)
    return decision_pdu.encode(
        DecisionBatch(np.array(index), [None] * len(index), number, number, scores)
    )


class Published:
    """What a Checker needs of a classifier."""

    def __init__(self):
        self.passed = []

    def start(self):
        return True

    def message_port_pub(self, port, message):
        self.passed.append(port)


def rejecting(engine="torch"):
    """Makes chains of a small model."""
    runtime = "openvino" if engine == "native" else engine
    opened = open_engine(Classifier.load(support.model("rejecting")), runtime, "float32")
    return functools.partial(Chain, opened, engine=engine)


class QaFlowgraphBench(gr_unittest.TestCase):
    def test_rows(self):
        said = []
        flowgraph_chain.WARM_UP, flowgraph.STEPS = 0.1, [0.5, 0.1]
        found = flowgraph.bench(0.1, 1, said.append, model="undefended", engine="torch",
                                      precision="float32", sustain=0.2)
        self.assertEqual(found["settings"]["sustain"], 0.2)
        self.assertEqual(found["settings"]["engine"], "torch float32")
        self.assertGreaterEqual(len(said), 5)
        rows = {row["name"]: row for row in found["rows"]}
        self.assertEqual(len(rows), len(found["rows"]))
        for row in rows.values():
            self.assertEqual(
                set(row), {"name", "value", "unit", "baseline", "baseline_value", "ratio"}
            )
            self.assertAlmostEqual(row["ratio"], row["value"] / row["baseline_value"])
        self.assertGreater(rows["replay"]["value"], 0)
        best = rows["replay, beside the engine at its best"]
        self.assertEqual(best["value"], rows["replay"]["value"])
        self.assertGreaterEqual(best["baseline_value"], rows["replay"]["baseline_value"])
        accepted = [row for name, row in rows.items() if name.endswith("frames accepted")]
        self.assertEqual(len(accepted), 2)
        for row in accepted:
            self.assertEqual(row["value"], row["baseline_value"])
            self.assertGreater(row["value"], 0)

    def test_soak(self):
        flowgraph_soak.RESTARTS = 6
        with self.assertLogs("gnuradio.htrd.classifier", "WARNING"):
            rows = flowgraph_soak.soak(rejecting(), 300.0, 0.03, lambda said: None)
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows[1]["baseline_value"], 300 * flowgraph_chain.LENGTH / 1e6)
        self.assertTrue(0.5 < rows[1]["ratio"] < 1.5, rows[1])  # 2 s of a busy machine
        for row in rows[2:]:
            self.assertEqual(row["ratio"], 1, row)
            self.assertGreater(row["value"], 5)

    @unittest.skipIf(native_classifier.missing(), "built without OpenVINO")
    def test_in_cpp(self):
        flowgraph_chain.WARM_UP, flowgraph.STEPS = 0.1, [0.1]
        flowgraph_soak.RESTARTS = 3
        found = flowgraph.bench(0.5, 1, lambda said: None, model=support.model("plain"),
                                engine="native", precision="float32", minutes=0.01)
        self.assertEqual(found["settings"]["engine"], "C++, openvino float32")
        rows = {(row["name"], row["baseline"]): row for row in found["rows"]}
        self.assertEqual(len(rows), len(found["rows"]))
        for other in ("the block in Python", "one call a frame in PyTorch", "a null sink"):
            self.assertGreater(rows["replay, C++", other]["ratio"], 0)
        for (name, _), row in rows.items():
            if "accepted" in name or "accounted" in name:
                self.assertEqual(row["ratio"], 1, row)

    def test_the_checker_finds_what_is_wrong(self):
        for runs, decided, repeated, missing, good in (
            ([[[0, 1, 2], [3, 4]]], 5, 0, 0, True),
            ([[[0, 1], [4, 5]]], 4, 0, 2, True),  # two were dropped
            ([[[0, 1], [4, 6]]], 4, 0, 3, False),  # one more is missing
            ([[[0, 1], [1, 2]]], 3, 1, 0, False),  # one came twice
            ([[[1, 2], [0, 3]]], 3, 1, 1, False),  # one came too late
            ([[[0, 1]], [[0, 1, 2]]], 5, 0, 0, True),  # a new run begins at 0 again
            ([[[0, 1]], [[1, 0]]], 3, 1, 1, False),
        ):
            with self.subTest(runs):
                classifier = Published()
                checker = Checker(classifier)
                for run in runs:
                    self.assertTrue(classifier.start())
                    for part in run:
                        classifier.message_port_pub(pmt.intern("batches"), batch(part))
                self.assertEqual(len(classifier.passed), sum(map(len, runs)))
                self.assertEqual((checker.decided, checker.repeated, checker.missing),
                                 (decided, repeated, missing))
                published = sum(len(part) for run in runs for part in run)
                counts = {"decided": published, "dropped": 2, "discarded": 1,
                          "accepted": published + 3}
                self.assertEqual(checker.agrees(counts), good)
                # One that was accepted has vanished; one decided was not published
                self.assertFalse(checker.agrees(counts | {"accepted": published + 4}))
                self.assertFalse(checker.agrees(
                    counts | {"decided": published + 1, "accepted": published + 4}))

    def test_a_rate_is_sustained_when_it_is_delivered_and_nothing_dropped(self):
        wanted = 300.0
        with mock.patch.object(flowgraph, "SLACK", support.TIMEOUT):  # a busy machine is late
            rate = flowgraph._keeps_up(rejecting(), 0.5, wanted)
        self.assertGreaterEqual(rate / wanted, flowgraph.DELIVERED)
        start, chain = time.monotonic(), rejecting()
        halved = lambda mode, rate: chain(mode, 0.5 * rate)  # noqa: E731
        self.assertEqual(flowgraph._keeps_up(halved, 600, wanted), 0)
        # Nothing is dropped as long as the queue has room
        self.assertEqual(flowgraph._keeps_up(rejecting(), 600, 1e6), 0)
        self.assertLess(time.monotonic() - start, 600)  # of 1200: it did not go on to the end


if __name__ == "__main__":
    gr_unittest.run(QaFlowgraphBench)
