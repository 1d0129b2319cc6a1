#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""qt_band_monitor: what it keeps, where it draws boxes, texts of numbers, wrong messages."""

import numpy as np
import pmt
import support_for_qa as support
from gnuradio import gr, gr_unittest, htrd
from gnuradio.htrd.messages import pmt_vectors, signal_pdu
from gnuradio.htrd.panel import band_view
from gnuradio.htrd.panel.band import KEPT_SIGNALS
from PyQt5 import QtCore, QtWidgets
from robust_amc.errors import UserError

APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])
RATE, CENTER, BINS, STEP = 1e6, 433e6, 256, 10_000
BOX = (255, 91, 58)  # red, as band_view draws it


def spectrum(offset, level=None, **facts):
    """A message as a signal_detector sends it; noise, and a signal in its upper half."""
    if level is None:
        level = np.random.default_rng(offset).normal(-80, 1, BINS).astype(np.float32)
        level[160:190] += 25
    known = {"sample_rate": RATE, "center_frequency": CENTER, "start_offset": offset} | facts
    return pmt.cons(signal_pdu.with_facts(pmt.make_dict(), **known), pmt_vectors.floats(level))


def signal(**facts):
    """A message as a decision_fuser sends it; None takes an entry out."""
    known = {
        "burst_id": 1, "start_offset": 20_000, "end_offset": 60_000, "bandwidth": 118e3,
        "center_frequency": CENTER + 183e3, "symbol_rate": 96.3e3, "snr_db": 24.7,
        "modulation": "QPSK", "confidence": 0.93, "frames": 77, "is_last": False,
    }  # fmt: skip
    return pmt.cons(signal_pdu.with_facts(pmt.make_dict(), **known | facts), pmt.PMT_NIL)


def image_of(block, width=800, height=520):
    """The widget as an array ``[height, width, 3]``."""
    block.widget.resize(width, height)
    block.widget.show_picture(block.picture())
    image = block.widget.grab().toImage().convertToFormat(13)  # RGB888
    rows = np.array(image.constBits().asarray(image.sizeInBytes())).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


class QaQtBandMonitor(gr_unittest.TestCase):
    def monitor(self, count=10, **settings):
        block = htrd.qt_band_monitor(**settings)
        for row in range(count):
            block.handle_spectra(spectrum(row * STEP))
        return block

    def test_a_box_where_the_signal_is(self):
        block = self.monitor(title="A band")
        before = image_of(block)
        block.handle_signals(signal())
        after = image_of(block)
        self.assertEqual((before == BOX).all(2).sum(), 0)
        self.assertGreater((after == BOX).all(2).sum(), 50)
        area = QtCore.QRect(0, 0, 1000, 500)
        box = band_view.box_of(block.picture().signals[0], block.picture(), area)
        self.assertAlmostEqual(box.center().x(), 683, delta=1)
        self.assertAlmostEqual(box.width(), 118, delta=1)
        self.assertAlmostEqual(box.top(), 200, delta=2)  # the newest is at the top
        self.assertAlmostEqual(box.bottom(), 400, delta=2)

    def test_what_is_not_in_the_waterfall_has_no_box(self):
        block = self.monitor(30, rows=10)
        block.handle_signals(signal(start_offset=1000, end_offset=2000))
        block.handle_signals(signal(burst_id=2, center_frequency=500e6))
        picture = block.picture()
        self.assertEqual(len(picture.offsets), 10)
        area = QtCore.QRect(0, 0, 1000, 500)
        self.assertEqual([band_view.box_of(each, picture, area) for each in picture.signals],
                         [None, None])
        image_of(block)

    def test_the_latest_of_a_signal_counts(self):
        block = self.monitor()
        block.handle_signals(signal(modulation=None, confidence=0.0))
        block.handle_signals(signal(burst_id=2, symbol_rate=None))
        block.handle_signals(signal(is_last=True))
        first, second = block.picture().signals
        self.assertEqual((first.modulation, first.is_last, first.frames), ("QPSK", True, 77))
        self.assertIsNone(second.symbol_rate)
        for number in range(KEPT_SIGNALS + 50):
            block.handle_signals(signal(burst_id=number + 10))
        self.assertEqual(len(block.picture().signals), KEPT_SIGNALS)
        block.handle_signals(signal(burst_id=None))
        block.handle_signals(signal(burst_id=None))
        self.assertEqual(len(block.picture().signals), KEPT_SIGNALS)

    def test_another_band_begins_anew(self):
        block = self.monitor()
        block.handle_spectra(spectrum(200_000, center_frequency=100e6))
        self.assertEqual(len(block.picture().offsets), 1)
        block.handle_signals(signal())
        block.handle_spectra(spectrum(0, center_frequency=100e6))  # the flowgraph began again
        self.assertEqual((len(block.picture().offsets), block.picture().signals), (1, []))
        block.reset()
        self.assertEqual(len(block.picture().offsets), 0)
        image_of(block)

    def test_any_size(self):
        block = self.monitor()
        block.handle_signals(signal())
        for size in ((320, 160), (330, 900), (1366, 768)):
            self.assertEqual(image_of(block, *size).shape, (size[1], size[0], 3))

    def test_numbers_as_text(self):
        self.assertEqual(band_view.hertz(433.92e6), "433.92 MHz")
        self.assertEqual(band_view.hertz(-12.5e3), "-12.5 kHz")
        self.assertEqual(band_view.hertz(3.0), "3 Hz")
        self.assertEqual((band_view.baud(9600.2), band_view.baud(25e3)), ("9600.2 Bd", "25 kBd"))
        self.assertEqual([band_view.nice_step(each) for each in (0.9, 1, 1.1, 3, 7, 20)],
                         [1, 1, 2, 5, 10, 20])

    def test_wrong_messages_are_ignored(self):
        block = self.monitor()
        for message in (
            pmt.PMT_NIL, pmt.intern("x"), spectrum(0, sample_rate=None),
            spectrum(0, sample_rate=-1.0), spectrum(0, np.zeros(1, np.float32)),
            signal(bandwidth=None), signal(start_offset=None),
        ):  # fmt: skip
            block.handle_spectra(message)
            block.handle_signals(message)
        broken = spectrum(200_000, np.full(BINS, -np.inf, np.float32))
        block.handle_spectra(broken)
        block.handle_signals(signal(modulation="x" * 500, bandwidth=1e-300))
        image_of(block)

    def test_messages_in_a_flowgraph(self):
        flowgraph = gr.top_block()
        block, fuser = htrd.qt_band_monitor(), htrd.decision_fuser()
        flowgraph.msg_connect(fuser, "signals", block, "signals")
        support.post(block, "spectra", spectrum(0))
        support.post(block, "control", pmt.cons(pmt.intern("no"), pmt.PMT_T))
        flowgraph.start()
        support.wait_for(lambda: len(block.picture().offsets) == 1)
        support.post(block, "control", pmt.cons(pmt.intern("reset"), pmt.PMT_T))
        support.wait_for(lambda: len(block.picture().offsets) == 0)
        flowgraph.stop()
        flowgraph.wait()

    def test_what_cannot_be(self):
        for wrong in ({"title": 3}, {"rows": 1}, {"rows": 10**6}):
            with self.assertRaises(UserError):
                htrd.qt_band_monitor(**wrong)


if __name__ == "__main__":
    gr_unittest.run(QaQtBandMonitor)
