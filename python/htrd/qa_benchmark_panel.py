#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of the decision panel, as short as it gets, and what it sends."""

import support_for_qa as support
from gnuradio import gr, gr_unittest, htrd
from gnuradio.htrd.benchmarks import panel
from gnuradio.htrd.messages import decision_pdu
from PyQt5 import QtWidgets

APPLICATION = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["qa"])


class QaPanelBench(gr_unittest.TestCase):
    def test_rows(self):
        log = []
        document = panel.bench(seconds=0.4, rounds=2, progress=log.append)
        self.assertEqual(len(log), 2)
        self.assertEqual(document["settings"]["bench"], "panel")
        shown, ignored, alone = document["rows"]
        self.assertEqual({row["unit"] for row in document["rows"]}, {"% of a core"})
        self.assertGreater(shown["value"], 0)
        self.assertGreater(ignored["value"], 0)
        self.assertEqual(alone["value"], max(shown["value"] - ignored["value"], 0))

    def test_the_panel_gets_what_is_sent(self):
        messages = panel._messages()
        first = decision_pdu.decode(messages[0])
        self.assertEqual(len(first), panel.BATCH)
        self.assertTrue(0 < first.rejected.mean() < 0.2)
        shown, flowgraph = htrd.qt_decision_panel(window=0), gr.top_block()
        sender = panel.Sender(messages, 0.001)
        flowgraph.msg_connect(sender, "batches", shown, "batches")
        flowgraph.start()
        try:
            support.wait_for(lambda: shown._totals.summary()["frames"] >= 10 * panel.BATCH)
        finally:
            flowgraph.stop()
            flowgraph.wait()


if __name__ == "__main__":
    gr_unittest.run(QaPanelBench)
