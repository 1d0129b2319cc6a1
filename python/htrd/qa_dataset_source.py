#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""dataset_source: frames, tags, selection, orders, seek, streams, large files, bad construction."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import support_for_qa as support
import yaml
from gnuradio import blocks, gr, gr_unittest, htrd
from robust_amc import data, frames
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.tests import wav_files

LENGTH = 128
STATES = {"state": "enabled", "coordinate": [8, 8], "rotation": 0}
GRC = Path(__file__).resolve().parents[2] / "grc"


# PyTorch takes seconds to import, SciPy half of one
WITHOUT_TORCH = """
import sys
from gnuradio import htrd
assert not {"torch", "scipy"} & set(sys.modules)
htrd.dataset_source("sample", classes="BPSK"), htrd.decision_probe(), htrd.frame_sampler(128)
htrd.burst_source(), htrd.friendly_receiver()
assert "torch" not in sys.modules
"""


class SeekingSource(htrd.dataset_source):
    """Seeks to `position` once `after` items went out, and notes after how many it did."""

    def seek_later(self, after, position):
        self.after, self.position, self.sought_at = after, position, None

    def work(self, input_items, output_items):
        written = self.nitems_written(0)
        if self.sought_at is None and written >= self.after:
            self.sought_at = written
            self.seek(self.position)
        return super().work(input_items, output_items)


def run(source, item_length=LENGTH, head=None):
    """Run a source to its end, or for `head` items; returns its sink."""
    flowgraph = gr.top_block()
    sink = blocks.vector_sink_c(item_length)
    head = [] if head is None else [blocks.head(8 * item_length, head)]
    flowgraph.connect(source, *head, sink)
    support.run(flowgraph)
    return sink


def frames_in(sink, length=LENGTH):
    return np.array(sink.data(), np.complex64).reshape(-1, length)


def indices(sink):
    return [tag["frame_index"] for tag in support.tags_of(sink)]


