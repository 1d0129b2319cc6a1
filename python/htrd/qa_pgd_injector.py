#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""pgd_injector: the library's attack frame by frame, tags, setters, invalid frames."""

import logging
from unittest import mock

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.dataset_source import BUFFER as SOURCE_BUFFER
from gnuradio.htrd.messages import decision_pdu
from gnuradio.htrd.pgd_injector import BUFFER
from robust_amc import data, frames, power
from robust_amc.attacks import AttackSettings, Goal, white_box
from robust_amc.classifier import Classifier
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.tests.rounding import on_edge


class Chain(gr.top_block):
    """A source, the injector, and sinks for both of its outputs."""

    def __init__(self, source, model="plain", **settings):
        gr.top_block.__init__(self)
        self.source = source
        self.block = htrd.pgd_injector(support.model(model), **settings)
        self.frames, self.perturbation = blocks.vector_sink_c(128), blocks.vector_sink_c(128)
        self.connect(source, self.block, self.frames)
        self.connect((self.block, 1), self.perturbation)

    def result(self):
        """Frames and perturbations, complex64 ``[n, 128]``."""
        return [np.array(sink.data(), np.complex64).reshape(-1, 128)
                for sink in (self.frames, self.perturbation)]


class QaPgdInjector(gr_unittest.TestCase):
    def setUp(self):
        self.dataset = data.read(support.dataset())
        self.clean = frames.to_complex(self.dataset.iq)

    def library(self, model, pnr_db, goal, label=None, snr_db=None, settings=None):
        """The attack without GNU Radio, on the frames as the source sends them."""
        iq = frames.to_iq(self.clean)
        energy = frames.energy(iq.astype(np.float64))
        snr_db = self.dataset.snr_db if snr_db is None else snr_db
        epsilon = power.epsilon(energy, snr_db, pnr_db)
        label = self.dataset.label if label is None else label
        return white_box(Classifier.load(support.model(model)), iq, label, epsilon, goal=goal,
                         settings=settings), epsilon

    def test_the_library_attack_frame_by_frame(self):
        for model, goal in (("plain", Goal.EVASION), ("rejecting", Goal.EVASION_OR_REJECTION)):
            with self.subTest(model):
                # float32: in bfloat16 the size of a batch decides the last bits
                settings = AttackSettings(steps=3, restarts=0, objectives=2, fast=False)
                expected, epsilon = self.library(model, -20.0, goal, settings=settings)
                chain = Chain(htrd.dataset_source(support.dataset()), model, pnr_db=-20.0, steps=3,
                              objectives=2, goal=goal.value, fast=False)
                support.run(chain)
                got, perturbation = chain.result()
                tags = support.tags_of(chain.frames)
                success = np.array([tag["attack_success"] for tag in tags])
                self.assertTrue(0 < np.count_nonzero(success) < len(success))
                same = success == expected.success
                self.assertGreater(same.mean(), 0.97)  # a frame on the edge may tip over
                close = np.abs(frames.to_iq(got) - expected.iq).max((1, 2)) < 1e-3
                self.assertGreater(close.mean(), 0.95)
                np.testing.assert_allclose(got - self.clean, perturbation, atol=1e-7)
                size = np.linalg.norm(perturbation, axis=1)
                self.assertTrue((size <= epsilon * (1 + 1e-5)).all())

    def test_in_batches_as_one_by_one(self):
        alone, won = self.attacked_in_batches_of(1, fast=False)
        self.assertTrue(0 < np.count_nonzero(won) < len(won))
        for batch_size in (7, 64):
            with self.subTest(batch_size):
                got, success = self.attacked_in_batches_of(batch_size, fast=False)
                # A frame on the edge may tip over by the last bit of a number
                self.assertGreaterEqual((success == won).mean(), 0.95)
                close = np.abs(got - alone).max(1) < 1e-3 * np.abs(alone).max(1)
                self.assertGreater(close.mean(), 0.9)

    def test_bfloat16_wins_as_much_in_batches_of_any_size(self):
        """Also where it is slow. It may find other perturbations; what it says of them holds."""
        few = data.read(support.dataset()).limit(40, 0)  # as the source takes them
        clean, model = frames.to_complex(few.iq), Classifier.load(support.model("rejecting"))
        energy = frames.energy(frames.to_iq(clean).astype(np.float64))
        epsilon = power.epsilon(energy, few.snr_db, -15.0)
        exact, won = self.attacked_in_batches_of(64, fast=False)
        with mock.patch("robust_amc.runtime.device._cpu_has_bfloat16", return_value=True):
            for batch_size in (1, 7, 64):
                with self.subTest(batch_size):
                    got, success = self.attacked_in_batches_of(batch_size, fast=True)
                    self.assertTrue((got != exact).any())
                    size = np.linalg.norm(got - clean, axis=1)
                    self.assertTrue((size <= epsilon * (1 + 1e-5)).all())
                    self.assertAlmostEqual(success.sum(), won.sum(), delta=5)
                    self.check_success(model, got, success, few.label)

    def check_success(self, model, samples, success, label):
        """Success is what the classifier decides in float32, but for frames on an edge."""
        decided = model.decide(frames.to_iq(samples))
        evaded = ~decided.rejected & (decided.label != label)
        edge = on_edge(decided.score, model.threshold)
        self.assertLess(edge.mean(), 0.2)
        np.testing.assert_array_equal(success[~edge], evaded[~edge])

    def attacked_in_batches_of(self, batch_size, fast):
        """Attacked frames, and which attacks succeeded."""
        chain = Chain(htrd.dataset_source(support.dataset(), limit=40), "rejecting",
                      pnr_db=-15.0, steps=4, objectives=2, fast=fast, batch_size=batch_size)
        support.run(chain)
        success = [tag["attack_success"] for tag in support.tags_of(chain.frames)]
        return chain.result()[0], np.array(success)

    def test_locked_and_unlocked_while_frames_pass(self):
        path, count, restarts = support.folder() / "many.npz", 2400, 10
        whole = support.make_dataset(count // 6, seed=4)
        npz.write(whole, path)
        source = htrd.dataset_source(str(path), repeat=True)
        # So weak that each frame can be told by its scores
        injector = htrd.pgd_injector(support.model("rejecting"), pnr_db=-80.0, steps=1)
        classifier = support.classifier(support.model("rejecting"),
                                     publish_decisions=False)
        batches, publish = [], classifier.message_port_pub

        def listen(port, message):
            # A sink would not do: it may end before the classifier does
            if pmt.symbol_to_string(port) == "batches":
                batches.append(decision_pdu.decode(message))
            publish(port, message)

        classifier.message_port_pub = listen
        flowgraph = gr.top_block()
        flowgraph.connect(source, injector, classifier)
        flowgraph.start()
        for _ in range(restarts):
            before = len(batches)
            support.wait_for(lambda before=before: len(batches) > before + 2)
            flowgraph.lock()
            flowgraph.unlock()
        flowgraph.stop()
        flowgraph.wait()

        index = np.concatenate([batch.frame_index for batch in batches])
        counts = classifier.status()
        self.assertEqual((counts["accepted"], counts["decided"]), (len(index), len(index)))
        # From one frame to the next it is one step, but for what sat in buffers at a restart;
        # a frame that came twice, or too late, would be a step of 0, or of almost `count`
        steps = np.diff(index, prepend=-1) % count
        self.assertEqual(index[0], 0)
        self.assertLessEqual(np.count_nonzero(steps != 1), restarts)
        self.assertGreater(steps.min(), 0)
        self.assertLessEqual(steps.max(), SOURCE_BUFFER + BUFFER)
        self.assertEqual([name for batch in batches for name in batch.truth],
                         whole.truth[index].tolist())
        self.assertFalse(np.isnan(np.concatenate([batch.pnr_db for batch in batches])).any())
        expected = Classifier.load(support.model("rejecting")).decide(whole.iq[index]).score
        scores = np.concatenate([batch.scores for batch in batches])
        np.testing.assert_allclose(scores, expected, atol=1e-2)

    def test_status_and_a_rate_that_is_out_of_reach(self):
        for frame_rate, warnings in ((1.0, 0), (1e6, 1)):
            with self.subTest(frame_rate):
                flowgraph = gr.top_block()
                source = htrd.dataset_source(support.dataset(), repeat=True)
                block = htrd.pgd_injector(support.model("plain"), steps=1, frame_rate=frame_rate)
                sink, status = blocks.null_sink(128 * 8), blocks.message_debug()
                flowgraph.connect(source, block, sink)
                flowgraph.msg_connect(block, "status", status, "store")
                with self.assertLogs("gnuradio.htrd", "WARNING") as logs:
                    logging.getLogger("gnuradio.htrd").warning("so that there is one")
                    flowgraph.start()
                    support.wait_for(lambda status=status: status.num_messages() >= 3)
                    flowgraph.stop()
                    flowgraph.wait()
                self.assertEqual(len(logs.output) - 1, warnings)
                self.assertEqual("universal" in logs.output[-1], bool(warnings))
                first, second, third = support.messages(status)[:3]
                self.assertEqual(set(first), {"attacked", "rate", "possible", "invalid"})
                # Not more often than once a second; later where the machine is busy
                elapsed = (third["attacked"] - second["attacked"]) / third["rate"]
                self.assertGreaterEqual(elapsed, 0.99)
                self.assertLessEqual(third["rate"], 1.01 * third["possible"])
                self.assertGreater(block.rate(), 0)

    def test_tags_kept_and_measured(self):
        chain = Chain(htrd.dataset_source(support.dataset()), pnr_db=-6.0)
        support.run(chain)
        _, perturbation = chain.result()
        energy = frames.energy(frames.to_iq(self.clean).astype(np.float64))
        level = power.pnr_db((np.abs(perturbation.astype(complex)) ** 2).sum(1), energy,
                             self.dataset.snr_db)
        for sink in (chain.frames, chain.perturbation):
            tags = support.tags_of(sink)
            self.assertEqual([t["frame_index"] for t in tags], list(range(len(self.clean))))
            self.assertEqual([t["modulation"] for t in tags], list(self.dataset.truth))
            self.assertEqual([t["snr_db"] for t in tags], self.dataset.snr_db.tolist())
            np.testing.assert_allclose([t["pnr_db"] for t in tags], level, atol=1e-3)
            self.assertTrue(max(t["pnr_db"] for t in tags) <= -6 + 1e-3)

    def test_success_is_what_the_classifier_then_decides(self):
        chain = Chain(htrd.dataset_source(support.dataset()), "rejecting", pnr_db=0.0)
        support.run(chain)
        success = [tag["attack_success"] for tag in support.tags_of(chain.frames)]
        self.check_success(Classifier.load(support.model("rejecting")), chain.result()[0],
                           np.array(success), self.dataset.label)

    def test_without_tags_the_models_own_class_and_the_snr_parameter(self):
        model = Classifier.load(support.model("plain"))
        label = model.decide(frames.to_iq(self.clean)).score.argmax(1)
        settings = AttackSettings(steps=5, restarts=0, objectives=1, chained=False, fast=False)
        expected, epsilon = self.library("plain", -10, Goal.EVASION, label, 4.0, settings)
        chain = Chain(support.frame_source(self.clean), snr_db=4.0, fast=False)
        support.run(chain)
        got, perturbation = chain.result()
        success = [tag["attack_success"] for tag in support.tags_of(chain.frames)]
        self.assertGreater((success == expected.success).mean(), 0.97)
        self.assertTrue((np.linalg.norm(perturbation, axis=1) <= epsilon * (1 + 1e-5)).all())

    def test_a_second_injector_replaces_the_tags_of_the_first(self):
        flowgraph = gr.top_block()
        source = htrd.dataset_source(support.dataset(), limit=10)
        chain = [htrd.pgd_injector(support.model("plain"), pnr_db=level, steps=1)
                 for level in (10.0, -30.0)]
        sink = blocks.vector_sink_c(128)
        flowgraph.connect(source, *chain, sink)
        support.run(flowgraph)
        self.assertEqual(sum(pmt.eq(tag.key, pmt.intern("pnr_db")) for tag in sink.tags()), 10)
        self.assertLess(max(tag["pnr_db"] for tag in support.tags_of(sink)), -29.9)

    def test_invalid_frames_pass_and_are_counted(self):
        samples = self.clean[:20].copy()
        samples[2, 7], samples[11] = np.nan, 0
        with self.assertLogs("gnuradio.htrd.pgd_injector", "WARNING") as logs:
            chain = Chain(support.frame_source(samples, [(2, "snr_db", pmt.from_double(10))]))
            support.run(chain)
        got, perturbation = chain.result()
        self.assertEqual((len(logs.output), chain.block.invalid()), (1, 2))
        np.testing.assert_array_equal(got[[2, 11]], samples[[2, 11]])
        np.testing.assert_array_equal(perturbation[[2, 11]], 0)
        marked = {tag.offset for tag in chain.frames.tags()
                  if pmt.eq(tag.key, pmt.intern("pnr_db"))}
        self.assertEqual(marked, set(range(20)) - {2, 11})
        self.assertTrue(np.isfinite(got[np.arange(20) != 2]).all())

    def test_setters_and_messages_while_running(self):
        flowgraph = gr.top_block()
        source = support.slow_source(400)
        block = htrd.pgd_injector(support.model("plain"), enabled=False, steps=1)
        sink = blocks.vector_sink_c(128)
        flowgraph.connect(source, block, sink)
        flowgraph.start()

        def newest():
            count = len(sink.data()) // 128
            levels = {t.offset: pmt.to_double(t.value) for t in sink.tags()
                      if pmt.eq(t.key, pmt.intern("pnr_db"))}
            return [levels.get(offset) for offset in range(max(count - 5, 0), count)]

        def in_force(low, high):
            support.wait_for(lambda: any(
                level is not None and low < level < high for level in newest()))

        def off():
            support.wait_for(lambda: len(newest()) == 5 and not any(newest()))

        try:
            off()
            block.set_enabled(True)
            block.set_pnr_db(20.0)
            in_force(19.5, 20.1)
            block.set_pnr_db(-20.0)
            in_force(-20.5, -19.9)
            support.post(block, "control", pmt.cons(pmt.intern("pnr_db"), pmt.from_double(10)))
            in_force(9.5, 10.1)
            support.post(block, "control", pmt.to_pmt({"enabled": False, "pnr_db": 3.0}))
            off()
            self.assertEqual((block.pnr_db(), block.enabled()), (3.0, False))
            with self.assertLogs("gnuradio.htrd.pgd_injector", "WARNING") as logs:
                for message in (pmt.from_double(3), pmt.to_pmt({"pnr": 1}),
                                pmt.to_pmt({"pnr_db": float("nan")}), pmt.to_pmt({"enabled": "on"}),
                                pmt.to_pmt({"pnr_db": "loud", "enabled": True})):
                    support.post(block, "control", message)
                support.wait_for(block.enabled)
            self.assertEqual(len(logs.output), 4)
            self.assertEqual(block.pnr_db(), 3.0)
            in_force(2.5, 3.1)
        finally:
            flowgraph.stop()
            flowgraph.wait()
        with self.assertRaises(UserError):
            block.set_pnr_db(float("inf"))

    def test_bad_construction(self):
        for settings, word in (
            ({"model": "/nowhere"}, "/nowhere"),
            ({"pnr_db": float("inf")}, "pnr_db"),
            ({"pnr_db": "loud"}, "pnr_db"),
            ({"snr_db": float("nan")}, "snr_db"),
            ({"steps": 0}, "steps"),
            ({"restarts": -1}, "restarts"),
            ({"batch_size": 0}, "batch_size"),
            ({"goal": "harm"}, "harm"),
            ({"scaling": "loud"}, "loud"),
            ({"device": "abacus"}, "abacus"),
            ({"frame_length": 256}, "256"),
            ({"frame_rate": -1.0}, "frame_rate"),
            ({"frame_rate": "fast"}, "frame_rate"),
        ):
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                htrd.pgd_injector(**{"model": support.model("plain")} | settings)
            self.assertIn(word, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))


if __name__ == "__main__":
    gr_unittest.run(QaPgdInjector)
