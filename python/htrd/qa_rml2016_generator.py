#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data-set generator as a whole, in both modes: form, seeds, processes, resuming,
arguments. What is in the frames is tested in qa_rml2016_legacy and qa_rml2016_corrected."""

import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import rml2016_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.benchmarks import generator as generator_bench
from gnuradio.htrd.rml2016 import framing, generator
from gnuradio.htrd.rml2016.settings import Settings
from rich.console import Console
from robust_amc import cli, data
from robust_amc.cli import console, generate
from robust_amc.data.formats import npz
from robust_amc.errors import UserError

LEVELS = (-20, 12)
PER_KEY = {"frames_per_key": 10, "frames_per_run": 5, "seed": 7}
MODES = ("legacy", "corrected")
KILLED_AT = 60  # frames of 220
# A process that stands still after some keys, to be killed there. All that it prints are
# the frames that are done, though GNU Radio's wfm_tx and its logger print, too.
GENERATE = f"""
import sys, time
from gnuradio.htrd.rml2016 import generator

def show(done, total):
    print(done, flush=True)
    if done >= {KILLED_AT}:
        time.sleep(600)

if __name__ == "__main__":
    generator.generate_file(
        sys.argv[1], snr_db={LEVELS}, mode="corrected", frame_metadata=True, jobs=2,
        progress=show, **{PER_KEY}
    )
