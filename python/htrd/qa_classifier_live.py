#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""classifier in live mode: every frame counted once, batches, starts and stops, other models."""

import threading
import time
import unittest

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest
from robust_amc import data, frames
from robust_amc.classifier import Classifier, Decisions
from robust_amc.errors import UserError
from robust_amc.inference.choose import installed
from robust_amc.models import build
from robust_amc.tests.rounding import assert_decided_alike, assert_scores_close

CLASSES = len(support.CLASSES)


class ChunkSource(gr.sync_block):
    """Frames of the data set in chunks of random size, all tagged; then silence until `end`."""

    def __init__(self, count, seed=0, pause=0.0, endless=False):
        gr.sync_block.__init__(self, "chunk_source", None, [(np.complex64, 128)])
        dataset = data.read(support.dataset())
        self.samples, self.truth = frames.to_complex(dataset.iq), dataset.truth
        self.count, self.pause, self.end = count, pause, threading.Event()
        self.rng, self.sent = np.random.default_rng(seed), 0
        if not endless:
            self.end.set()

    def work(self, input_items, output_items):
        chunk = min(len(output_items[0]), self.rng.integers(1, 50), self.count - self.sent)
        if not chunk:
            time.sleep(0.01)
            return -1 if self.end.is_set() else 0
        rows = np.arange(self.sent, self.sent + chunk)
        output_items[0][:chunk] = self.samples[rows % len(self.samples)]
        written = self.nitems_written(0)
        for item, row in enumerate(rows.tolist()):
            for name, value in (
                ("modulation", pmt.intern(str(self.truth[row % len(self.truth)]))),
                ("sample_offset", pmt.from_uint64(128 * row)),
                ("frame_power_db", pmt.from_double(-row)),
                ("rx_time", pmt.make_tuple(pmt.from_uint64(row), pmt.from_double(0.5))),
                ("frame_index", pmt.from_long(row)),
            ):
                self.add_item_tag(0, written + item, pmt.intern(name), value)
        self.sent += chunk
        time.sleep(self.rng.uniform(0, self.pause))
        return int(chunk)


class Chain(gr.top_block):
    """A source and a live classifier; keeps each batch that it publishes."""

    def __init__(self, source, model=None, **settings):
        gr.top_block.__init__(self)
        self.source = source
        self.block = support.classifier(
            model or support.model("rejecting"), mode="live",
            **{"publish_decisions": False} | settings,
        )
        self.connect(source, self.block)
        self.store = support.Store(self.block, self)
        self.batches, self.status = self.store.batches, self.store.status

    def wait(self):
        """Until the flowgraph has ended and all that it published has come."""
        gr.top_block.wait(self)
        self.store.drain()

    def column(self, name):
        return np.concatenate([np.zeros(0), *(getattr(batch, name) for batch in self.batches)])

    def counts(self):
        return self.block.status()


class Slow(Classifier):
    """The rejecting model, with a pause for each frame, so long as `seconds` says."""

    seconds = 0.001
    broken = False

    def scores(self, iq):
        time.sleep(self.seconds * len(iq))
        if self.broken:
            raise RuntimeError("out of memory")
        return super().scores(iq)


