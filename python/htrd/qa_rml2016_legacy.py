#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode legacy of the data-set generator. Expected values come from theory, from the
published description of RML2016.10a and from measurements on real frames."""

import unittest

import numpy as np
import rml2016_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.rml2016 import channel, legacy, modulators, source_material
from rml2016_for_qa import as_complex, key, modulated
from robust_amc import data

PER_KEY = {"frames_per_run": 5, "seed": 7}


def snr_by_noise_floor(frames):
    """Median SNR in dB; the noise is what lies beyond 60 kHz of the 200 kHz band."""
    window = np.hanning(130)[1:-1]
    spectrum = np.abs(np.fft.fft(frames * window)) ** 2
    noise = spectrum[:, np.abs(np.fft.fftfreq(128)) > 0.3].mean(1)
    return np.median(10 * np.log10(np.maximum(spectrum.mean(1) - noise, 1e-12) / noise))


class qa_rml2016_legacy(gr_unittest.TestCase):
    def test_frames_have_not_changed(self):
        """The shipped models were made of such frames: the same seed gives them still.

        Version 2 has other audio. Other processors round otherwise, which turns the phase
        of WBFM in the course of a run: there, the noise is compared.
        """
        sample = data.read("sample")
        is_old = sample.metadata["generator_version"] < 2
        for name in sorted(set(support.CLASSES) - ({"AM-DSB", "WBFM"} if is_old else set())):
            level = -20 if name == "WBFM" else 18
            iq = key(name, level, 4, frames_per_run=2, seed=sample.metadata["seed"])["iq"]
            kept = sample.select([name], [level]).iq[:4]
            np.testing.assert_allclose(iq, kept, atol=5e-4, err_msg=name)

    def test_snr_law(self):
        """True SNR = 2 label + 5 dB; un-normalized grids: PAM4 5, QAM16 10, QAM64 42."""
        grid_power = {"PAM4": 5, "QAM16": 10, "QAM64": 42}
        for name in sorted(set(support.CLASSES) - {"AM-SSB"}):
            for snr_db in (0, 12):
                law = 2 * snr_db + 5 + 10 * np.log10(grid_power.get(name, 1))
                columns = key(name, snr_db, frame_metadata=True, **PER_KEY)
                measured = snr_by_noise_floor(as_complex(columns["iq"]))
                # CPFSK's own spectrum reaches into the noise's band
                self.assertAlmostEqual(measured, law, delta=1.5, msg=f"{name} {snr_db}")
                true = np.median(columns["true_snr_db"])
                self.assertAlmostEqual(true, law, delta=1.5, msg=f"{name} {snr_db}")
                # the drift of the carrier: 0.01 Hz a sample, random, for 80,000 samples at most
                self.assertLess(np.abs(columns["carrier_offset_hz"]).max(), 5 * 0.01 * 283)

    def test_am_ssb_and_low_labels_are_noise(self):
        ssb = key("AM-SSB", 12, frame_metadata=True, **PER_KEY)
        np.testing.assert_array_equal(ssb["true_snr_db"], -np.inf)
        noise = [key(name, -20, **PER_KEY)["iq"] for name in ("BPSK", "WBFM", "GFSK")]
        for frames in map(as_complex, [ssb["iq"], *noise]):
            power = np.abs(np.fft.fft(frames)) ** 2
            # of white Gaussian noise, 20 frames: neighbors do not correlate, flat spectrum
            neighbors = np.abs(np.sum(frames[:, 1:] * frames[:, :-1].conj()))
            self.assertLess(neighbors / np.sum(np.abs(frames) ** 2), 0.1)
            bands = power.mean(0).reshape(8, 16).mean(1)
            self.assertLess(bands.max() / bands.min(), 1.6)

    def test_bare_carriers(self):
        """Labels >= 8 dB, real frames: 93 % of AM-DSB, 58 % of WBFM; here within 10 points."""
        smoother = np.ones(16) / 16
        for name, share in (("AM-DSB", 0.93), ("WBFM", 0.58)):
            columns = [key(name, snr_db, 200, frames_per_run=8) for snr_db in (12, 18)]
            frames = as_complex(np.concatenate([each["iq"] for each in columns]))
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
            points = modulators.CONSTELLATIONS[name]
            self.assertEqual(len(set(np.round(points, 6))), size)
            self.assertAlmostEqual(np.mean(np.abs(points) ** 2), power)
            distance = np.abs(points[:, None] - points[None, :])
            nearest = distance[distance > 1e-9].min()
            for i, j in np.argwhere(np.abs(distance - nearest) < 1e-9):
                self.assertEqual(bin(i ^ j).count("1"), 1, name)

    def test_modulators(self):
        """The envelopes that theory gives; FSK keeps its index at other symbol lengths."""
        for name in ("CPFSK", "GFSK", "WBFM"):  # constant envelope; gfsk_mod scales by 0.999
            np.testing.assert_allclose(np.abs(modulated(name)), 1, atol=2e-3)
        self.assertFalse(modulated("AM-SSB").any())
        am = modulated("AM-DSB")
        np.testing.assert_array_equal(am.imag, 0)
        self.assertLess(np.abs(am.real - 1).max(), 0.55)
        for samples in (2, 8, 20):
            # CPFSK turns by pi/2 in a symbol, GFSK by 0.8 after some equal bits
            ends = modulated("CPFSK", samples_per_symbol=samples)[samples - 1 :: samples][:200]
            turn = np.abs(np.angle(ends[1:] / ends[:-1]))
            np.testing.assert_allclose(turn, np.pi / 2, atol=1e-3)
            ends = modulated("GFSK", samples_per_symbol=samples)[::samples]
            turn = np.abs(np.angle(ends[1:] / ends[:-1]))
            self.assertAlmostEqual(turn.max(), 0.8, delta=0.01)

    def test_symbol_rate(self):
        """Linear classes fill (1 + 0.35) symbol rates; a smaller rate gives more samples."""
        for samples in (4, 16):
            frequency, power = support.spectrum(modulated("QPSK", samples_per_symbol=samples))
            rate = 200e3 / samples
            inside = np.abs(frequency) < 1.35 / 2 * rate
            self.assertGreater(power[inside].sum() / power.sum(), 0.999)
            half = power[np.abs(np.abs(frequency) - rate / 2) < 0.02 * rate].mean()
            top = power[np.abs(frequency) < 0.2 * rate].mean()
            self.assertAlmostEqual(half / top, 0.5, delta=0.1)

    def test_bits(self):
        """Text, least significant bit first, XORed with 256 bits repeated."""
        bits = source_material.bits(np.random.default_rng(3), 10_000)
        self.assertEqual(set(bits), {0, 1})
        self.assertAlmostEqual(bits.mean(), 0.5, delta=0.1)
        # ASCII: the last bit of each byte is 0, so the scrambler's shows, with its period
        top = bits[7::8]
        np.testing.assert_array_equal(top[32:], top[:-32])

    def test_channel(self):
        for seed in range(20):
            taps = channel.legacy_taps(np.random.default_rng(seed))
            self.assertEqual(taps.shape, (8,))
            self.assertAlmostEqual(20 * np.log10(abs(taps.sum())), 5, places=6)
        self.assertAlmostEqual(legacy.noise_amplitude(10), 0.1)
        self.assertAlmostEqual(legacy.noise_amplitude(-20), 100)


if __name__ == "__main__":
    unittest.main()