def hdf5_file(folder, count=1500, length=300):
    """A small file of the form of RadioML 2018.01A."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(count, length, 2)).astype(np.float32)
    x[7, 20, 0] = np.nan
    path = str(Path(folder) / "large.hdf5")
    with h5py.File(path, "w") as file:
        file["X"] = x
        file["Y"] = np.eye(24, dtype=np.int64)[np.arange(count) % 24]
        file["Z"] = (np.arange(count)[:, None] // 24 % 5 * 10 - 20).astype(np.int64)
    return path


class QaDatasetSource(gr_unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.whole = data.read(support.dataset())

    def play(self, head=None, **settings):
        """Frames and tags of a run."""
        sink = run(htrd.dataset_source(support.dataset(), **settings), head=head)
        self.check_tags(frames_in(sink), support.tags_of(sink), self.whole)
        return frames_in(sink), support.tags_of(sink)

    def check_tags(self, got, tags, whole):
        """Each frame is what its tags say, looked up in the data set."""
        self.assertEqual(len(got), len(tags))
        rows = [tag["frame_index"] for tag in tags]
        np.testing.assert_array_equal(got, frames.to_complex(whole.iq[rows]))
        self.assertEqual([tag["modulation"] for tag in tags], whole.truth[rows].tolist())
        self.assertEqual([tag["snr_db"] for tag in tags], whole.snr_db[rows].tolist())

    def test_flowgraphs_without_a_model_start_without_torch(self):
        done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_frame_in_file_order_with_its_tags(self):
        expected = data.read(support.dataset())
        got, tags = self.play()
        np.testing.assert_array_equal(got, frames.to_complex(expected.iq))
        self.assertEqual([tag["modulation"] for tag in tags], list(expected.truth))
        self.assertEqual([tag["snr_db"] for tag in tags], expected.snr_db.tolist())
        self.assertEqual([tag["frame_index"] for tag in tags], list(range(len(expected))))

    def test_selection_keeps_the_position_in_the_file(self):
        expected = data.read(support.dataset())
        got, tags = self.play(classes=["QPSK"], snr_db=[10])
        rows = np.flatnonzero((expected.truth == "QPSK") & (expected.snr_db == 10))
        np.testing.assert_array_equal(got, frames.to_complex(expected.iq[rows]))
        self.assertEqual([tag["frame_index"] for tag in tags], rows.tolist())
        self.assertEqual({tag["modulation"] for tag in tags}, {"QPSK"})

    def test_a_part_is_the_library_part(self):
        expected = data.split(data.read(support.dataset()), 3)["test"]
        _, tags = self.play(part="test", split_seed=3)
        self.assertEqual([tag["frame_index"] for tag in tags], expected.tolist())

    def test_repeat_tags_each_pass_alike(self):
        count = len(data.read(support.dataset()))
        got, tags = self.play(head=2 * count + 7, repeat=True)
        np.testing.assert_array_equal(got[:count], got[count : 2 * count])
        np.testing.assert_array_equal(got[: 7], got[2 * count :])
        self.assertEqual([tag["frame_index"] for tag in tags],
                         [n % count for n in range(2 * count + 7)])

    def test_shuffled_is_seeded_and_complete(self):
        orders = [
            [tag["frame_index"] for tag in self.play(order="shuffled", seed=seed)[1]]
            for seed in (1, 1, 2)
        ]
        self.assertEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], orders[2])
        self.assertEqual(sorted(orders[0]), list(range(len(orders[0]))))

    def test_limit(self):
        self.assertEqual(len(self.play(limit=13)[0]), 13)

    def test_shuffled_passes_differ(self):
        count = len(self.whole)
        _, tags = self.play(head=2 * count, order="shuffled", repeat=True)
        passes = np.array([tag["frame_index"] for tag in tags]).reshape(2, count)
        self.assertEqual(np.sort(passes).tolist(), [list(range(count))] * 2)
        self.assertNotEqual(*passes.tolist())

    def test_balanced(self):
        # 20 frames of each class and SNR label, of which a part takes unlike counts
        selected = self.whole.subset(data.split(self.whole, 1)["validation"])
        smallest = np.bincount(selected.label).min()
        source = htrd.dataset_source(
            support.dataset(), order="balanced", part="validation", split_seed=1
        )
        self.assertEqual(len(source), 3 * smallest)
        _, tags = self.play(
            head=2 * len(source), order="balanced", part="validation", split_seed=1, repeat=True
        )
        names = [tag["modulation"] for tag in tags]
        for start in range(len(names) - 2):
            self.assertEqual(sorted(names[start : start + 3]), sorted(support.CLASSES))

    def test_start(self):
        count = len(self.whole)
        _, tags = self.play(head=count, start=count - 3, repeat=True)
        self.assertEqual([tag["frame_index"] for tag in tags],
                         [count - 3, count - 2, count - 1, *range(count - 3)])
        _, tags = self.play(start=count - 1)
        self.assertEqual([tag["frame_index"] for tag in tags], [count - 1])

    def test_single_values_select_too(self):
        _, tags = self.play(classes="BPSK", snr_db=0)
        self.assertEqual({(tag["modulation"], tag["snr_db"]) for tag in tags}, {("BPSK", 0.0)})

    def test_without_tags(self):
        sink = run(htrd.dataset_source(support.dataset(), tags=False))
        np.testing.assert_array_equal(frames_in(sink), frames.to_complex(self.whole.iq))
        self.assertEqual(len(sink.tags()), 0)

    def test_longer_frames_are_cut(self):
        source = htrd.dataset_source(support.dataset(), classes=["TONE"], frame_length=50)
        sink = run(source, 50)
        pieces = self.whole.cut(50)
        self.check_tags(frames_in(sink, 50), support.tags_of(sink), pieces)
        self.assertEqual(indices(sink), np.flatnonzero(pieces.truth == "TONE").tolist())
        self.assertEqual(len(pieces), 2 * len(self.whole))

    def test_stream(self):
        for most in (1000, 127, 128, 129, 1):
            with self.subTest(most):
                settings = {"order": "shuffled", "seed": 3, "limit": 30, "output": "stream"}
                source = htrd.dataset_source(support.dataset(), **settings)
                source.set_max_noutput_items(most)
                sink = run(source, 1)
                self.assertEqual(len(sink.data()), 30 * LENGTH)
                self.check_tags(frames_in(sink), support.tags_of(sink), self.whole)
                self.assertEqual(sorted({tag.offset for tag in sink.tags()}),
                                 list(range(0, 30 * LENGTH, LENGTH)))

    def test_stream_repeats_and_stops_inside_a_frame(self):
        count = len(self.whole)
        source = htrd.dataset_source(support.dataset(), output="stream", repeat=True)
        sink = run(source, 1, head=(count + 2) * LENGTH + 5)
        samples = frames.to_complex(self.whole.iq).ravel()
        np.testing.assert_array_equal(sink.data(), np.tile(samples, 2)[: len(sink.data())])
        self.assertEqual(indices(sink), [*range(count), 0, 1, 2])

    def test_seek_at_a_frame_boundary(self):
        shuffled = {"order": "shuffled", "seed": 7}
        order = [tag["frame_index"] for tag in self.play(**shuffled)[1]]
        for output, most, after in (("frames", 4, 10), ("stream", 50, 150), ("stream", 300, 1000)):
            with self.subTest(output, most=most):
                source = SeekingSource(support.dataset(), output=output, **shuffled)
                source.set_max_noutput_items(most)
                source.seek_later(after, 90)
                length = 1 if output == "stream" else LENGTH
                sink = run(source, length)
                before = -(-source.sought_at * length // LENGTH)
                if most == 50:
                    self.assertNotEqual(source.sought_at % LENGTH, 0)
                self.assertLess(before, 90)
                self.check_tags(frames_in(sink), support.tags_of(sink), self.whole)
                self.assertEqual(indices(sink), order[:before] + order[90:])

    def test_seek_while_running(self):
        count = len(self.whole)
        flowgraph = gr.top_block()
        source = htrd.dataset_source(support.dataset(), repeat=True)
        throttle, sink = blocks.throttle(8 * LENGTH, 5000), blocks.vector_sink_c(LENGTH)
        flowgraph.connect(source, throttle, sink)

        def landings():
            got = indices(sink)
            return {after for before, after in zip(got, got[1:]) if after != (before + 1) % count}

        def heard(position):
            source.seek(position)
            return position in landings()

        flowgraph.start()
        try:
            for position in (70, 3, 119):
                support.wait_for(lambda position=position: heard(position))
                with self.assertRaises(UserError):
                    source.seek(count)
        finally:
            flowgraph.stop()
            flowgraph.wait()
        self.assertEqual(landings(), {70, 3, 119})
        self.check_tags(frames_in(sink), support.tags_of(sink), self.whole)

    def test_large_files_are_read_when_due(self):
        path = hdf5_file(self.folder)
        whole = data.read(path, LENGTH)
        self.assertTrue(whole.is_lazy)
        for settings in ({}, {"order": "balanced", "output": "stream", "start": 40}):
            with self.subTest(settings):
                source = htrd.dataset_source(path, snr_db=[-20, 10], limit=1000, **settings)
                sink = run(source, 1 if settings else LENGTH)
                tags = support.tags_of(sink)
                self.assertEqual(len(tags), len(source) - settings.get("start", 0))
                self.check_tags(frames_in(sink), tags, whole)
                self.assertEqual({tag["snr_db"] for tag in tags}, {-20.0, 10.0})

    def test_frames_with_nan_go_out_as_they_are(self):
        source = htrd.dataset_source(hdf5_file(self.folder), limit=0, start=13)
        sink = run(source, head=4)  # the pieces of frames 6 (the last), 7 and 8
        bad = np.isnan(frames_in(sink))
        self.assertEqual(indices(sink), [13, 14, 15, 16])
        self.assertEqual(np.argwhere(bad).tolist(), [[1, 20]])

    def test_a_file_that_fails_later_ends_the_flow(self):
        path = hdf5_file(self.folder)
        source = htrd.dataset_source(path)
        os.truncate(path, os.path.getsize(path) // 2)
        with self.assertLogs("gnuradio.htrd.dataset_source", "WARNING") as logged:
            sink = run(source)
        self.assertEqual(len(sink.data()), 0)
        self.assertIn("large.hdf5", logged.output[0])
        self.assertIn("the flow ends", logged.output[0])

    def tiny(self):
        """A file of one frame: most of its parts are empty."""
        path = self.folder / "tiny.npz"
        npz.write(self.whole.subset([0]), path)
        return str(path)

    def test_bad_construction(self):
        for settings, word in (
            ({"dataset": "nowhere.npz"}, "nowhere.npz"),
            ({"classes": ["QPSK", "8FSK"]}, "8FSK"),
            ({"snr_db": [3]}, "3 dB"),
            ({"snr_db": "10"}, "snr_db must be a finite number"),
            ({"snr_db": [float("nan")]}, "nan"),
            ({"part": "exam"}, "exam"),
            ({"order": "random"}, "random"),
            ({"limit": -1}, "limit"),
            ({"dataset": self.tiny(), "part": "calibration"}, "no frames"),
            ({"dataset": self.tiny(), "part": "calibration", "snr_db": [10]}, "10 dB"),
            ({"frame_length": 256}, "256"),
            ({"frame_length": 0}, "frame_length"),
            ({"start": -1}, "start"),
            ({"start": 120}, "0 … 119"),
            ({"start": 12, "limit": 12}, "0 … 11"),
            ({"output": "items"}, "items"),
        ):
            with self.subTest(settings), self.assertRaises(UserError) as raised:
                htrd.dataset_source(**{"dataset": support.dataset()} | settings)
            self.assertIn(word, str(raised.exception))
            self.assertNotIn("\n", str(raised.exception))

    def test_recordings_that_do_not_say_what_they_are(self):
        """Raw samples and WAV files, their level untouched, tagged with what is said of them."""
        whole = np.random.default_rng(4).integers(-30000, 30000, (10 * LENGTH, 2)).astype("<i2")
        expected = (whole / 2**15).astype(np.float32).view(np.complex64).reshape(-1, LENGTH)
        whole.tofile(self.folder / "r.cs16")
        whole.tofile(self.folder / "r.iq")
        (self.folder / "r.wav").write_bytes(wav_files.wav(
            wav_files.form(wav_files.PCM, 2, 96_000, 16), wav_files.chunk(b"data", whole.tobytes())
        ))
        for name, more in (("r.cs16", {}), ("r.iq", {"datatype": "ci16_le"}), ("r.wav", {})):
            with self.subTest(name):
                sink = run(htrd.dataset_source(str(self.folder / name), modulation="QPSK",
                                               label_snr_db=7, **more))
                np.testing.assert_array_equal(frames_in(sink), expected)
                tags = support.tags_of(sink)
                self.assertEqual({tag["modulation"] for tag in tags}, {"QPSK"})
                self.assertEqual({tag["snr_db"] for tag in tags}, {7})
        for wrong in ({}, {"modulation": "QPSK", "datatype": "rf32_le"}):
            with self.assertRaises(UserError):
                htrd.dataset_source(str(self.folder / "r.iq"), **wrong)
        with self.assertRaisesRegex(UserError, "says itself"):
            htrd.dataset_source(support.dataset(), modulation="QPSK")

    def test_start_in_a_panel(self):
        source = htrd.dataset_source(support.dataset(), start=5)
        with self.assertLogs("gnuradio.htrd.dataset_source", "WARNING") as logged:
            source.set_start(120)
        self.assertIn("0 … 119", logged.output[0])
        self.assertEqual(indices(run(source))[0], 5)
        source = htrd.dataset_source(support.dataset(), start=5)
        source.set_start(118)
        self.assertEqual(indices(run(source)), [118, 119])

    def test_grc(self):
        """Compiled, both outputs fit, and a variable in Start seeks."""
        for output, length in (("frames", LENGTH), ("stream", 1)):
            flowgraph = self.compiled(f"plays_{output}", output, length)
            flowgraph.set_position(100)
            support.run(flowgraph)
            self.check_tags(
                frames_in(flowgraph.sink), support.tags_of(flowgraph.sink), self.whole)
            self.assertEqual(indices(flowgraph.sink), list(range(100, 120)))

    def compiled(self, name, output, length):
        def block(name, kind, **parameters):
            return {"name": name, "id": kind, "parameters": parameters, "states": STATES}

        source = {"dataset": support.dataset(), "start": "position", "output": output}
        described = {
            "options": {
                "parameters": {"id": name, "generate_options": "no_gui", "run_options": "run"},
                "states": STATES,
            },
            "blocks": [
                block("position", "variable", value="2"),
                block("source", "htrd_dataset_source", **source),
                block("sink", "blocks_vector_sink_x", type="complex", vlen=str(length)),
            ],
            "connections": [["source", "0", "sink", "0"]],
            "metadata": {"file_format": 1},
        }
        path = self.folder / f"{name}.grc"
        path.write_text(yaml.safe_dump(described))
        environment = dict(os.environ, HOME=str(self.folder))
        environment.setdefault("GRC_BLOCKS_PATH", str(GRC))
        done = subprocess.run(["grcc", "-o", self.folder, path], env=environment,
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        description = importlib.util.spec_from_file_location(name, self.folder / f"{name}.py")
        module = importlib.util.module_from_spec(description)
        description.loader.exec_module(module)
        return getattr(module, name)()


if __name__ == "__main__":
    gr_unittest.run(QaDatasetSource)
