#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classifier in C++: the tests of the one in Python, and what differs."""

import unittest

import numpy as np
import odd_for_qa as odd
import pmt
import qa_classifier
import qa_classifier_calibrated
import qa_classifier_live
import qa_classifier_signals
import qa_odd_input
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd import native
from gnuradio.htrd.native import native_classifier
from gnuradio.htrd.python_classifier import python_classifier
from robust_amc import data, frames
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.inference import open_engine

support.ENGINE = native.NATIVE
MISSING = native_classifier.missing()
CLASSES = len(support.CLASSES)
needed = unittest.skipIf(MISSING, f"built without OpenVINO: {MISSING}")


@needed
class QaNative(qa_classifier.QaClassifier):
    """In replay mode."""

    test_other_engines_and_exported_files = None  # of engines in Python


@needed
class QaNativeCalibrated(qa_classifier_calibrated.QaCalibrated):
    """Of models with a calibration."""


@needed
class QaNativeSignals(qa_classifier_signals.QaClassifierSignals):
    """Of messages."""


@needed
class QaNativeOddTags(qa_odd_input.QaOddTags):
    """Of frames with odd tags."""


@needed
class QaNativeLive(qa_classifier_live.QaClassifierLive):
    """In live mode."""

    LANES = 2
    PAUSE = 0
    FLOOD = 30_000

    test_an_engine_that_decides_two_batches_at_once = None  # of an engine in Python
    # A graph that OpenVINO has compiled does not fail
    test_a_batch_that_fails_is_discarded_and_the_flow_goes_on = None

    def slow_model(self):
        """Frames without a pause between them come faster than any model decides."""
        return support.model("rejecting")

    def test_what_is_queued_at_the_end_is_discarded_after_a_short_time(self):
        samples = frames.to_complex(self.frames.iq)
        source = support.frame_source(samples, repeat=True)
        chain = qa_classifier_live.Chain(source, queue_frames=self.FLOOD)
        chain.disconnect(source, chain.block)
        head = blocks.head(128 * gr.sizeof_gr_complex, self.FLOOD)
        chain.connect(source, head, chain.block)
        support.run(chain)
        counts = self.check_counts(chain)
        self.assertEqual((counts["accepted"], counts["dropped"]), (self.FLOOD, 0))
        self.assertGreater(counts["discarded"], 0)
        self.assertGreater(counts["decided"], 0)


@needed
class QaNativeAlone(gr_unittest.TestCase):
    """What the block in Python has not, or has another way."""

    def setUp(self):
        self.engine = open_engine(support.model("rejecting"), "openvino", "float32", "auto")

    def block(self, **settings):
        return native_classifier(native.model_of(self.engine), **settings)

    def test_auto_takes_it_where_openvino_is_fastest(self):
        opened = open_engine(support.model("rejecting"), "torch")
        self.assertTrue(native.fits(self.engine))
        self.assertFalse(native.fits(opened))
        with support.said():
            block = htrd.classifier(support.model("rejecting"), CLASSES, engine="auto")
        self.assertIn(type(block), (native_classifier, python_classifier))

    def test_two_graphs(self):
        """As bfloat16 has them, but in float32: their decisions are known."""
        engine = open_engine(support.model("rejecting"), "openvino", "float32", "auto")
        whole, model = native.model_of(self.engine), native.model_of(engine)
        from robust_amc.inference.onnx_model import split
        from robust_amc.inference.sources import source_of

        parts = split(source_of(support.model("rejecting"))._onnx(False))
        model.graphs = [part.SerializeToString() for part in parts]
        model.precisions = ["f32", "f32"]
        found = [self.decide(each) for each in (whole, model)]
        np.testing.assert_allclose(*found, atol=1e-4)

    def decide(self, model):
        """Scores of the data set."""
        flowgraph, sink = gr.top_block(), blocks.vector_sink_f(CLASSES)
        source, block = htrd.dataset_source(support.dataset()), native_classifier(model)
        flowgraph.connect(source, block, blocks.null_sink(gr.sizeof_short))
        flowgraph.connect((block, 1), sink)
        support.run(flowgraph)
        return np.reshape(sink.data(), (-1, CLASSES))

    def test_any_number_of_frames_and_of_threads(self):
        """The scores of a frame do not depend on those beside it, nor on who computes them."""
        iq = data.read(support.dataset()).iq
        expected = Classifier.load(support.model("rejecting")).decide(iq)
        for threads in (1, 3):
            block = self.block(threads=threads)
            store = blocks.message_debug()
            flowgraph = gr.top_block()
            flowgraph.msg_connect(block, "signals", store, "store")
            counts = (1, 2, 7, 9, 33, 70, len(iq))
            for count in counts:
                support.post(block, "signals", pmt.cons(pmt.make_dict(), pmt.init_c32vector(
                    128 * count, frames.to_complex(iq[:count]).ravel().tolist())))
            flowgraph.start()
            support.wait_for(lambda: store.num_messages() == len(counts))  # noqa: B023
            flowgraph.stop()
            flowgraph.wait()
            for number, count in enumerate(counts):
                labels = pmt.to_python(pmt.car(store.get_message(number)))["labels"]
                same = np.array(labels) == expected.label[:count]
                self.assertGreater(same.mean(), 0.97)

    def test_no_message_ends_it(self):
        block, store, flowgraph = self.block(), blocks.message_debug(), gr.top_block()
        flowgraph.msg_connect(block, "signals", store, "store")
        good = pmt.cons(pmt.make_dict(), pmt.init_c32vector(128, [1.0] * 128))
        for message in (*odd.messages(), good):
            for port in ("control", "signals"):
                support.post(block, port, message)
        with support.said() as logs:
            flowgraph.start()
            support.wait_for(lambda: block.status()["decided"] == 1)
            flowgraph.stop()
            flowgraph.wait()
        self.assertEqual(len(logs.output), len(set(logs.output)))

    def test_processor_affinity(self):
        block = self.block()
        block.set_processor_affinity([0])
        source, flowgraph = htrd.dataset_source(support.dataset()), gr.top_block()
        flowgraph.connect(source, block)
        flowgraph.start()
        block.unset_processor_affinity()
        flowgraph.wait()
        self.assertEqual(block.status()["decided"], len(data.read(support.dataset())))

    def test_bad_models(self):
        for change, word in (
            ({"graphs": []}, "graphs"), ({"graphs": [b"no graph"]}, "OpenVINO"),
            ({"classes": ["A", "B"]}, "score"), ({"classes": []}, "classes"),
            ({"frame_length": 64}, "length"), ({"precisions": ["f32", "f32"]}, "precision"),
        ):  # fmt: skip
            with self.subTest(change):
                model = native.model_of(self.engine)
                for name, value in change.items():
                    setattr(model, name, value)
                with self.assertRaises(UserError) as raised:
                    native_classifier(model)
                self.assertIn(word, str(raised.exception))

    def test_bad_construction(self):
        for settings, word in (
            ({"latency_ms": -1.0}, "latency_ms"), ({"max_batch": 0}, "max_batch"),
            ({"queue_frames": 5}, "queue_frames"), ({"threads": -1}, "threads"),
        ):  # fmt: skip
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                self.block(**settings)
            self.assertIn(word, str(raised.exception))


if __name__ == "__main__":
    gr_unittest.main()
