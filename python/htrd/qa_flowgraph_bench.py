#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""htrd bench flowgraph and its soak: the form of the rows, and what must hold on any machine."""

import numpy as np
import support_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd import decisions, flowgraph_bench, flowgraph_chain, flowgraph_soak
from gnuradio.htrd.flowgraph_soak import Checker
from robust_amc.classifier import Classifier
from robust_amc.inference import open_engine


def batch(index):
    """A PDU of decisions on frames of these numbers."""
    nothing = [None] * len(index)
    number = np.zeros(len(index))
    return decisions.Batch(
        np.array(index), nothing, number, number, nothing, number, number, nothing,
        np.zeros((len(index), 2), np.float32),
    ).message()  # fmt: skip


class QaFlowgraphBench(gr_unittest.TestCase):
    def test_rows(self):
        said = []
        flowgraph_chain.WARM_UP, flowgraph_bench.STEPS = 0.1, [0.5, 0.1]
        found = flowgraph_bench.bench(0.1, 1, said.append, model="undefended", engine="torch",
                                      precision="float32")
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
        accepted = [row for name, row in rows.items() if name.endswith("frames accepted")]
        self.assertEqual(len(accepted), 2)
        for row in accepted:
            self.assertEqual(row["value"], row["baseline_value"])
            self.assertGreater(row["value"], 0)

    def test_soak(self):
        flowgraph_soak.RESTARTS = 6
        engine = open_engine(Classifier.load(support.model("rejecting")), "torch", "float32")
        with self.assertLogs("gnuradio.htrd.classifier", "WARNING"):
            rows = flowgraph_soak.soak(engine, 300.0, 0.03, lambda said: None)
        self.assertEqual(len(rows), 4)
        for row in rows[1:]:
            self.assertEqual(row["ratio"], 1, row)
            self.assertGreater(row["value"], 5)

    def test_the_checker_finds_what_is_wrong(self):
        for index, decided, missing, latest in (
            ([[0, 1, 2], [3, 4]], 5, 0, 4),
            ([[0, 1], [4, 5]], 4, 2, 5),  # two are missing
            ([[0, 1], [1, 2]], 2, 0, 2),  # one came twice
            ([[1, 2], [0, 3]], 2, 3, 3),  # one came too late
        ):
            with self.subTest(index):
                checker = Checker()
                for part in index:
                    checker.handle_batches(batch(part))
                self.assertEqual((checker.decided, checker.missing, checker.latest),
                                 (decided, missing, latest))


if __name__ == "__main__":
    gr_unittest.run(QaFlowgraphBench)
