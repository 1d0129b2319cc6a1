#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""decision_probe: totals as the library's metrics, window, reset, summary, wrong messages."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.evaluation import Outcome, confusion
from robust_amc.tests.rounding import assert_decided_alike

SHARES = ("accuracy", "accepted_accuracy", "rejection_rate", "robust_accuracy")


class Chain(gr.top_block):
    """Source, injector, classifier and probe."""

    def __init__(self, port, attack, source=None, **probe):
        gr.top_block.__init__(self)
        self.source = source or htrd.dataset_source(support.dataset())
        model = support.model("rejecting")
        self.injector = htrd.pgd_injector(model, pnr_db=-3.0, enabled=attack, steps=2)
        self.classifier = support.classifier(model)
        self.probe = htrd.decision_probe(**probe)
        self.summary, self.labels = blocks.message_debug(), blocks.vector_sink_s()
        self.connect(self.source, self.injector, self.classifier, self.labels)
        self.msg_connect(self.classifier, port, self.probe, port)
        self.msg_connect(self.probe, "summary", self.summary, "store")
        self.percent = blocks.message_debug()
        self.msg_connect(self.probe, "rejection_rate", self.percent, "store")


class QaDecisionProbe(gr_unittest.TestCase):
    def setUp(self):
        self.dataset = data.read(support.dataset())

    def test_totals_are_the_library_metrics(self):
        for port in ("decisions", "batches"):
            for attack in (False, True):
                with self.subTest(port=port, attack=attack):
                    chain = Chain(port, attack)
                    support.run(chain)
                    decided = np.array(chain.labels.data())
                    result = Outcome(self.dataset.label, decided, attacked=attack)
                    got, expected = chain.probe.summary(), result.summary()
                    for name in SHARES:
                        self.assertAlmostEqual(got[name], expected[name], places=12)
                    self.assertEqual(got["frames"], len(self.dataset))
                    self.assertEqual(got["attacked"], attack * len(self.dataset))
                    self.assertEqual(got["rejected"], result.rejected.sum())
                    self.assertEqual(got["correct"], result.correct.sum())
                    self.check_confusion(chain.probe.confusion(), decided)
                    self.assertEqual(support.messages(chain.summary)[-1], got)
                    self.assertEqual(support.messages(chain.percent)[-1],
                                     ("rejection_rate", round(100 * got["rejection_rate"])))
                    if not attack:
                        offline = Classifier.load(support.model("rejecting"))
                        assert_decided_alike(decided, offline.decide(self.dataset.iq),
                                             offline.threshold)

    def check_confusion(self, table, decided):
        expected = confusion(self.dataset.label, decided, len(support.CLASSES))
        columns = (*support.CLASSES, None)
        for row, truth in enumerate(support.CLASSES):
            self.assertEqual([table[truth].get(name, 0) for name in columns],
                             expected[row].tolist())

    def test_records(self):
        for port in ("decisions", "batches"):
            chain = Chain(port, False, keep=True)
            support.run(chain)
            records = chain.probe.records()
            self.assertEqual(records.frame_index.tolist(), list(range(len(self.dataset))))
            self.assertEqual(records.truth, list(self.dataset.truth))
            label = [-1 if name is None else support.CLASSES.index(name)
                     for name in records.modulation]
            self.assertEqual(label, chain.labels.data())
            self.assertEqual(records.scores.shape, (len(self.dataset), len(support.CLASSES)))
            np.testing.assert_array_equal(records.scores.max(1), records.score)

    def test_window_and_reset(self):
        chain = Chain("decisions", False, window=7, keep=True)
        support.run(chain)
        records, got = chain.probe.records(), chain.probe.summary()
        self.assertEqual((got["frames"], len(records)), (7, len(self.dataset)))
        correct = [a == b for a, b in zip(records.truth, records.modulation, strict=True)]
        self.assertEqual(got["correct"], sum(correct[-7:]))
        chain.probe.reset()
        self.assertEqual(chain.probe.summary()["frames"], 0)
        self.assertTrue(np.isnan(chain.probe.summary()["accuracy"]))
        self.assertIsNone(chain.probe.records())
        self.assertEqual(chain.probe.confusion(), {})

    def test_summary_once_a_second_and_at_request(self):
        chain = Chain("batches", False, support.slow_source(200))
        chain.start()
        try:
            support.wait_for(lambda: chain.summary.num_messages() >= 2)
            support.post(chain.probe, "control", pmt.to_pmt({"reset": True}))
            support.wait_for(lambda: chain.probe.summary()["frames"] < 150)
            before = chain.summary.num_messages()
            chain.probe.publish()
            support.wait_for(lambda: chain.summary.num_messages() > before)
        finally:
            chain.stop()
            chain.wait()
        first, second = (message["frames"] for message in support.messages(chain.summary)[:2])
        self.assertTrue(0 < first < second)

    def test_frames_without_truth(self):
        samples = np.exp(1j * np.arange(4 * 128).reshape(4, 128)) / 128
        source = support.frame_source(samples, [(1, "modulation", pmt.intern("TONE"))])
        chain = Chain("decisions", False, source)
        support.run(chain)
        got = chain.probe.summary()
        self.assertEqual((got["frames"], got["with_truth"]), (4, 1))
        self.assertIn(got["accuracy"], (0.0, 1.0))

    def test_wrong_messages_are_ignored(self):
        chain = Chain("decisions", False)
        with self.assertLogs("gnuradio.htrd.decision_probe", "WARNING") as logs:
            for message in (pmt.intern("x"), pmt.PMT_NIL, pmt.cons(pmt.PMT_NIL, pmt.PMT_NIL),
                            pmt.cons(pmt.to_pmt({"frame_index": 1}), pmt.PMT_NIL)):
                support.post(chain.probe, "decisions", message)
            support.run(chain)
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(chain.probe.summary()["frames"], len(self.dataset))

    def test_bad_construction(self):
        with self.assertRaises(ValueError):
            htrd.decision_probe(window=-1)


if __name__ == "__main__":
    gr_unittest.run(QaDecisionProbe)
