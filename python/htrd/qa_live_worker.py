#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue and the threads of the live mode, without a flowgraph: order, bounds, stops."""

import threading
import time

import numpy as np
import support_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.live.queue import LiveQueue
from gnuradio.htrd.live.worker import LiveWorker


class QaLiveWorker(gr_unittest.TestCase):
    def test_the_queue_beside_a_list(self):
        rng = np.random.default_rng(5)
        queue, kept, number = LiveQueue(37, 4), [], 0
        for _ in range(2000):
            if rng.random() < 0.6:
                index = np.arange(number, number + rng.integers(1, 60))
                number += len(index)
                queue.put(np.repeat(index[:, None], 4, axis=1), {
                    "frame_index": index, "truth": [str(n) for n in index.tolist()]})
                kept = (kept + index.tolist())[-37:]
            else:
                most = int(rng.integers(1, 50))
                batch, expected = queue.take(most, 0, 0), kept[:most]
                kept = kept[most:]
                self.assertEqual(list(batch.get("frame_index", [])), expected)
                if batch:
                    self.assertEqual(batch["samples"].real.tolist(), [4 * [n] for n in expected])
                    self.assertEqual(list(batch["truth"]), [str(n) for n in expected])
            self.assertEqual(len(queue), len(kept))
        self.assertEqual(queue.accepted, number)
        queue.close(10)
        self.assertEqual(len(queue.take(5, 100, 100)["samples"]), min(5, len(kept)))
        queue.close(0)
        self.assertIsNone(queue.take(5, 100, 100))
        self.assertEqual(queue.clear(), max(len(kept) - 5, 0))

    def test_lanes_publish_in_order(self):
        rng, log, running, most_running = np.random.default_rng(3), [], set(), []
        pauses = rng.uniform(0, 0.004, 4000)

        def decide(batch):
            first = int(batch["frame_index"][0])
            running.add(first)
            most_running.append(len(running))
            time.sleep(pauses[first])
            running.remove(first)
            if first % 7 == 0:
                raise RuntimeError("no")
            return first

        def publish(batch, first):
            self.assertEqual(first, batch["frame_index"][0])
            if first % 11 == 0:
                raise RuntimeError("nobody listens")
            log.append(("published", batch["frame_index"].tolist()))

        def failed(batch, error):
            log.append((str(error), batch["frame_index"].tolist()))

        queue = LiveQueue(4000, 4)
        worker = LiveWorker(queue, decide, publish, failed, lambda: None, 9, 0.0, lanes=2)
        for start in range(0, 4000, 2000):  # and once more, after a stop
            worker.start()
            index = np.arange(start, start + 2000)
            queue.put(np.zeros((2000, 4), np.complex64), {"frame_index": index})
            support.wait_for(lambda: not len(queue))
            self.assertEqual(worker.stop(), 0)
        self.assertEqual(support.live_threads(), [])
        self.assertEqual([row for _, rows in log for row in rows], list(range(4000)))
        for outcome, rows in log:
            expected = "no" if rows[0] % 7 == 0 else "nobody listens"
            self.assertEqual(outcome, expected if rows[0] % 7 * (rows[0] % 11) == 0
                             else "published")
        self.assertEqual(max(most_running), 2)

    def test_a_lane_that_dies_holds_up_nobody(self):
        tries = iter(range(100))

        def idle():
            if next(tries) % 3 == 0:
                raise RuntimeError("no status")

        queue, published = LiveQueue(100, 4), []
        worker = LiveWorker(queue, lambda batch: None, lambda batch, decided: published.append(
            len(batch["frame_index"])), self.fail, idle, 10, 0.0, lanes=2)
        said, threading.excepthook = threading.excepthook, lambda args: None
        self.addCleanup(setattr, threading, "excepthook", said)
        for round_ in range(3):
            worker.start()
            queue.put(np.zeros((100, 4), np.complex64), {"frame_index": np.arange(100)})
            support.wait_for(lambda: len(queue) < 100 or not support.live_threads())
            stop = threading.Thread(target=worker.stop, daemon=True)
            stop.start()
            stop.join(support.TIMEOUT)
            self.assertFalse(stop.is_alive(), f"round {round_}: stop() hangs")
            self.assertEqual(support.live_threads(), [])
        self.assertGreater(sum(published), 0)


if __name__ == "__main__":
    gr_unittest.run(QaLiveWorker)
