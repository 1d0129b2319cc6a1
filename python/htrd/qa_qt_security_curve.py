#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""qt_security_curve: what it counts and where, what it draws, and how it leads the PNR."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import gr, gr_unittest, htrd
from gnuradio.htrd.messages import decision_pdu
from gnuradio.htrd.panel.curve import CurveHistory, outcomes, wilson
from gnuradio.htrd.panel.curve_view import smoothed
from gnuradio.htrd.panel.sweep import Sweep
from PyQt5 import QtWidgets
from qa_qt_decision_panel import batch, picture_of, pixels
from robust_amc.evaluation.running import Totals

APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])
FIRST, SECOND = (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)  # colors of the receivers


def attacked(right, wrong=0, pnr_db=-20.0):
    """A DecisionBatch of attacked frames, so many decided right and so many wrong."""
    return batch(["BPSK"] * right + ["QPSK"] * wrong, ["BPSK"] * (right + wrong), pnr_db=pnr_db)


def shares(points):
    """``{pnr_db: (share, frames)}`` of the points of a receiver."""
    return {point.pnr_db: (point.share, point.frames) for point in points}


class QaCurveHistory(gr_unittest.TestCase):
    def test_outcomes_are_those_of_the_evaluation(self):
        decided = ["BPSK", "QPSK", None, None, "BPSK"]
        truth = ["BPSK", "BPSK", "QPSK", "QPSK", None]
        for pnr_db, expected in ((np.nan, [1, 0, 0, 0]), (-3.0, [1, 0, 1, 1]),
                                 (-np.inf, [1, 0, 1, 1])):
            rows = batch(decided, truth, pnr_db=pnr_db)
            well, under_attack = outcomes(rows)
            self.assertEqual(well.tolist(), expected)
            self.assertEqual(set(under_attack), {not np.isnan(pnr_db)})
            totals = Totals()
            totals.add(rows)
            self.assertAlmostEqual(well.mean(), totals.summary()["robust_accuracy"])

    def test_interval(self):
        # Newcombe, Statistics in Medicine 17 (1998), Table I, method 3
        for right, frames, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                         (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)):
            np.testing.assert_allclose(wilson(right / frames, frames), (low, high), atol=5e-5)

    def test_frames_count_at_the_level_that_was_set(self):
        history = CurveHistory(2, window=10, seconds=5, skip=3)
        history.set_level(-20.0)
        history.add(0, attacked(2, 2, pnr_db=-26.0))  # measured: weaker, as it was enough
        self.assertEqual(shares(history.points()[0]), {-20.0: (0, 1)})
        self.assertEqual(history.since(), 0)  # nothing of the other receiver
        history.add(1, attacked(4, pnr_db=-np.inf))
        self.assertEqual(history.since(), 1)
        history.add(0, attacked(3))
        history.set_level(-20.0)  # no change
        history.add(0, batch(["BPSK", "QPSK"], ["BPSK", "BPSK"]))  # not attacked
        self.assertEqual(shares(history.points()[0]), {None: (0.5, 2), -20.0: (0.75, 4)})
        history.set_level(0.0)
        self.assertEqual(history.since(), 0)
        history.add(0, attacked(3, 2))
        self.assertEqual([point.pnr_db for point in history.points()[0]], [None, -20.0, 0.0])
        self.assertEqual(shares(history.points()[0])[0.0], (0, 2))
        history.add(0, attacked(9))
        self.assertEqual(shares(history.points()[0])[0.0], (0.9, 10))  # the latest ten
        history.reset()
        self.assertEqual(history.points(), [[], []])

    def test_second_by_second(self):
        now = [100.0]
        history = CurveHistory(2, window=0, seconds=4, skip=2, clock=lambda: now[0])
        history.set_level(-10.0)
        history.add(0, attacked(3, 1))
        history.add(1, attacked(2))
        now[0] = 102.5
        history.add(1, batch(["BPSK"], ["BPSK"]))
        levels, counts = history.times()
        np.testing.assert_equal(levels, [np.nan, -10, -10, np.nan])
        np.testing.assert_equal(counts, [[[0, 4, 0, 0], [0, 3, 0, 0]], [[0, 2, 0, 1]] * 2])
        now[0] = 110
        self.assertEqual(history.times()[1].sum(), 0)

    def test_smoothed(self):
        frames = np.array([0, 100, 100, 10, 10, 10, 10, 10, 10, 200])
        well = np.array([0, 100, 0, 10, 10, 10, 0, 0, 0, 0])
        # At least 5 seconds and at least 60 frames
        expected = [np.nan, 100 / 100, 100 / 200, 110 / 210, 120 / 220, 130 / 230, 30 / 140,
                    30 / 150, 30 / 60, 10 / 240]  # fmt: skip
        np.testing.assert_allclose(smoothed(np.stack([frames, well])), expected)


class QaSweep(gr_unittest.TestCase):
    def test_up_and_down(self):
        sweep, level, visited = Sweep([-10, 0, 10]), 3.0, []
        for _ in range(7):
            self.assertIsNone(sweep.next(level, False) if visited else None)
            level = sweep.next(level, True)
            visited.append(level)
            self.assertIsNone(sweep.next(5.0, True))  # nobody has followed yet
        self.assertEqual(visited, [-10, 0, 10, 0, -10, 0, 10])

    def test_few_levels(self):
        self.assertIsNone(Sweep([]).next(0, True))
        for levels in ([-5], [-5, 5]):
            sweep = Sweep(levels)
            visited = [sweep.next(0, True)]
            for _ in range(3):
                visited.append(sweep.next(visited[-1], True))
            self.assertEqual(visited, (levels * 4)[:4])