class QaClassifierLive(gr_unittest.TestCase):
    LANES = 1  # threads that decide
    PAUSE = 0.004  # seconds at most between chunks that come faster than a slow model decides
    FLOOD = 3000  # frames of which a slow model decides the fewest

    def slow_model(self, seconds=0.001):
        """What takes so long for a frame."""
        model = Slow.load(support.model("rejecting"))
        model.seconds = seconds
        return model

    def setUp(self):
        self.frames = data.read(support.dataset())
        self.expected = Classifier.load(support.model("rejecting")).decide(self.frames.iq)

    def check_counts(self, chain):
        """Each accepted frame is decided, dropped or discarded; each decision is published once."""
        counts = chain.counts()
        self.assertEqual(counts["queued"], 0)
        self.assertEqual(
            counts["accepted"], counts["decided"] + counts["dropped"] + counts["discarded"]
        )
        self.assertEqual(len(chain.column("frame_index")), counts["decided"])
        self.assertEqual(support.live_threads(), [])
        return counts

    def test_decisions_of_all_frames_with_what_their_tags_say(self):
        count = 500
        chain = Chain(ChunkSource(count, endless=True), max_batch=32)
        sink = blocks.message_debug()
        chain.msg_connect(chain.block, "batches", sink, "store")
        chain.start()
        support.wait_for(lambda: chain.counts()["decided"] == count)
        support.wait_for(lambda: sink.num_messages() == len(chain.batches))
        chain.stop()
        chain.wait()
        rows = np.arange(count)
        original = rows % len(self.frames)
        self.assertEqual(chain.column("frame_index").tolist(), rows.tolist())
        self.assertEqual(chain.column("sample_offset").tolist(), (128 * rows).tolist())
        self.assertEqual(chain.column("frame_power_db").tolist(), (-rows).tolist())
        self.assertEqual(chain.column("truth").tolist(), list(self.frames.truth[original]))
        times = [when for batch in chain.batches for when in batch.rx_time]
        self.assertEqual(times, [(row, 0.5) for row in range(count)])
        label = [support.CLASSES.index(name) if name else -1
                 for batch in chain.batches for name in batch.modulation]
        expected = Decisions(*(column[original] for column in (
            self.expected.label, self.expected.score, self.expected.valid)))
        threshold = Classifier.load(support.model("rejecting")).threshold
        assert_decided_alike(label, expected, threshold)
        scores = np.concatenate([batch.scores for batch in chain.batches])
        assert_scores_close(scores, expected.score)
        self.assertLessEqual(max(map(len, chain.batches)), 32)
        self.assertEqual(self.check_counts(chain)["dropped"], 0)

    def test_a_slow_model_drops_the_oldest_and_counts_exactly(self):
        for seed in range(3):
            with self.subTest(seed):
                source = ChunkSource(1500, seed, pause=self.PAUSE)
                chain = Chain(source, self.slow_model(), max_batch=16, queue_frames=64)
                support.run(chain)
                counts = self.check_counts(chain)
                self.assertEqual(counts["accepted"], 1500)
                self.assertGreater(counts["dropped"], 100)
                index = chain.column("frame_index")
                self.assertTrue((np.diff(index) > 0).all())
                # Of the last 64 frames, none was dropped: they were decided or discarded
                last = np.count_nonzero(index >= 1500 - 64)
                self.assertEqual(last + counts["discarded"], 64)

    def test_what_is_queued_at_the_end_is_discarded_after_a_short_time(self):
        chain = Chain(ChunkSource(self.FLOOD), self.slow_model(0.02), max_batch=2,
                      queue_frames=2 * self.FLOOD)
        start = time.monotonic()
        support.run(chain)
        # A minute for all of them
        self.assertLess(time.monotonic() - start, 30)
        counts = self.check_counts(chain)
        self.assertEqual((counts["accepted"], counts["dropped"]), (self.FLOOD, 0))
        self.assertGreater(counts["discarded"], self.FLOOD / 2)
        self.assertGreater(counts["decided"], 0)

    def test_a_batch_waits_for_the_latency_at_most(self):
        for pause, latency, most in ((0.02, 60.0, 10_000), (0.0, 600_000.0, 50)):
            with self.subTest(latency):
                chain = Chain(ChunkSource(400, endless=True, pause=pause), latency_ms=latency,
                              max_batch=most, queue_frames=10_000)
                chain.start()
                support.wait_for(lambda chain=chain: chain.counts()["decided"] == 400)
                chain.stop()
                chain.wait()
                sizes = [len(batch) for batch in chain.batches]
                if most == 50:  # full batches are not kept waiting
                    self.assertEqual(sizes, 8 * [50])
                else:
                    self.assertGreater(len(sizes), 1)
                    self.assertGreater(max(sizes), 1)
                self.check_counts(chain)

    def test_started_and_stopped_again_and_again(self):
        source = support.frame_source(frames.to_complex(self.frames.iq), repeat=True)
        chain = Chain(source, self.slow_model(), max_batch=16, queue_frames=64, latency_ms=1)
        before = 0
        for cycle in range(8):
            chain.start()
            support.wait_for(lambda: chain.counts()["decided"] > before)  # noqa: B023
            if cycle % 2:
                for _ in range(2):
                    chain.lock()
                    chain.unlock()
            support.wait_for(lambda: len(support.live_threads()) == self.LANES)
            chain.stop()
            chain.wait()
            before = self.check_counts(chain)["decided"]
        index = chain.column("frame_index")
        restarts = np.flatnonzero(np.diff(index) <= 0)
        self.assertLessEqual(len(restarts), 8 + 2 * 4)  # without a tag it counts from the start

    def test_status_once_a_second_also_of_silence(self):
        chain = Chain(ChunkSource(200, endless=True))
        chain.start()
        support.wait_for(lambda: len(chain.status) >= 4)
        chain.stop()
        chain.wait()
        names = {*chain.counts(), "rate"}
        for status in chain.status[1:3]:
            self.assertLessEqual(names, set(status))
        silent = chain.status[3]
        self.assertEqual(set(silent), names)
        self.assertEqual((silent["rate"], silent["decided"], silent["queued"]), (0, 200, 0))
        self.assertTrue(0 < chain.status[0]["latency_p50_ms"] <= chain.status[0]["latency_ms"])

    def test_a_batch_that_fails_is_discarded_and_the_flow_goes_on(self):
        model = self.slow_model()
        model.broken = True
        chain = Chain(ChunkSource(5000, endless=True, pause=0.01), model)
        with support.said() as logs:
            chain.start()
            support.wait_for(lambda: chain.counts()["discarded"] > 100)
        model.broken = False
        support.wait_for(lambda: chain.counts()["decided"] > 100)
        chain.stop()
        chain.wait()
        self.check_counts(chain)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("out of memory", logs.output[0])

    def test_setters_and_messages_from_other_threads(self):
        quantiles = Classifier.load(support.model("rejecting")).metadata["rejector"][
            "score_quantiles"]
        chain = Chain(support.slow_source(2000), latency_ms=2)
        done = threading.Event()

        def disturb(seed):
            rng = np.random.default_rng(seed)
            while not done.is_set():
                chain.block.set_threshold(quantiles[rng.integers(20, 60)])
                time.sleep(0.002)
                chain.block.set_target_rejection(0.1)
                support.post(chain.block, "control", pmt.to_pmt({"target_rejection": 0.2}))
                support.post(chain.block, "control", pmt.intern("nonsense"))
                chain.block.status()
                time.sleep(0.001)

        threads = [threading.Thread(target=disturb, args=(seed,)) for seed in range(3)]
        with support.said() as logs:
            chain.start()
            for thread in threads:
                thread.start()
            support.wait_for(lambda: chain.counts()["decided"] > 2000)
            done.set()
            for thread in threads:
                thread.join()
            chain.stop()
            chain.wait()
        self.assertEqual(len(logs.output), 1)
        self.check_counts(chain)
        for batch in chain.batches:
            self.assertEqual(len(set(batch.threshold)), 1)
            np.testing.assert_array_equal(batch.rejected, batch.score < batch.threshold)
        self.assertGreater(len({batch.threshold[0] for batch in chain.batches}), 1)

    def test_another_model_without_a_restart(self):
        chain = Chain(support.slow_source(1000), target_rejection=0.2)
        chain.start()

        def in_force(threshold):
            support.wait_for(lambda: chain.batches and chain.batches[-1].threshold[0] == threshold)

        quantiles = Classifier.load(support.model("rejecting")).metadata["rejector"][
            "score_quantiles"]
        try:
            in_force(quantiles[40])
            with support.said() as logs:
                for wrong in ("/nowhere", support.dataset(), 3, 4):
                    support.post(chain.block, "control", pmt.to_pmt({"model": wrong}))
                support.wait_for(lambda: len(logs.output) == 2)  # no such model, no name
            in_force(quantiles[40])
            support.post(chain.block, "control", pmt.to_pmt({"model": support.model("plain")}))
            in_force(-np.inf)
            self.assertIsNone(chain.block.threshold())
            chain.block.set_model(support.model("rejecting"))
            in_force(quantiles[40])  # the target rejection is in force again
            chain.block.set_threshold(quantiles[100])
            in_force(quantiles[100])
            chain.block.set_model(support.model("rejecting"))
            in_force(Classifier.load(support.model("rejecting")).threshold)
        finally:
            chain.stop()
            chain.wait()
        self.check_counts(chain)
        with self.assertRaises(UserError):
            chain.block.set_model(None)

    def test_models_that_do_not_fit_are_not_put_in_force(self):
        place = support.folder()
        for name, changed in (
            ("fewer", {"classes": support.CLASSES[:2]}),
            ("others", {"classes": ("BPSK", "QPSK", "8PSK")}),
            ("longer", {"frame_length": 256}),
        ):
            facts = {"classes": support.CLASSES, "frame_length": 128} | changed
            Classifier(
                build("vtcnn2", len(facts["classes"]), facts["frame_length"], input_gain=100.0),
                facts["classes"],
                metadata={"architecture": {"name": "vtcnn2", "input_gain": 100.0},
                          "frame_length": facts["frame_length"], "scaling": "sum_abs"},
            ).save(place / f"{name}.safetensors")
        (place / "damaged.onnx").write_bytes(b"no model")
        for wrong, word in (
            ("/nowhere", "/nowhere"), ("fewer.safetensors", "BPSK, QPSK, not"),
            ("others.safetensors", "8PSK"), ("longer.safetensors", "256"),
            ("damaged.onnx", "damaged.onnx"),
        ):
            with self.subTest(wrong):
                block = support.classifier(support.model("rejecting"), mode="live")
                before = block.threshold()
                with support.said() as logs:
                    block.set_model(str(place / wrong))
                    support.wait_for(lambda logs=logs: logs.output)
                self.assertIn(word, logs.output[0])
                self.assertEqual(block.threshold(), before)

    @unittest.skipUnless(installed("onnxruntime"), "onnxruntime is not installed")
    def test_an_engine_that_decides_two_batches_at_once(self):
        chain = Chain(ChunkSource(3000, endless=True), engine="onnxruntime", max_batch=32,
                      queue_frames=4000)
        chain.start()
        support.wait_for(lambda: len(support.live_threads()) == 2)
        support.wait_for(lambda: chain.counts()["decided"] == 3000)
        chain.stop()
        chain.wait()
        self.assertEqual(self.check_counts(chain)["dropped"], 0)
        rows = np.arange(3000)
        self.assertEqual(chain.column("frame_index").tolist(), rows.tolist())
        scores = np.concatenate([batch.scores for batch in chain.batches])
        assert_scores_close(scores, self.expected.score[rows % len(self.frames)])

    def test_no_stream_outputs(self):
        flowgraph = gr.top_block()
        block = support.classifier(support.model("rejecting"), mode="live")
        with self.assertRaises(ValueError):
            flowgraph.connect(block, blocks.null_sink(2))

    def test_bad_construction(self):
        for settings, word in (
            ({"mode": "dead"}, "dead"),
            ({"latency_ms": -1.0}, "latency_ms"),
            ({"latency_ms": float("nan")}, "latency_ms"),
            ({"max_batch": 0}, "max_batch"),
            ({"queue_frames": 100}, "queue_frames"),
            ({"engine": "steam"}, "steam"),
            ({"precision": "float3"}, "float3"),
            ({"engine": "onnxruntime", "precision": "bfloat16"}, "bfloat16"),
        ):
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                support.classifier(support.model("rejecting"), **{"mode": "live"} | settings)
            self.assertIn(word, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))


if __name__ == "__main__":
    gr_unittest.run(QaClassifierLive)
