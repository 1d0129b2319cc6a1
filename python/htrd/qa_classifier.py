#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""classifier: decisions as the library's, messages, setters, invalid frames, construction."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import decision_pdu
from robust_amc import data, frames
from robust_amc.classifier import Classifier, Decisions
from robust_amc.errors import UserError
from robust_amc.inference import export_onnx
from robust_amc.inference.choose import installed
from robust_amc.inference.export_onnx import ExportSettings
from robust_amc.tests import rounding
from robust_amc.tests.rounding import assert_decided_alike, assert_scores_close

CLASSES = len(support.CLASSES)


class Chain(gr.top_block):
    """A source, the classifier, and sinks for everything that it gives."""

    def __init__(self, source, model="rejecting", **settings):
        gr.top_block.__init__(self)
        self.source = source
        self.block = support.classifier(support.model(model), **settings)
        self.labels, self.scores = blocks.vector_sink_s(), blocks.vector_sink_f(CLASSES)
        self.connect(source, self.block, self.labels)
        self.connect((self.block, 1), self.scores)
        for port in ("decisions", "batches", "status"):
            sink = blocks.message_debug()
            setattr(self, port, sink)
            self.msg_connect(self.block, port, sink, "store")

    def batches_read(self):
        return [decision_pdu.decode(self.batches.get_message(n))
                for n in range(self.batches.num_messages())]