class QaQtSecurityCurve(gr_unittest.TestCase):
    def setUp(self):
        self.block = htrd.qt_security_curve(["one", "two"], pnr_db=-20, skip=0, window=0)

    def test_ports(self):
        for names, expected in ((["one"], {"batches"}),
                                (["one", "two", "three"], {"batches0", "batches1", "batches2"})):
            made = htrd.qt_security_curve(names).message_ports_in()
            found = {pmt.symbol_to_string(pmt.vector_ref(made, n)) for n in range(pmt.length(made))}
            self.assertEqual(found - {"system", "control"}, expected)

    def test_each_receiver_has_its_curve(self):
        self.block.handle_batches(0, decision_pdu.encode(attacked(1, 3)))
        self.block.handle_batches(1, decision_pdu.encode(attacked(3, 1)))
        self.block.handle_control(pmt.cons(pmt.intern("pnr_db"), pmt.from_double(-5.0)))
        self.block.handle_batches(1, decision_pdu.encode(attacked(0, 2, pnr_db=-9.0)))
        picture = self.block.picture()
        self.assertEqual(picture.names, ("one", "two"))
        self.assertEqual([shares(points) for points in picture.points],
                         [{-20.0: (0.25, 4)}, {-20.0: (0.75, 4), -5.0: (0, 2)}])
        self.block.handle_control(pmt.cons(pmt.intern("reset"), pmt.PMT_T))
        self.assertEqual(self.block.picture().points, [[], []])
        self.assertEqual(self.block.pnr_db(), -5.0)

    def test_drawing_follows_the_decisions(self):
        empty = picture_of(self.block)
        self.block.handle_batches(0, decision_pdu.encode(attacked(4, 4)))
        one = picture_of(self.block)
        self.block.handle_batches(1, decision_pdu.encode(attacked(8)))
        both = picture_of(self.block)
        # The headline has both colors from the beginning
        for color, before, after in ((FIRST, empty, one), (SECOND, one, both)):
            self.assertGreater(pixels(after, color), pixels(before, color) + 20)
        for width, height in ((320, 200), (400, 700), (1600, 300)):
            self.assertGreater(pixels(picture_of(self.block, width, height), SECOND), 100)

    def test_higher_is_better(self):
        """The point of a receiver that is right lies above that of one that is wrong."""
        self.block.handle_batches(0, decision_pdu.encode(attacked(0, 50)))
        self.block.handle_batches(1, decision_pdu.encode(attacked(50, 0)))
        image = picture_of(self.block)[60:, : 860 // 2]  # the curve
        rows = [np.flatnonzero((image == color).all(2).any(1)) for color in (FIRST, SECOND)]
        self.assertGreater(rows[0].min(), rows[1].max())

    def test_wrong_messages_are_ignored(self):
        with self.assertLogs("gnuradio.htrd.qt_security_curve", "WARNING") as logs:
            for _ in range(3):
                self.block.handle_batches(0, pmt.from_long(1))
                self.block.handle_control(pmt.cons(pmt.intern("pnr_db"), pmt.intern("high")))
        self.assertEqual(len(logs.output), 2)
        self.assertEqual(self.block.pnr_db(), -20)

    def test_wrong_parameters(self):
        for wrong in ({"receivers": []}, {"receivers": [1]}, {"receivers": "htrd"}, {"window": -1},
                      {"skip": -1}, {"visit": 0}, {"seconds": 1}, {"pnr_db": float("nan")},
                      {"sweep": [0, float("inf")]}, {"sweep": "up"}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                htrd.qt_security_curve(**wrong)

    def test_it_leads_an_attack(self):
        """Closed loop: the curve of an attacked classifier at each PNR of the sweep."""
        flowgraph = gr.top_block()
        source = support.slow_source(2000)
        attack = htrd.pgd_injector(support.model("rejecting"), pnr_db=30.0, steps=2)
        receiver = support.classifier(support.model("rejecting"),
                                   publish_decisions=False)
        curve = htrd.qt_security_curve(sweep=[-40, 20], visit=60, window=0)
        flowgraph.connect(source, attack, receiver)
        flowgraph.msg_connect(receiver, "batches", curve, "batches")
        for block in (attack, curve):
            flowgraph.msg_connect(curve, "pnr_db", block, "control")

        def enough():
            found = shares(curve.picture().points[0])
            return all(found.get(level, (0, 0))[1] >= 120 for level in (-40.0, 20.0))

        flowgraph.start()
        try:
            support.wait_for(enough)
        finally:
            flowgraph.stop()
            flowgraph.wait()
        found = shares(curve.picture().points[0])
        self.assertLess(found[20.0][0], found[-40.0][0] - 0.1)
        self.assertIn(attack.pnr_db(), (-40.0, 20.0))


if __name__ == "__main__":
    gr_unittest.run(QaCurveHistory)
    gr_unittest.run(QaSweep)
    gr_unittest.run(QaQtSecurityCurve)