"""


def in_this_process(function, tasks, jobs):
    """Instead of `in_workers`, whose processes need seconds to start."""
    for index, task in enumerate(tasks):
        yield index, function(*task)


class qa_rml2016_generator(gr_unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calls = []
        more = {"progress": lambda *call: cls.calls.append(call)} | PER_KEY
        # The other mode is made by two processes in test_resume_after_a_kill
        cls.datasets = {
            "legacy": generator.generate(
                snr_db=LEVELS, jobs=2, mode="legacy", frame_metadata=True, **more
            )
        }
        with mock.patch.object(generator, "in_workers", in_this_process):
            cls.datasets["corrected"] = generator.generate(
                snr_db=LEVELS, mode="corrected", frame_metadata=True, **more
            )

    def test_form(self):
        for mode, dataset in self.datasets.items():
            self.assertEqual(dataset.classes, support.CLASSES)
            self.assertEqual(dataset.iq.shape, (11 * 2 * 10, 2, 128))
            self.assertEqual(dataset.iq.dtype, np.float16)
            self.assertEqual(dataset.run_id.dtype, np.int32)
            for name in support.CLASSES:
                for snr_db in LEVELS:
                    self.assertEqual(len(support.complex_frames(dataset, name, snr_db)), 10)
            sums = np.abs(support.complex_frames(dataset)).sum(1)
            np.testing.assert_allclose(sums, 1, atol=2e-3, err_msg=mode)

    def test_runs(self):
        """Two runs of five frames a key; no run is of two keys."""
        for dataset in self.datasets.values():
            runs, counts = np.unique(dataset.run_id, return_counts=True)
            self.assertEqual(len(runs), 11 * 2 * 2)
            self.assertEqual(set(counts), {5})
            for run in runs:
                members = dataset.run_id == run
                self.assertEqual(len(set(dataset.label[members])), 1)
                self.assertEqual(len(set(dataset.snr_db[members])), 1)

    def test_metadata(self):
        for mode, dataset in self.datasets.items():
            metadata = dataset.metadata
            expected = PER_KEY | {
                "mode": mode,
                "scaling": "sum_abs",
                "sample_rate_hz": 200e3,
                "frame_length": 128,
                "samples_per_symbol": 8,
                "sampling_offset": 0.0,
                "text": None,
                "audio": None,
            }
            self.assertEqual({name: metadata[name] for name in expected}, expected)
        self.assertEqual(self.datasets["corrected"].metadata["snr_band_hz"]["AM-SSB"], (0, 4e3))

    def test_progress(self):
        total = 11 * 2 * 10
        for calls in (self.calls[: len(self.calls) // 2], self.calls[len(self.calls) // 2 :]):
            self.assertEqual(calls[0], (0, total))
            self.assertEqual(calls[-1], (total, total))
            self.assertEqual([each for each, _ in calls], sorted(each for each, _ in calls))

    def test_same_seed_same_bytes(self):
        """In this process as in two others (legacy), and whichever other keys are made."""
        for mode, dataset in self.datasets.items():
            for name in support.CLASSES:
                again = support.key(name, 12, 10, mode=mode, seed=7, frames_per_run=5)
                np.testing.assert_array_equal(
                    support.as_complex(again["iq"]),
                    support.complex_frames(dataset, name, 12),
                    err_msg=f"{mode} {name}",
                )

    def test_other_seed_other_frames(self):
        for mode, dataset in self.datasets.items():
            one = support.complex_frames(dataset, "QPSK", 12)
            other = support.as_complex(support.key("QPSK", 12, mode=mode, seed=8)["iq"])
            similar = np.abs(one.conj() @ other.T)
            self.assertLess(similar.max(), 0.9 * (np.abs(one) ** 2).sum(1).min())

    def test_resume_after_a_kill(self):
        """Of two processes, resumed in this one: the file of an unstopped run."""
        with tempfile.TemporaryDirectory() as folder:
            output, unstopped = Path(folder, "data.npz"), Path(folder, "unstopped.npz")
            self.kill_it(output)
            self.assertFalse(output.exists())
            parts = Path(folder, ".data.npz.parts")
            finished = sorted(parts.glob("[!.]*.npz"))
            self.assertEqual(len(finished), KILLED_AT // 10)
            finished[0].write_bytes(finished[0].read_bytes()[:1000])  # damaged: made again

            wanted = {"snr_db": LEVELS, "mode": "corrected", "frame_metadata": True} | PER_KEY
            for changes, message in (
                ({"resume": False}, "add --resume to go on"),
                ({"seed": 1}, "belongs to another data set (other seed)"),
                ({"sampling_offset": 0.5}, "other sampling_offset"),
            ):
                with self.assertRaises(UserError) as raised:
                    generator.generate_file(output, **{"resume": True} | wanted | changes)
                self.assertIn(message, str(raised.exception))

            # What failed before its first key is no obstacle
            Path(folder, ".other.npz.parts").mkdir()
            few = {"classes": ["BPSK"], "snr_db": [0], "frames_per_key": 1}
            calls = []
            with mock.patch.object(generator, "in_workers", in_this_process):
                generator.generate_file(Path(folder, "other.npz"), **few)
                generator.generate_file(
                    output, resume=True, progress=lambda *call: calls.append(call), **wanted
                )
            self.assertEqual(calls[0], (KILLED_AT - 10, 220))
            self.assertEqual(calls[-1], (220, 220))
            self.assertFalse(parts.exists())
            npz.write(self.datasets["corrected"], unstopped)
            self.assertEqual(output.read_bytes(), unstopped.read_bytes())

    def kill_it(self, output):
        """Run GENERATE and kill it where it stands still; its workers end by themselves."""
        script = output.with_name("script.py")
        script.write_text(GENERATE)
        process = subprocess.Popen(
            [sys.executable, script, output],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in process.stdout:
            if int(line) >= KILLED_AT:
                break
        process.kill()
        _, errors = process.communicate(timeout=300)  # the workers have the pipe open, too
        self.assertEqual(process.returncode, -9, errors)

    def test_command_line(self):
        """The command gives the file of the function; what is wrong is one line, status 2."""
        command = ["dataset", "generate"]
        options = "--classes BPSK,WBFM --snr 12 --frames-per-key 10 --frames-per-run 5 --seed 7"
        here = mock.patch.object(generator, "in_workers", in_this_process)
        often = mock.patch.object(generate, "LINE_INTERVAL", 0)
        said, errors = (Console(file=io.StringIO(), width=999) for _ in range(2))
        consoles = mock.patch.multiple(generate, out=said, err=errors)
        with (
            tempfile.TemporaryDirectory() as folder,
            here,
            often,
            consoles,
            mock.patch.object(console, "err", errors),
        ):
            output = str(Path(folder, "data.npz"))
            self.run_cli([*command, output, *options.split(), "--mode", "corrected"], 0)
            self.run_cli([*command, output], 2)
            self.run_cli([*command, f"{output}2.npz", "--mode", "worst"], 2)
            read = data.read(output)
        for name in ("BPSK", "WBFM"):
            np.testing.assert_array_equal(
                support.complex_frames(read, name, 12),
                support.complex_frames(self.datasets["corrected"], name, 12),
            )
        self.assertIn("data.npz: 20 frames, 4 runs", said.file.getvalue())
        lines = errors.file.getvalue().splitlines()
        self.assertRegex(lines[0], r"^generating: 10 of 20 frames, \d+ frames/s, \d+ s left$")
        self.assertIn("exists already", lines[-2])
        self.assertIn("unknown mode 'worst'", lines[-1])

    def run_cli(self, arguments, status):
        with self.assertRaises(SystemExit) as raised:
            cli.main(arguments)
        self.assertEqual(raised.exception.code or 0, status, arguments)

    def test_bench(self):
        """Rows of both modes; the stages add up; the generator is no faster than its runs."""
        here = [
            mock.patch.object(module, "in_workers", in_this_process)
            for module in (generator, generator_bench)
        ]
        calls = []
        with here[0], here[1]:
            document = generator_bench.bench(
                60, 1, calls.append, classes=["CPFSK", "AM-SSB"], snr_db=[0]
            )
        self.assertEqual(document["settings"]["frames"], 120)
        self.assertEqual(len(calls), 6)
        rows = document["rows"]
        self.assertEqual(len(rows), 2 * 6)
        for row in rows:
            fields = ["name", "value", "unit", "baseline", "baseline_value", "ratio"]
            self.assertEqual(list(row), fields)
            self.assertGreater(row["value"], 0)
            self.assertAlmostEqual(row["ratio"], row["value"] / row["baseline_value"])
        for mode in MODES:
            stages = [row for row in rows if row["name"].startswith(mode)][1:]
            self.assertAlmostEqual(sum(row["ratio"] for row in stages), 1)

    def test_file_keeps_what_is_known_of_each_frame(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data.npz")
            npz.write(self.datasets["corrected"], path)
            read = data.read(str(path))
        for name, column in self.datasets["corrected"].extra.items():
            np.testing.assert_array_equal(read.extra[name], column)
        np.testing.assert_array_equal(read.extra["channel_id"], read.run_id)

    def test_starts(self):
        """Frames in order, 128 … 5 % of the run apart, the first at 50 … 500."""
        starts = framing.starts(20_000, np.random.default_rng(1), 128)
        self.assertTrue(50 <= starts[0] <= 500)
        self.assertTrue(np.all(np.diff(starts) >= 128) and np.all(np.diff(starts) <= 1000))
        self.assertGreater(starts[-1], 20_000 - 1000 - 2 * 128)
        few = framing.starts(20_000, np.random.default_rng(1), 128, 7)
        self.assertEqual(len(few), 7)
        self.assertTrue(set(few) <= set(starts))
        for seed in range(20):  # longer than 5 % of the run: no overlap
            starts = framing.starts(20_000, np.random.default_rng(seed), 1500)
            self.assertGreaterEqual(np.diff(starts).min(), 1500)
            self.assertLess(starts[-1] + 1500, 20_000)

    def test_longest_frame(self):
        """One surely fits, wherever the first one starts."""
        longest = framing.longest(20_000)
        for seed in range(300):
            self.assertEqual(
                len(framing.starts(20_000, np.random.default_rng(seed), longest)), 1
            )

    def test_wrong_arguments(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = self.bad_files(Path(folder))
            for arguments, message in (
                ({"classes": ["QAM1024"]}, "unknown class 'QAM1024'"),
                ({"classes": []}, "at least one class"),
                ({"classes": ["BPSK", "BPSK"]}, "given twice"),
                ({"snr_db": []}, "at least one SNR label"),
                ({"snr_db": [float("nan")]}, "-100 … 100 dB, not nan"),
                ({"snr_db": [0, 0]}, "given twice"),
                ({"frames_per_key": 0}, "frames_per_key must be at least 1"),
                ({"frames_per_run": 0}, "frames_per_run must be at least 1"),
                ({"jobs": 0}, "jobs must be at least 1"),
                ({"seed": -1}, "must not be negative"),
                ({"mode": "best"}, "unknown mode 'best'; there are legacy, corrected"),
                ({"samples_per_symbol": 1}, "whole number in 2 … 100, not 1"),
                ({"samples_per_symbol": 4.5}, "whole number in 2 … 100, not 4.5"),
                ({"sampling_offset": 1.0}, "below 1 sample, not 1.0"),
                ({"sampling_offset": float("nan")}, "below 1 sample, not nan"),
                ({"frame_length": 1}, "frame_length must be at least 2"),
                ({"frame_length": 26_000}, "too long for a run of 8PSK, which has room for 25663"),
                ({"text": bad["missing"]}, "No such file"),
                ({"text": folder}, "directory"),
                ({"text": bad["short"]}, "1250 bytes; a run needs 3750"),
                ({"audio": bad["missing"]}, "No such file"),
                ({"audio": bad["short"]}, "not a WAV file of PCM samples"),
                ({"audio": bad["empty"]}, "not a WAV file of PCM samples"),
                ({"audio": bad["8 bit"]}, "8-bit samples; convert it"),
                ({"audio": bad["slow"]}, "a rate of 1000 Hz"),
                ({"audio": bad["0.1 s"]}, "0.100 s of audio; a run needs 0.227 s"),
                ({"audio": bad["cut"]}, "ends before the audio that it announces"),
            ):
                with self.assertRaises(UserError, msg=message) as raised:
                    generator.generate(**{"frames_per_key": 1} | arguments)
                self.assertIn(message, str(raised.exception))
                self.assertNotIn("\n", str(raised.exception))
            for arguments in ({"text": bad["short"]}, {"audio": bad["0.1 s"]}):
                # too little for other classes only
                Settings(classes=["AM-DSB"] if "text" in arguments else ["BPSK"], **arguments)

    def bad_files(self, folder):
        paths = {
            name: str(folder / name)
            for name in ("missing", "short", "empty", "8 bit", "slow", "0.1 s", "cut")
        }
        Path(paths["short"]).write_bytes(bytes(1250))
        Path(paths["empty"]).write_bytes(b"")
        support.write_wav(paths["8 bit"], np.ones(30_000), width=1)
        support.write_wav(paths["slow"], np.ones(30_000), rate=1000)
        support.write_wav(paths["0.1 s"], np.ones(4410))
        support.write_wav(paths["cut"], np.ones(30_000))
        Path(paths["cut"]).write_bytes(Path(paths["cut"]).read_bytes()[:-10_000])
        return paths


if __name__ == "__main__":
    unittest.main()
