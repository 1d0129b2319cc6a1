#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data-set generator, with real flowgraphs. Expected values come from theory, from
the published description of RML2016.10a and from measurements on real frames."""

import subprocess
import sys
import unittest

import numpy as np
from gnuradio import blocks, gr, gr_unittest
from gnuradio.htrd import rml2016_channel, rml2016_generator, rml2016_material, rml2016_modulators
from robust_amc.errors import UserError

CLASSES = (
    "8PSK", "AM-DSB", "AM-SSB", "BPSK", "CPFSK", "GFSK", "PAM4", "QAM16", "QAM64", "QPSK", "WBFM",
)  # fmt: skip


def complex_frames(dataset, name=None, snr_db=None):
    keep = np.ones(len(dataset), bool)
    if name is not None:
        keep &= dataset.label == dataset.classes.index(name)
    if snr_db is not None:
        keep &= dataset.snr_db == snr_db
    iq = dataset.iq[keep].astype(np.float32)
    return iq[:, 0] + 1j * iq[:, 1]


def snr_by_noise_floor(frames):
    """Median SNR in dB; the noise is what lies beyond 60 kHz of the 200 kHz band."""
    window = np.hanning(130)[1:-1]
    spectrum = np.abs(np.fft.fft(frames * window)) ** 2
    noise = spectrum[:, np.abs(np.fft.fftfreq(128)) > 0.3].mean(1)
    return np.median(10 * np.log10(np.maximum(spectrum.mean(1) - noise, 1e-12) / noise))


def modulated(name, seed=1):
    """Samples straight from a modulator, without the channel."""
    sink = blocks.vector_sink_c()
    top_block = gr.top_block()
    chain = rml2016_modulators.modulator(name, np.random.default_rng(seed))
    top_block.connect(*chain, sink)
    top_block.run()
    return np.array(sink.data())


class qa_rml2016_generator(gr_unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.calls = []
        cls.dataset = rml2016_generator.generate(
            snr_db=[-20, 0, 12],
            frames_per_key=20,
            frames_per_run=5,
            seed=7,
            jobs=2,
            progress=lambda done, total: cls.calls.append((done, total)),
        )

    def generate(self, seed=7, **more):
        settings = {"frames_per_key": 20, "frames_per_run": 5, "jobs": 1} | more
        return rml2016_generator.generate(seed=seed, **settings)

    def test_form(self):
        dataset = self.dataset
        self.assertEqual(dataset.classes, CLASSES)
        self.assertEqual(dataset.iq.shape, (11 * 3 * 20, 2, 128))
        self.assertEqual(dataset.iq.dtype, np.float16)
        self.assertEqual(dataset.run_id.dtype, np.int32)
        for name in CLASSES:
            for snr_db in (-20, 0, 12):
                self.assertEqual(len(complex_frames(dataset, name, snr_db)), 20)
        self.assertTrue(np.isfinite(dataset.iq).all())

    def test_runs(self):
        """Four runs of five frames a key; no run is of two keys."""
        runs, counts = np.unique(self.dataset.run_id, return_counts=True)
        self.assertEqual(len(runs), 11 * 3 * 4)
        self.assertEqual(set(counts), {5})
        for run in runs:
            members = self.dataset.run_id == run
            self.assertEqual(len(set(self.dataset.label[members])), 1)
            self.assertEqual(len(set(self.dataset.snr_db[members])), 1)

    def test_metadata(self):
        metadata = self.dataset.metadata
        self.assertEqual(metadata["mode"], "legacy")
        self.assertEqual(metadata["seed"], 7)
        self.assertEqual(metadata["scaling"], "sum_abs")
        self.assertEqual(metadata["frames_per_run"], 5)

    def test_scaling(self):
        sums = np.abs(complex_frames(self.dataset)).sum(1)
        np.testing.assert_allclose(sums, 1, atol=2e-3)

    def test_progress(self):
        total = 11 * 3 * 20
        self.assertEqual(self.calls[-1], (total, total))
        self.assertEqual([each for each, _ in self.calls], sorted(each for each, _ in self.calls))

    def test_standard_output_stays_clean(self):
        """wfm_tx and GNU Radio's logger print there."""
        script = (
            "from gnuradio.htrd import rml2016_generator as generator\n"
            "generator.generate(['WBFM'], [10], frames_per_key=5)\n"
            "print('done')"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        self.assertEqual(done.stdout, "done\n", done.stderr)

    def test_same_seed_same_bytes(self):
        """Whatever the number of processes, and whichever other keys are made."""
        classes, levels = ["WBFM", "AM-DSB", "8PSK", "GFSK"], [12, -20]
        again = self.generate(classes=classes, snr_db=levels, jobs=1)
        for name in classes:
            for snr_db in levels:
                np.testing.assert_array_equal(
                    complex_frames(again, name, snr_db),
                    complex_frames(self.dataset, name, snr_db),
                    err_msg=f"{name} {snr_db}",
                )

    def test_other_seed_other_frames(self):
        other = self.generate(seed=8, classes=["QPSK"], snr_db=[12])
        one = complex_frames(self.dataset, "QPSK", 12)
        similar = np.abs(one.conj() @ complex_frames(other, "QPSK", 12).T)
        self.assertLess(similar.max(), 0.9 * (np.abs(one) ** 2).sum(1).min())

    def test_snr_law(self):
        """True SNR = 2 label + 5 dB; un-normalized grids: PAM4 5, QAM16 10, QAM64 42."""
        grid_power = {"PAM4": 5, "QAM16": 10, "QAM64": 42}
        for name in sorted(set(CLASSES) - {"AM-SSB"}):
            for snr_db in (0, 12):
                law = 2 * snr_db + 5 + 10 * np.log10(grid_power.get(name, 1))
                measured = snr_by_noise_floor(complex_frames(self.dataset, name, snr_db))
                # CPFSK's own spectrum reaches into the noise's band
                self.assertAlmostEqual(measured, law, delta=1.5, msg=f"{name} {snr_db}")

    def test_am_ssb_and_low_labels_are_noise(self):
        for frames in (complex_frames(self.dataset, "AM-SSB", 12), complex_frames(self.dataset)):
            self.assertFalse(np.any(np.all(frames == 0, 1)))
        noise = [complex_frames(self.dataset, "AM-SSB", 12)]
        noise += [complex_frames(self.dataset, name, -20) for name in ("BPSK", "WBFM", "GFSK")]
        for frames in noise:
            power = np.abs(np.fft.fft(frames)) ** 2
            # of white Gaussian noise, 20 frames: neighbors do not correlate, flat spectrum
            neighbors = np.abs(np.sum(frames[:, 1:] * frames[:, :-1].conj()))
            self.assertLess(neighbors / np.sum(np.abs(frames) ** 2), 0.1)
            bands = power.mean(0).reshape(8, 16).mean(1)
            self.assertLess(bands.max() / bands.min(), 1.6)

    def test_bare_carriers(self):
        """Labels >= 8 dB, real frames: 93 % of AM-DSB, 58 % of WBFM; here within 10 points."""
        dataset = self.generate(
            classes=["AM-DSB", "WBFM"], snr_db=[12, 18], frames_per_key=200, frames_per_run=8,
            jobs=2,
        )  # fmt: skip
        smoother = np.ones(16) / 16
        for name, share in (("AM-DSB", 0.93), ("WBFM", 0.58)):
            frames = complex_frames(dataset, name)
            smooth = np.array([np.convolve(frame, smoother, "valid") for frame in frames])
            envelope = np.abs(smooth)
            ripple = envelope.std(1) / envelope.mean(1)
            turn = np.ptp(np.unwrap(np.angle(smooth), axis=1), axis=1)
            bare = ripple < 0.015 if name == "AM-DSB" else turn < 0.15
            self.assertAlmostEqual(bare.mean(), share, delta=0.10, msg=name)

    def test_constellations(self):
        """Power of the un-normalized grids; Gray: neighbors differ in one bit."""
        for name, size, power in (
            ("BPSK", 2, 1), ("QPSK", 4, 1), ("8PSK", 8, 1), ("PAM4", 4, 5), ("QAM16", 16, 10),
            ("QAM64", 64, 42),
        ):  # fmt: skip
            points = rml2016_modulators.CONSTELLATIONS[name]
            self.assertEqual(len(set(np.round(points, 6))), size)
            self.assertAlmostEqual(np.mean(np.abs(points) ** 2), power)
            distance = np.abs(points[:, None] - points[None, :])
            nearest = distance[distance > 1e-9].min()
            for i, j in np.argwhere(np.abs(distance - nearest) < 1e-9):
                self.assertEqual(bin(i ^ j).count("1"), 1, name)

    def test_modulators(self):
        """Enough samples in a run, 8 a symbol, and the envelopes that theory gives."""
        for name in CLASSES:
            samples = modulated(name)
            self.assertGreaterEqual(len(samples), rml2016_modulators.run_samples(name) + 50, name)
        for name in ("CPFSK", "GFSK", "WBFM"):  # constant envelope; gfsk_mod scales by 0.999
            np.testing.assert_allclose(np.abs(modulated(name)), 1, atol=2e-3)
        self.assertFalse(modulated("AM-SSB").any())
        am = modulated("AM-DSB")
        np.testing.assert_array_equal(am.imag, 0)
        self.assertLess(np.abs(am.real - 1).max(), 0.55)
        # CPFSK turns by pi/2 in a symbol of 8 samples
        ends = modulated("CPFSK")[7:807:8]
        turn = np.abs(np.angle(ends[1:] / ends[:-1]))
        np.testing.assert_allclose(turn, np.pi / 2, atol=1e-3)

    def test_bits(self):
        """Text, least significant bit first, XORed with 256 bits repeated."""
        bits = rml2016_material.bits(np.random.default_rng(3), 10_000)
        self.assertEqual(set(bits), {0, 1})
        self.assertAlmostEqual(bits.mean(), 0.5, delta=0.1)
        # ASCII: the last bit of each byte is 0, so the scrambler's shows, with its period
        top = bits[7::8]
        np.testing.assert_array_equal(top[32:], top[:-32])

    def test_channel(self):
        for seed in range(20):
            taps = rml2016_channel.taps(np.random.default_rng(seed))
            self.assertEqual(taps.shape, (8,))
            self.assertAlmostEqual(20 * np.log10(abs(taps.sum())), 5, places=6)
        self.assertAlmostEqual(rml2016_channel.noise_amplitude(10), 0.1)
        self.assertAlmostEqual(rml2016_channel.noise_amplitude(-20), 100)

    def test_cut(self):
        """Frames are pieces of the run, in order, 128 … 5 % of the run apart."""
        run = np.exp(2j * np.pi * np.random.default_rng(0).random(20_000)).astype(np.complex64)
        starts = []
        for frame in rml2016_generator.cut(run, np.random.default_rng(1)):
            windows = np.lib.stride_tricks.sliding_window_view(run, 3)
            start = np.abs(windows - frame[:3] * 128).sum(1).argmin()
            np.testing.assert_allclose(frame * 128, run[start : start + 128], atol=1e-5)
            starts.append(start)
        self.assertTrue(50 <= starts[0] <= 500)
        self.assertTrue(np.all(np.diff(starts) >= 128) and np.all(np.diff(starts) <= 1000))
        self.assertGreater(starts[-1], 20_000 - 1000 - 2 * 128)
        self.assertEqual(len(rml2016_generator.cut(run, np.random.default_rng(1), 7)), 7)

    def test_wrong_arguments(self):
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
        ):
            with self.assertRaises(UserError) as raised:
                rml2016_generator.generate(**{"frames_per_key": 1} | arguments)
            self.assertIn(message, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
