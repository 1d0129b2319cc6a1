#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""qt_decision_panel: what it keeps, what it draws, and in a flowgraph with a classifier."""

import time

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import gr, gr_unittest, htrd
from gnuradio.htrd.messages import decision_pdu
from gnuradio.htrd.panel.drawing import centered
from gnuradio.htrd.panel.history import History
from PyQt5 import QtCore, QtGui, QtWidgets
from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.decisions import DecisionBatch

APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])
NAMES = ("BPSK", "QPSK", "8PSK")


def batch(modulation, truth=None, classes=NAMES, start=0, pnr_db=np.nan):
    """A DecisionBatch with the decisions `modulation`, None: rejected."""
    count = len(modulation)
    return DecisionBatch(
        frame_index=np.arange(start, start + count),
        modulation=list(modulation),
        score=np.linspace(-1, 1, count),
        threshold=np.zeros(count),
        scores=np.zeros((count, len(classes)), np.float32),
        classes=classes,
        truth=truth,
        pnr_db=np.full(count, pnr_db),
    )


def message(*decisions, **settings):
    """The same as a PDU."""
    return decision_pdu.encode(batch(*decisions, **settings))


def picture_of(panel, width=860, height=520):
    """The widget as an array ``[height, width, 3]``."""
    panel.widget.resize(width, height)
    panel.widget.show_picture(panel.picture())
    image = panel.widget.grab().toImage().convertToFormat(13)  # RGB888
    bits = image.constBits().asarray(image.sizeInBytes())
    rows = np.array(bits).reshape(image.height(), -1)[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3)


def pixels(image, color):
    """How many pixels have a color, a tuple."""
    return int((image == color).all(2).sum())


class QaHistory(gr_unittest.TestCase):
    def test_classes_second_by_second(self):
        now = [100.0]
        history = History(5, 4, clock=lambda: now[0])
        history.add(batch(["BPSK", "BPSK", None, "QPSK"]))
        now[0] = 102.5
        history.add(batch(["8PSK"], start=4))
        shares = history.shares([*NAMES, None])
        np.testing.assert_allclose(
            shares, [[0, 0, 0, 0], [0.5, 0.25, 0, 0.25], [0, 0, 0, 0], [0, 0, 1, 0]]
        )
        self.assertEqual([each.frame_index for each in history.latest()], [4, 3, 2, 1, 0])
        now[0] = 104
        np.testing.assert_allclose(history.shares([*NAMES, None])[0], [0, 0, 0, 0])
        history.reset()
        self.assertEqual((history.latest(), history.shares(NAMES).sum()), ([], 0))


