#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode field of the data-set generator: labels, rates, sidebands, seeds, what it refuses.
Each impairment by itself is tested in the library."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import rml2016_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.rml2016 import cells, field, field_signals, generator
from gnuradio.htrd.rml2016.settings import Settings
from rml2016_for_qa import CLASSES, as_complex
from robust_amc import data
from robust_amc.errors import UserError
from robust_amc.frontend import symbol_rate

DIGITAL = tuple(sorted(set(CLASSES) - {"AM-DSB", "AM-SSB", "WBFM"}))
FACTS = {
    "true_snr_db", "carrier_offset_hz", "samples_per_symbol", "rolloff", "modulation_index",
    "rate_error", "delay_spread", "phase_noise", "image_rejection_db", "bits",
}  # fmt: skip


def key(name, snr_db, frames_per_key=16, **settings):
    return support.key(name, snr_db, frames_per_key, **{"mode": "field"} | settings)


def received(name, snr_db, run=0, **settings):
    settings = Settings(mode="field", **settings)
    material, channel, _ = cells.run_seeds(name, snr_db, run, settings)
    return field.receive(name, snr_db, material, channel, settings)


def signal(name, period=8.0, seed=0, symbols=600):
    rng = np.random.default_rng(seed)
    return field_signals.make(name, period, symbols, rng, Settings(mode="field"))


