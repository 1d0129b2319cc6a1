#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""classifier: PDUs of signals instead of a stream of frames, in both modes and all engines."""

import importlib.util

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import decision_pdu, signal_pdu
from robust_amc import data, frames
from robust_amc.classifier import Classifier
from robust_amc.tests.rounding import assert_decided_alike


class Chain(gr.top_block):
    """Messages into a classifier, until they have come out."""

    def __init__(self, model="rejecting", **settings):
        gr.top_block.__init__(self)
        self.block = support.classifier(support.model(model), **settings)
        self.signals, self.batches = blocks.message_debug(), blocks.message_debug()
        self.msg_connect(self.block, "signals", self.signals, "store")
        self.msg_connect(self.block, "batches", self.batches, "store")

    def decided(self, *sent, expected=None):
        """DecidedPdu of each message."""
        for message in sent:
            support.post(self.block, "signals", message)
        self.start()
        wanted = len(sent) if expected is None else expected
        support.wait_for(lambda: self.signals.num_messages() == wanted)
        self.stop()
        self.wait()
        return [signal_pdu.decode_decided(self.signals.get_message(n)) for n in range(wanted)]


def message(iq, rest=0, **facts):
    """A signal of frames ``[n, 2, 128]``, and some samples more."""
    values = np.append(frames.to_complex(iq).ravel(), np.zeros(rest))
    return signal_pdu.encode(pmt.make_dict(), values, burst_id=3, remark="kept", **facts)


class QaClassifierSignals(gr_unittest.TestCase):
    def setUp(self):
        self.dataset = data.read(support.dataset())

    def check(self, found, iq, classifier):
        expected = classifier.decide(iq, posteriors=True)
        self.assertEqual(found.classes, support.CLASSES)
        assert_decided_alike(found.decisions.label, expected, classifier.threshold)
        posterior = found.decisions.log_posterior
        np.testing.assert_allclose(posterior, expected.log_posterior, atol=1e-3)
        known = pmt.to_python(found.facts)
        self.assertEqual((known["burst_id"], known["remark"]), (3, "kept"))

    def test_decisions_are_those_of_the_library(self):
        for name in ("rejecting", "plain"):
            classifier = Classifier.load(support.model(name))
            for settings in ({}, {"mode": "live"}):
                with self.subTest(model=name, **settings):
                    chain = Chain(name, **settings)
                    first, second = self.dataset.iq[:50], self.dataset.iq[50:57]
                    found = chain.decided(message(first, rest=5), message(second))
                    self.check(found[0], first, classifier)
                    self.check(found[1], second, classifier)
                    status = chain.block.status()
                    self.assertEqual((status["accepted"], status["decided"]), (57, 57))
                    batches = [decision_pdu.decode(chain.batches.get_message(n)) for n in (0, 1)]
                    self.assertEqual([len(each) for each in batches], [50, 7])
                    self.assertEqual(batches[1].frame_index.tolist(), list(range(50, 57)))

    def test_every_engine(self):
        classifier = Classifier.load(support.model("rejecting"))
        iq = self.dataset.iq[:30]
        for engine, package in (("onnxruntime", "onnxruntime"), ("openvino", "openvino")):
            if importlib.util.find_spec(package):
                with self.subTest(engine=engine):
                    (found,) = Chain(engine=engine).decided(message(iq))
                    self.check(found, iq, classifier)

    def test_a_signal_without_frames(self):
        (found,) = Chain().decided(message(self.dataset.iq[:0], rest=100))
        self.assertEqual(found.decisions.log_posterior.shape, (0, 3))

    def test_what_a_signal_says_of_its_frames(self):
        """Its class and its PNR are in the batch; what cannot mean them is nothing."""
        chain = Chain()
        chain.decided(
            message(self.dataset.iq[:3], modulation="QPSK", pnr_db=-4.5),
            message(self.dataset.iq[:2]), message(self.dataset.iq[:2], modulation=7),
        )  # fmt: skip
        batches = [decision_pdu.decode(chain.batches.get_message(n)) for n in range(3)]
        self.assertEqual([list(each.truth) for each in batches],
                         [["QPSK"] * 3, [None] * 2, [None] * 2])
        self.assertEqual(batches[0].pnr_db.tolist(), [-4.5] * 3)
        self.assertTrue(np.isnan(batches[1].pnr_db).all())

    def test_beside_a_stream(self):
        for mode in ("replay", "live"):
            chain = Chain(mode=mode)
            source = htrd.dataset_source(support.dataset())
            chain.connect(source, chain.block)
            (found,) = chain.decided(message(self.dataset.iq[:5]))
            self.assertEqual(len(found.decisions.label), 5)

    def test_wrong_messages_are_ignored(self):
        bad = [pmt.PMT_NIL, pmt.cons(pmt.make_dict(), pmt.init_f32vector(2, [0, 0]))]
        (found,) = Chain().decided(*bad, message(self.dataset.iq[:2]), expected=1)
        self.assertEqual(len(found.decisions.label), 2)


if __name__ == "__main__":
    gr_unittest.run(QaClassifierSignals)
