#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench of the stream blocks, as short as it gets: its rows, not its figures."""

import subprocess
import sys

from gnuradio import gr_unittest
from gnuradio.htrd.benchmarks import blocks


class QaBlocksBench(gr_unittest.TestCase):
    def test_rows(self):
        log = []
        document = blocks.bench(seconds=0.0, rounds=2, progress=log.append)
        self.assertEqual(len(log), 2)
        settings = document["settings"]
        self.assertEqual(settings["samples"], blocks.LEAST)
        for name in ("compared", "cpu", "threads", "torch_version", "date"):
            self.assertTrue(settings[name], name)
        self.assertEqual([row["name"] for row in document["rows"]], list(blocks.CASES))
        for row in document["rows"]:
            self.assertEqual((row["unit"], row["baseline"]), ("MS/s", "multiply_const_cc"))
            self.assertGreater(row["value"], 0)
            self.assertEqual(row["ratio"], row["value"] / row["baseline_value"])
        self.assertEqual(len({row["baseline_value"] for row in document["rows"]}), 1)

    def test_what_gnu_radio_logs_is_no_result(self):
        """The command line's standard output stays clean."""
        program = (
            "from robust_amc.cli.generate import htrd_module\n"
            "htrd_module('benchmarks.blocks')\n"
            "from gnuradio import gr\n"
            "gr.logger('somebody').warn('mind the gap')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stdout, "")
        self.assertIn("mind the gap", done.stderr)


if __name__ == "__main__":
    gr_unittest.run(QaBlocksBench)
