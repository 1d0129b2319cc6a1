#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""classifier: prediction sets and the drift alarm of a calibrated model, as the library's."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import gr, gr_unittest, htrd
from gnuradio.htrd.messages import decision_pdu, signal_pdu
from qa_classifier import Chain
from robust_amc import data, frames
from robust_amc.classifier import Classifier
from robust_amc.rejection import conformal, drift
from robust_amc.rejection.conformal import ConformalSettings


def calibrate():
    """A calibrated Classifier, which is also the model `calibrated` in the folder."""
    model = Classifier.load(support.model("rejecting"))
    settings = ConformalSettings(per_label=True)
    made = conformal.calibrate(model, support.make_dataset(40, seed=4), settings)
    path = support.folder() / "calibrated.safetensors"
    if not path.exists():
        made.save(path)
    return made


class QaCalibrated(gr_unittest.TestCase):
    def setUp(self):
        self.model = calibrate()
        self.calibration = conformal.calibration_of(self.model.metadata)
        self.frames = data.read(support.dataset())

    def check_sets(self, found, iq, snr_db=None):
        """The sets of the library, but for frames on an edge."""
        decided = self.model.decide(iq, posteriors=True)
        known = conformal.known_sets(self.model.metadata, decided, support.CLASSES, snr_db)
        lowest = np.array([each["lowest"] for each in self.calibration["bins"]])
        near = (np.abs(decided.log_posterior[..., None] - lowest) < 1e-3).any((1, 2))
        self.assertLess(near.mean(), 0.2)
        for mine, theirs, edge in zip(found, known["prediction_set"], near, strict=True):
            self.assertTrue(edge or mine == theirs, (mine, theirs))

    def check_drift(self, found, scores):
        """What the library says of the same scores, one frame after the other."""
        monitor = drift.monitor_of(self.calibration)
        monitor.add(scores)
        expected = monitor.report()
        self.assertAlmostEqual(np.log(found.pop("evidence")), np.log(expected.pop("evidence")))
        self.assertEqual(found, expected)

    def test_a_stream(self):
        """Sets in both kinds of messages, by the frames' SNR; the alarm in the status."""
        chain = Chain(htrd.dataset_source(support.dataset()), "calibrated")
        support.run(chain)
        found = [each for batch in chain.batches_read() for each in batch.prediction_set]
        self.check_sets(found, self.frames.iq, self.frames.snr_db)
        without = conformal.known_sets(
            self.model.metadata, self.model.decide(self.frames.iq, posteriors=True),
            support.CLASSES,
        )["prediction_set"]
        self.assertNotEqual(found, without)
        singles = [decision_pdu.decode(chain.decisions.get_message(n)).prediction_set[0]
                   for n in range(chain.decisions.num_messages())]
        self.assertEqual(singles, found)
        scores = np.reshape(chain.scores.data(), (-1, len(support.CLASSES)))
        for status in support.messages(chain.status):
            self.check_drift(status["drift"], scores[: status["decided"]])

    def test_signals_that_drift_and_other_models(self):
        """Without an SNR, and with frames that are not valid; in live mode, which always reports.

        Another model begins anew, and one that is not calibrated says nothing of drift.
        """
        noise = np.random.default_rng(0).standard_normal((300, 2, 128)).astype(np.float32)
        noise[7] = 0
        noise /= np.hypot(noise[:, 0], noise[:, 1]).sum(1)[:, None, None] + (noise == 0)
        sent = [self.frames.iq, noise]
        block = support.classifier(support.model("calibrated"), mode="live")
        flowgraph = gr.top_block()
        store = support.Store(block, flowgraph)
        for iq in sent:
            post(block, iq)
        self.addCleanup(flowgraph.wait)
        self.addCleanup(flowgraph.stop)
        flowgraph.start()
        iq = np.concatenate(sent)
        before = len(iq) - 1
        support.wait_for(lambda: sum(map(len, store.batches)) == len(iq))
        support.wait_for(lambda: latest(store).get("drift", {}).get("frames") == before)
        found = [each for batch in store.batches for each in batch.prediction_set]
        self.check_sets(found, iq)
        self.assertIsNone(found[len(sent[0]) + 7])
        self.assertTrue(latest(store)["drift"]["alarm"])
        self.check_drift(latest(store)["drift"],
                         np.concatenate([batch.scores for batch in store.batches]))

        def drift_now():
            post(block, self.frames.iq[:1])
            return latest(store).get("drift")

        block.set_model(support.model("calibrated"))
        support.wait_for(lambda: drift_now()["frames"] < before)
        block.set_model(support.model("rejecting"))
        support.wait_for(
            lambda: drift_now() is None and store.batches[-1].prediction_set == [None]
        )


def post(block, iq):
    """A signal of frames ``[n, 2, 128]``."""
    samples = frames.to_complex(iq).ravel()
    support.post(block, "signals", signal_pdu.encode(pmt.make_dict(), samples))


def latest(store):
    """The status that came last; empty before the first one."""
    return store.status[-1] if store.status else {}


if __name__ == "__main__":
    gr_unittest.run(QaCalibrated)