class qa_rml2016_field(gr_unittest.TestCase):
    def test_form(self):
        """Every class at 128 and 1024 samples; the sum of the magnitudes is 1."""
        for name in CLASSES:
            for length in (128, 1024):
                wanted = {"frame_length": length, "frame_metadata": length == 128}
                columns = key(name, 10, 3, frames_per_run=3, **wanted)
                self.assertEqual(columns["iq"].shape, (3, 2, length), name)
                sums = np.abs(as_complex(columns["iq"])).sum(1)
                np.testing.assert_allclose(sums, 1, atol=4e-3)
                known = FACTS if length == 128 else set()
                self.assertEqual(set(columns), {"iq", "run_id"} | known)

    def test_label_is_the_snr_in_the_band(self):
        """Of a run, by spectra of what was sent and of the noise; frames scatter around it."""
        for name in CLASSES:
            for level in (0, 20):
                run = received(name, level)
                power = np.abs(np.fft.fft(run.noise)) ** 2
                count = round(run.bandwidth * len(power))
                # White: any part of that width
                noise = np.mean([power[i::7].mean() for i in range(7)]) * count
                sent = np.sum(np.abs(np.fft.fft(run.signal)) ** 2)
                self.assertAlmostEqual(10 * np.log10(sent / noise), level, delta=0.3, msg=name)
        columns = key("QPSK", 8, 64, frames_per_run=4, frame_metadata=True)
        true = columns["true_snr_db"]
        self.assertAlmostEqual(10 * np.log10(np.mean(10 ** (true / 10))), 8, delta=0.3)
        self.assertTrue(0.1 < true.std() < 2)

    def test_snr_in_the_frames(self):
        """Measured on the samples alone: noise beside the band, of a wide signal's filter."""
        measured = []
        for run in range(6):
            made = received("QPSK", 10, run, frames_per_run=40)
            power = np.abs(np.fft.fft(made.samples * np.hanning(len(made.samples)))) ** 2
            place = np.abs(np.fft.fftfreq(len(power))) * 8  # in symbol rates
            rolloff = made.facts["rolloff"]
            noise = power[(place > (1 + rolloff) / 2 + 0.02) & (place < 0.68)]
            if len(noise) < 30:
                continue
            inside = power[place < (1 + rolloff) / 2]
            snr = inside.sum() / (noise.mean() * len(inside)) - 1
            measured.append(10 * np.log10(snr))
        # Images, levels of a converter and neighbors add to the noise
        self.assertAlmostEqual(np.median(measured), 10, delta=1.5)

    def test_symbol_rate(self):
        """Whatever it was: the front end finds 8 samples a symbol in what comes out."""
        periods = []
        for name in DIGITAL:
            found = []
            for run in range(3):
                made = received(name, 26, run, frames_per_run=24)
                periods.append(made.facts["samples_per_symbol"])
                rate = symbol_rate.estimate(made.samples).rate
                found.append(rate is not None and abs(rate * 8 - 1) < 0.005)
            self.assertGreaterEqual(sum(found), 2, name)
        self.assertTrue(2.9 < min(periods) < 5 and 20 < max(periods) < 33)
        self.assertGreater(np.std(np.log(periods)), 0.4)

    def test_other_samples_per_symbol(self):
        made = received("QPSK", 26, frames_per_run=40, samples_per_symbol=4)
        self.assertAlmostEqual(symbol_rate.estimate(made.samples).rate, 1 / 4, delta=1e-3)

    def test_analog_signals_have_one_width(self):
        """90 % of the power in 0.9 / 8 of a cycle a sample, without errors of the front end."""
        exact = mock.patch.object(field.residuals, "draw", return_value=(0.0, 0.0))
        for name in ("AM-SSB", "WBFM", "AM-DSB"):
            widths = []
            for run in range(3):
                with exact:
                    made = received(name, 30, run, frames_per_run=40)
                power = np.abs(np.fft.fftshift(np.fft.fft(made.samples))) ** 2
                if name == "AM-DSB":  # without the carrier
                    power[np.abs(np.arange(len(power)) - len(power) // 2) < 12] = 0
                share = np.cumsum(power) / power.sum()
                widths.append(np.ptp(np.searchsorted(share, [0.05, 0.95])) / len(power))
            # Of a part of the signal; the width was measured on more of it
            self.assertTrue(0.4 < np.median(widths) / (0.9 / 8) < 1.5, f"{name} {widths}")

    def test_both_sidebands(self):
        """A sideband is above or below its suppressed carrier; both occur, centered."""
        sides = []
        for seed in range(8):
            made = signal("AM-SSB", seed=seed)
            low, high = made.band
            power = np.abs(np.fft.fft(made.samples)) ** 2
            frequency = np.fft.fftfreq(len(power))
            inside = (frequency > low) & (frequency < high)
            self.assertGreater(power[inside].sum() / power.sum(), 0.9)
            self.assertTrue(low < made.center < high)
            sides.append(np.sign(low + high))
        self.assertEqual(set(sides), {-1, 1})

    def test_parameters(self):
        """What was drawn is what the samples show."""
        for seed in range(3):
            made = signal("CPFSK", 8.0, seed)
            turn = np.abs(np.angle(made.samples[8::8] / made.samples[:-8:8]))
            index = made.facts["modulation_index"]
            # Wherever symbols begin: two equal ones turn by as much in all of a symbol
            self.assertAlmostEqual(np.quantile(turn, 0.9) / np.pi, index, delta=0.05)
            self.assertTrue(0.4 <= index <= 1)
            made = signal("AM-DSB", 20.0, seed)
            envelope = np.abs(made.samples)
            depth = np.ptp(envelope) / (envelope.max() + envelope.min())
            self.assertLess(depth, made.facts["modulation_index"] + 0.05)
            self.assertTrue(0.3 <= made.facts["modulation_index"] <= 1)
            made = signal("8PSK", 5.5, seed)
            power = np.abs(np.fft.fft(made.samples)) ** 2
            outside = np.abs(np.fft.fftfreq(len(power))) > made.band[1] * 1.02
            self.assertLess(power[outside].sum(), 2e-3 * power.sum())
            np.testing.assert_allclose(np.abs(signal("WBFM", 9.0, seed).samples), 1, atol=0.02)

    def test_residual_carrier(self):
        """What is left of the carrier turns the frames of an AM carrier as the metadata say."""
        for error in (0.04, -0.02):
            left = mock.patch.object(field.residuals, "draw", return_value=(0.0, error))
            with left:
                made = received("AM-DSB", 30, frames_per_run=8)
            power = np.abs(np.fft.fft(made.samples * np.hanning(len(made.samples)))) ** 2
            found = np.fft.fftfreq(len(power))[power.argmax()]
            self.assertAlmostEqual(found, -error / 8, delta=2 / len(power))
            self.assertAlmostEqual(made.facts["carrier_offset_hz"], -error * 25e3, delta=20)

    def test_seeds(self):
        """Two processes, a subset and another order give the same bytes."""
        chosen = {"mode": "field", "seed": 5, "frames_per_key": 5, "frame_metadata": True}
        both = generator.generate(["GFSK", "AM-SSB"], [0, 30], jobs=2, **chosen)
        again = key("AM-SSB", 30, 5, seed=5, frame_metadata=True)
        np.testing.assert_array_equal(both.iq[15:], again["iq"])
        np.testing.assert_array_equal(both.extra["bits"][15:], again["bits"])
        other = key("AM-SSB", 30, 5, seed=6)
        self.assertFalse(np.array_equal(again["iq"], other["iq"]))
        self.assertEqual(both.metadata["impairments"]["bits"], [8, 12])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "field.npz")
            data.formats.npz.write(both, path)
            read = data.read(str(path))
        self.assertEqual(set(read.extra), FACTS | {"channel_id"})
        np.testing.assert_array_equal(read.iq, both.iq)

    def test_labels(self):
        settings = Settings(mode="field")
        self.assertEqual(settings.snr_db, tuple(range(-4, 31, 2)))
        runs = key("BPSK", 10, 20)["run_id"]
        self.assertEqual(np.bincount(runs).tolist(), [8, 8, 4])

    def test_audio_of_the_user(self):
        tone = 0.5 * np.sin(2 * np.pi * 1500 * np.arange(3 * 44_100) / 44_100)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "tone.wav"))
            support.write_wav(path, tone)
            self.assertEqual(key("WBFM", 10, 2, audio=path)["iq"].shape, (2, 2, 128))

    def test_wrong_arguments(self):
        for arguments, message in (
            ({"sampling_offset": 0.5}, "no sampling_offset"),
            ({"frame_length": 1 << 17}, "at most 65536"),
            ({"frame_length": 1}, "at least 2"),
            ({"samples_per_symbol": 1}, "whole number in 2"),
            ({"snr_db": [float("nan")]}, "-100 … 100 dB"),
        ):
            with self.assertRaises(UserError) as raised:
                Settings(mode="field", **arguments)
            self.assertIn(message, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