class QaQtDecisionPanel(gr_unittest.TestCase):
    def setUp(self):
        self.panel = htrd.qt_decision_panel(title="receiver", window=0, seconds=10)

    def test_figures(self):
        self.panel.handle_batches(
            message(["BPSK", "QPSK", None, "BPSK"], ["BPSK", "BPSK", "QPSK", "BPSK"])
        )
        status = {"rate": 812.4, "latency_ms": 3.21, "dropped": 7}
        self.panel.handle_status(pmt.to_pmt(status))
        shown = dict(self.panel.picture().figures)
        self.assertEqual(shown, {
            "frames": "4", "accuracy": "50.0 %", "accepted accuracy": "66.7 %",
            "rejection rate": "25.0 %", "rate": "812 /s", "latency": "3.2 ms", "dropped": "7",
        })  # fmt: skip
        self.panel.handle_control(pmt.cons(pmt.intern("reset"), pmt.PMT_T))
        self.assertEqual(dict(self.panel.picture().figures)["frames"], "0")

    def test_nothing_true_is_known(self):
        self.panel.handle_batches(message(["BPSK", None]))
        self.assertEqual(
            dict(self.panel.picture().figures), {"frames": "2", "rejection rate": "50.0 %"}
        )
        picture_of(self.panel)

    def test_wrong_messages_are_ignored(self):
        with self.assertLogs("gnuradio.htrd.qt_decision_panel", "WARNING") as logs:
            for _ in range(3):
                self.panel.handle_batches(pmt.from_long(1))
                self.panel.handle_status(pmt.from_long(1))
                self.panel.handle_control(pmt.from_long(1))
        self.assertEqual(len(logs.output), 3)
        self.assertEqual(dict(self.panel.picture().figures)["frames"], "0")

    def test_drawing_follows_the_decisions(self):
        empty = picture_of(self.panel)
        good, bad = (0, 121, 90), (192, 57, 43)  # bars of right and of wrong decisions
        self.assertEqual((pixels(empty, good), pixels(empty, bad)), (0, 0))
        self.panel.handle_batches(message(["BPSK"] * 8, ["BPSK"] * 8))
        right = picture_of(self.panel)
        self.assertGreater(pixels(right, good), 500)
        self.assertEqual(pixels(right, bad), 0)
        self.panel.handle_batches(message(["QPSK"] * 8, ["BPSK"] * 8, start=8))
        self.assertGreater(pixels(picture_of(self.panel), bad), 500)

    def test_a_square_of_the_color(self):
        for color, area in (("", 0), ("#d55e00", 12 * 12)):
            panel = htrd.qt_decision_panel(title="receiver", color=color)
            self.assertEqual(pixels(picture_of(panel), (0xD5, 0x5E, 0x00)), area)

    def test_narrow(self):
        """The confusion matrix, all in the first color here; else the classes over time."""
        first, second = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)
        self.panel.handle_batches(message(["BPSK", "QPSK"]))
        self.assertGreater(pixels(picture_of(self.panel, 250, 600), second), 20)
        self.panel.reset()
        self.panel.handle_batches(message(["BPSK", "QPSK"], ["BPSK", "QPSK"]))
        matrix = picture_of(self.panel, 250, 600)
        self.assertEqual(pixels(matrix, second), 0)
        self.assertGreater(pixels(matrix, first), 500)
        low = picture_of(self.panel, 250, 200)
        self.assertEqual((pixels(low, first), pixels(low, second)), (0, 0))

    def test_low(self):
        """Where the rows of the matrix would be too low to read, the classes over time."""
        first, second = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)
        names = [f"class {number}" for number in range(12)]
        self.panel.handle_batches(message(names, names, classes=tuple(names)))
        high = picture_of(self.panel, 700, 600)
        self.assertGreater(pixels(high, first), pixels(high, second) + 500)
        low = picture_of(self.panel, 700, 250)
        self.assertGreater(pixels(low, second), 20)
        self.assertLess(abs(pixels(low, first) - pixels(low, second)), 200)

    def test_numbers_lie_in_the_middle_of_their_cells(self):
        for said in ("4", "57", "100"):
            for left, width in ((10, 30), (11.5, 15)):
                image = QtGui.QImage(60, 40, QtGui.QImage.Format_RGB888)
                image.fill(QtGui.QColor("white"))
                painter = QtGui.QPainter(image)
                centered(painter, QtCore.QRectF(left, 10, width, 20), said)
                painter.end()
                bits = np.array(image.constBits().asarray(image.sizeInBytes()))
                ink = bits.reshape(40, -1)[:, :180].reshape(40, 60, 3).mean(2) < 128
                rows, columns = np.nonzero(ink)
                self.assertGreater(len(rows), 4)
                middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
                self.assertAlmostEqual(middle[0], left + width / 2, delta=1.6)
                self.assertAlmostEqual(middle[1], 20, delta=1.6)
                self.assertGreaterEqual(columns.min(), left - 1)
                self.assertLessEqual(columns.max(), left + width + 1)

    def test_ten_pictures_a_second_at_any_rate(self):
        drawn = []
        self.panel.widget.show_picture = drawn.append
        self.panel.widget.show()
        sent = message(["BPSK"] * 8)
        start = time.monotonic()
        while len(drawn) < 8:  # on a busy machine it takes longer
            self.panel.handle_batches(sent)
            APPLICATION.processEvents()
        self.assertGreater(time.monotonic() - start, 0.6)
        self.panel.widget.close()
        self.assertGreater(self.panel._totals.summary()["frames"], 8 * len(drawn))

    def test_behind_a_classifier(self):
        flowgraph = gr.top_block()
        source = htrd.dataset_source(support.dataset())
        block = support.classifier(support.model("rejecting"))
        flowgraph.connect(source, block)
        for port in ("batches", "status"):
            flowgraph.msg_connect(block, port, self.panel, port)
        support.run(flowgraph)
        frames = data.read(support.dataset())
        decided = Classifier.load(support.model("rejecting")).decide(frames.iq).label
        picture = self.panel.picture()
        shown = dict(picture.figures)
        self.assertEqual(shown["frames"], f"{len(frames):,}")
        self.assertEqual(shown["accuracy"], f"{100 * np.mean(decided == frames.label):.1f} %")
        self.assertEqual(picture.classes, support.CLASSES)
        self.assertEqual(picture.latest[0].frame_index, len(frames) - 1)
        self.assertAlmostEqual(picture.shares.sum(), np.count_nonzero(picture.shares.sum(1)))

    def test_wrong_parameters(self):
        for wrong in ({"window": -1}, {"seconds": 1}):
            with self.assertRaises(ValueError):
                htrd.qt_decision_panel(**wrong)


if __name__ == "__main__":
    gr_unittest.run(QaHistory)
    gr_unittest.run(QaQtDecisionPanel)