class QaClassifier(gr_unittest.TestCase):
    def setUp(self):
        self.frames = data.read(support.dataset())
        self.model = Classifier.load(support.model("rejecting"))
        self.expected = self.model.decide(self.frames.iq)

    def test_streams_are_the_library_result(self):
        for scaling in ("none", "as_model", "auto"):
            with self.subTest(scaling):
                chain = Chain(htrd.dataset_source(support.dataset()), scaling=scaling)
                support.run(chain)
                self.check_labels(chain.labels.data())
                got = np.reshape(chain.scores.data(), (-1, CLASSES))
                assert_scores_close(got, self.expected.score)
        self.assertTrue(0 < np.count_nonzero(self.expected.rejected) < len(self.frames))

    def test_frames_in_any_scale(self):
        gain = np.linspace(0.01, 90, len(self.frames))[:, None]
        samples = frames.to_complex(self.frames.iq) * gain
        chain = Chain(support.frame_source(samples))
        support.run(chain)
        self.check_labels(chain.labels.data())
        with support.said() as logs:
            chain = Chain(support.frame_source(samples), scaling="none")
            support.run(chain)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("scaling='auto'", logs.output[0])
        self.assertNotEqual(list(chain.labels.data()), list(self.expected.label))

    def test_attacked_frames_are_decided_as_the_attack_took_them(self):
        """Perturbed after they were scaled, or before: the frames' scale tells, or their tags."""
        for gain, scaling in ((1, "none"), (40, "sum_abs")):
            with self.subTest(gain):
                samples = frames.to_complex(self.frames.iq) * np.float32(gain)
                tags = [(row, "modulation", pmt.intern(str(name)))
                        for row, name in enumerate(self.frames.truth)]
                attack = htrd.pgd_injector(support.model("rejecting"), pnr_db=3.0)
                attacked = blocks.vector_sink_c(128)
                chain = Chain(support.frame_source(samples, tags))
                chain.disconnect(chain.source, chain.block)
                chain.connect(chain.source, attack, chain.block)
                chain.connect(attack, attacked)
                support.run(chain)
                said = support.tags_of(attacked)
                self.assertEqual({tag["scaling"] for tag in said}, {scaling})
                perturbed = np.array(attacked.data()).reshape(-1, 128)
                expected = self.model.decide(frames.to_iq(perturbed), scaling)
                assert_decided_alike(chain.labels.data(), expected, self.model.threshold)
                won = ~expected.rejected & (expected.label != self.frames.label)
                alike = won == [tag["attack_success"] for tag in said]
                self.assertGreater(np.mean(alike), 0.95)  # but for frames on an edge
                self.assertGreater(np.mean(won), 0.2)

    def check_labels(self, label, rows=slice(None)):
        """The decisions of the library, in batches of another size."""
        expected = self.expected
        assert_decided_alike(label, Decisions(expected.label[rows], expected.score[rows],
                                              expected.valid[rows]), self.model.threshold)

    def test_other_engines_and_exported_files(self):
        exported = support.folder() / "exported.onnx"
        if installed("onnxruntime"):
            export_onnx.write(exported, self.model, self.frames.iq,
                              settings=ExportSettings(scaling="sum_abs"))
        for model, engine, precision, scaling in (
            (str(exported), "openvino", "float32", "as_model"),
            (str(exported), "onnxruntime", "float32", "auto"),
            (support.model("rejecting"), "torch", "auto", "none"),
            (str(exported), "onnxruntime", "auto", "as_model"),
        ):
            with self.subTest(engine=engine, model=model):
                if not installed(engine) or (".onnx" in model and not exported.exists()):
                    self.skipTest(f"{engine} is not installed")
                flowgraph, labels = gr.top_block(), blocks.vector_sink_s()
                block = htrd.classifier(model, CLASSES, engine=engine, precision=precision,
                                        scaling=scaling)
                source = htrd.dataset_source(support.dataset())
                flowgraph.connect(source, block, labels)
                support.run(flowgraph)
                same = np.array(labels.data()) == self.expected.label
                self.assertGreater(same.mean(), 0.97)  # auto may take bfloat16
                self.assertEqual(block.threshold(), self.model.threshold)
                block.set_target_rejection(1.0)
                self.assertGreater(block.threshold(), self.model.threshold)
        if installed("onnxruntime"):
            for settings, word in (({"scaling": "none"}, "scales its input"),
                                   ({"frame_length": 64}, "64"),
                                   ({"engine": "torch", "scaling": "as_model"}, "torch")):
                with self.assertRaises(UserError) as raised:
                    htrd.classifier(str(exported), CLASSES,
                                    **{"engine": "onnxruntime"} | settings)
                self.assertIn(word, str(raised.exception))

    def test_what_a_radio_tags(self):
        samples = np.ones((3, 128)) * np.exp(1j * np.arange(128)) / 128
        chain = Chain(support.frame_source(samples, [
            (1, "sample_offset", pmt.from_uint64(1 << 40)),
            (1, "frame_power_db", pmt.from_double(-33.5)),
            (2, "snr_db", pmt.from_complex(1j)), (2, "frame_power_db", pmt.intern("loud")),
        ]))
        support.run(chain)
        first, second, third = [fields for fields, _ in support.messages(chain.decisions)]
        self.assertEqual((second["sample_offset"], second["frame_power_db"]), (1 << 40, -33.5))
        for fields in (first, third):
            self.assertFalse({"sample_offset", "frame_power_db", "snr_db"} & set(fields))
        batch = decision_pdu.decode(chain.batches.get_message(0))
        self.assertEqual(batch.sample_offset.tolist(), [-1, 1 << 40, -1])
        np.testing.assert_array_equal(batch.frame_power_db, [np.nan, -33.5, np.nan])
        single = decision_pdu.decode(chain.decisions.get_message(1))
        self.assertEqual(single.sample_offset.tolist(), [1 << 40])

    def test_all_tags_pass(self):
        chain = Chain(htrd.dataset_source(support.dataset()))
        support.run(chain)
        for sink in (chain.labels, chain.scores):
            tags = support.tags_of(sink)
            self.assertEqual([tag["frame_index"] for tag in tags], list(range(len(self.frames))))
            self.assertEqual([tag["modulation"] for tag in tags], list(self.frames.truth))

    def test_decisions_frame_by_frame(self):
        chain = Chain(htrd.dataset_source(support.dataset()))
        support.run(chain)
        got = support.messages(chain.decisions)
        self.assertEqual(len(got), len(self.frames))
        room = rounding.room(self.expected.score)
        for row, (fields, scores) in enumerate(got):
            label = int(chain.labels.data()[row])
            self.assertEqual(fields["frame_index"], row)
            self.assertIs(fields["rejected"], label < 0)
            named = {"modulation": support.CLASSES[label]} if label >= 0 else {}
            self.assertEqual({k: v for k, v in fields.items() if k == "modulation"}, named)
            self.assertEqual(fields["truth"], self.frames.truth[row])
            self.assertEqual(fields["snr_db"], self.frames.snr_db[row])
            self.assertEqual(fields["threshold"], self.model.threshold)
            self.assertNotIn("pnr_db", fields)
            self.assertNotIn("rx_time", fields)
            np.testing.assert_allclose(scores, self.expected.score[row], atol=room[row])
            self.assertAlmostEqual(fields["score"], max(scores), places=6)

    def test_batches_carry_the_same(self):
        chain = Chain(htrd.dataset_source(support.dataset()), publish_decisions=False)
        support.run(chain)
        self.assertEqual(chain.decisions.num_messages(), 0)
        batches = chain.batches_read()
        self.assertEqual({batch.classes for batch in batches}, {support.CLASSES})
        index = np.concatenate([batch.frame_index for batch in batches])
        self.assertEqual(index.tolist(), list(range(len(self.frames))))
        names = (*support.CLASSES, None)
        self.check_labels([names.index(name) if name else -1
                           for batch in batches for name in batch.modulation])
        self.assertEqual([t for batch in batches for t in batch.truth], list(self.frames.truth))
        assert_scores_close(np.concatenate([batch.scores for batch in batches]),
                            self.expected.score)

    def test_without_tags_the_index_is_the_offset(self):
        samples = np.ones((5, 128)) * np.exp(1j * np.arange(128)) / 128
        when = pmt.make_tuple(pmt.from_uint64(7), pmt.from_double(0.5))
        chain = Chain(support.frame_source(samples, [(2, "rx_time", when), (3, "pnr_db",
                                                     pmt.from_double(-10))]))
        support.run(chain)
        got = [fields for fields, _ in support.messages(chain.decisions)]
        self.assertEqual([fields["frame_index"] for fields in got], [0, 1, 2, 3, 4])
        times, levels = [[fields.get(name) for fields in got] for name in ("rx_time", "pnr_db")]
        self.assertEqual(times, [None, None, (7, 0.5), None, None])
        self.assertEqual(levels, [None, None, None, -10, None])
        self.assertFalse(any("truth" in fields for fields in got))

    def test_no_stream_output_needed(self):
        flowgraph = gr.top_block()
        source, block = htrd.dataset_source(support.dataset()), support.classifier(
            support.model("plain"))
        probe = htrd.decision_probe()
        flowgraph.connect(source, block)
        flowgraph.msg_connect(block, "decisions", probe, "decisions")
        support.run(flowgraph)
        self.assertEqual(probe.summary()["frames"], len(self.frames))
        self.assertEqual(probe.summary()["rejected"], 0)

    def test_invalid_frames_are_rejected_and_counted(self):
        samples = np.full((40, 128), 1 / 128, np.complex64)
        samples[3, 5], samples[8], samples[39, 127] = np.nan, 0, complex(0, np.inf)
        with support.said() as logs:
            chain = Chain(support.frame_source(samples), "plain")
            support.run(chain)
        self.assertEqual(len(logs.output), 1)
        rejected = np.flatnonzero(np.array(chain.labels.data()) == -1)
        self.assertEqual(rejected.tolist(), [3, 8, 39])
        self.assertEqual(chain.block.status(), {
            "accepted": 40, "decided": 40, "rejected": 3, "invalid": 3,
            "dropped": 0, "discarded": 0, "queued": 0,
        })
        fields, _ = support.messages(chain.decisions)[3]
        self.assertTrue(fields["rejected"])

    def test_threshold_and_target_rejection_while_running(self):
        everything = self.model.metadata["rejector"]["score_quantiles"]
        chain = Chain(support.slow_source(500), publish_decisions=False)
        chain.start()

        def newest():
            count = chain.batches.num_messages()
            return decision_pdu.decode(chain.batches.get_message(count - 1)) if count else None

        def in_force(threshold):
            support.wait_for(lambda: newest() and newest().threshold[0] == threshold)
            batch = newest()
            np.testing.assert_array_equal(batch.rejected, batch.score < batch.threshold)

        try:
            in_force(self.model.threshold)
            chain.block.set_threshold(everything[100])
            in_force(everything[100])
            chain.block.set_target_rejection(0.3)
            in_force(everything[60])
            support.post(chain.block, "control", pmt.cons(
                pmt.intern("target_rejection"), pmt.from_double(0.2)))
            in_force(everything[40])
            support.post(chain.block, "control", pmt.to_pmt({"threshold": everything[20]}))
            in_force(everything[20])
            with support.said() as logs:
                for message in (pmt.intern("what"), pmt.PMT_NIL, pmt.from_long(3),
                                pmt.to_pmt({"volume": 11}), pmt.to_pmt({"threshold": "high"}),
                                pmt.to_pmt({"threshold": 1e9}), pmt.to_pmt({"threshold": 2e9}),
                                pmt.cons(pmt.from_long(1), pmt.from_long(2))):
                    support.post(chain.block, "control", message)
                before = chain.batches.num_messages()
                support.wait_for(lambda: chain.batches.num_messages() > before + 3)
            self.assertEqual(len(logs.output), 3)
            in_force(everything[20])
            chain.block.set_threshold(None)
            in_force(self.model.threshold)
        finally:
            chain.stop()
            chain.wait()

    def test_status_about_once_a_second(self):
        chain = Chain(htrd.dataset_source(support.dataset(), repeat=True), publish_decisions=False)
        chain.start()
        try:
            support.wait_for(lambda: chain.status.num_messages() >= 3)
        finally:
            chain.stop()
            chain.wait()
        first, second, third = support.messages(chain.status)[:3]
        self.assertEqual(set(first), {*chain.block.status(), "rate", "latency_ms",
                                      "latency_p50_ms"})
        self.assertTrue(0 < second["latency_p50_ms"] <= second["latency_ms"])
        self.assertLess(first["decided"], second["decided"])
        self.assertLess(second["decided"], third["decided"])
        # Not more often than once a second; later where the machine is busy
        elapsed = (third["decided"] - second["decided"]) / third["rate"]
        self.assertGreaterEqual(elapsed, 0.99)

    def test_bad_construction(self):
        rejecting, plain = support.model("rejecting"), support.model("plain")
        for settings, word in (
            ({"model": "/nowhere"}, "/nowhere"),
            ({"model": support.dataset()}, "safetensors"),
            ({"num_classes": 11}, "3 classes"),
            ({"num_classes": 0}, "num_classes"),
            ({"frame_length": 64}, "64"),
            ({"scaling": "loud"}, "loud"),
            ({"device": "abacus"}, "abacus"),
            ({"threshold": 1e6}, "1000000"),
            ({"threshold": float("nan")}, "nan"),
            ({"threshold": "high"}, "high"),
            ({"target_rejection": 1.5}, "1.5"),
            ({"threshold": 0.0, "target_rejection": 0.1}, "not both"),
            ({"model": plain, "threshold": 0.0}, "no rejector"),
            ({"model": plain, "target_rejection": 0.1}, "no rejector"),
        ):
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                support.classifier(**{"model": rejecting, "num_classes": CLASSES} | settings)
            self.assertIn(word, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))


if __name__ == "__main__":
    gr_unittest.run(QaClassifier)
