#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode corrected of the data-set generator, and the options of both modes. Expected values
come from theory and from measurements that do not use the generator's own."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import rml2016_for_qa as support
from gnuradio import gr_unittest
from gnuradio.htrd.rml2016 import cells, channel, corrected, legacy, source_material, speech
from gnuradio.htrd.rml2016.flowgraph import MODES, Flowgraph
from gnuradio.htrd.rml2016.settings import Settings
from rml2016_for_qa import CLASSES, LINEAR, as_complex, modulated
from robust_amc.errors import UserError

CORRECTED = Settings(mode="corrected", frame_metadata=True)


def key(name, snr_db, frames_per_key=20, **settings):
    return support.key(name, snr_db, frames_per_key, **{"mode": "corrected"} | settings)


def received(name, snr_db=10, settings=CORRECTED, run=0):
    """One Run."""
    material, channel, _ = cells.run_seeds(name, snr_db, run, settings)
    sent = MODES[settings.mode].parts.source(name, material, settings)
    return Flowgraph(name, snr_db, sent, channel, settings).run()


class qa_rml2016_corrected(gr_unittest.TestCase):
    def test_bands(self):
        """At least 98 % of the power of a run without noise lies in the nominal band."""
        widths = {"AM-SSB": 4e3, "AM-DSB": 8e3, "WBFM": 158e3, "CPFSK": 30e3, "GFSK": 17.5e3}
        for name in CLASSES:
            low, high = corrected.band(name, 8)
            self.assertAlmostEqual(high - low, widths.get(name, 33.75e3), msg=name)
            frequency, power = support.spectrum(modulated(name, "corrected"))
            inside = (frequency >= low) & (frequency <= high)
            self.assertGreater(power[inside].sum() / power.sum(), 0.98, name)
        self.assertAlmostEqual(np.ptp(corrected.band("BPSK", 4)), 67.5e3)

    def test_label_is_the_snr_in_the_band(self):
        """Of the signal of a run, to the noise that a filter of the band's width lets through."""
        for name in CLASSES:
            for snr_db in (-10, 10):
                run = received(name, snr_db)
                frequency, noise = support.spectrum(run.noise)
                low, high = corrected.band(name, 8)
                inside = (frequency >= low) & (frequency <= high)
                _, signal = support.spectrum(run.signal)
                # what the window and the randomness of few noise bins leave uncertain
                ratio = 10 * np.log10(signal.sum() / noise[inside].sum())
                self.assertAlmostEqual(ratio, snr_db, delta=1.0, msg=name)
                whole = 10 * np.log10(
                    np.mean(np.abs(run.signal) ** 2) / np.mean(np.abs(run.noise) ** 2)
                )
                expected = snr_db + 10 * np.log10((high - low) / 200e3)
                self.assertAlmostEqual(whole, expected, delta=0.1, msg=name)

    def test_label_in_the_frames(self):
        """Measured on frames alone: noise beyond 60 kHz, signal by the whole energy."""
        for name, width in (("QPSK", 33.75e3), ("AM-DSB", 8e3), ("GFSK", 17.5e3)):
            frames = as_complex(key(name, 20, 100, frames_per_run=5)["iq"])
            window = np.hanning(130)[1:-1]
            power = np.abs(np.fft.fft(frames * window)) ** 2
            noise = power[:, np.abs(np.fft.fftfreq(128)) > 0.3].mean(1)
            in_band = (power.mean(1) - noise) / (noise * width / 200e3)
            self.assertAlmostEqual(10 * np.log10(np.median(in_band)), 20, delta=1.5, msg=name)

    def test_frame_metadata(self):
        """True SNRs scatter around the label; the offset is what the frames show."""
        columns = key("AM-DSB", 30, 60, frames_per_run=3, frame_metadata=True)
        power = 10 ** (columns["true_snr_db"] / 10)
        self.assertAlmostEqual(10 * np.log10(power.mean()), 30, delta=1)
        self.assertGreater(columns["true_snr_db"].std(), 0.1)
        frames = as_complex(columns["iq"])
        phase = np.unwrap(np.angle(frames), axis=1)
        slope = np.polyfit(np.arange(128), phase.T, 1)[0] * 200e3 / (2 * np.pi)
        np.testing.assert_allclose(slope, columns["carrier_offset_hz"], atol=40)
        by_run = {run: set(columns["carrier_offset_hz"][columns["run_id"] == run].round(1))
                  for run in set(columns["run_id"])}  # fmt: skip
        self.assertTrue(all(len(offsets) == 1 for offsets in by_run.values()))
        offsets = np.array([min(each) for each in by_run.values()])
        self.assertTrue(np.all(np.abs(offsets) <= 500))
        self.assertGreater(np.ptp(offsets), 500)
        self.assertEqual(set(key("AM-DSB", 30, 5)), {"iq", "run_id"})

    def test_unit_power(self):
        for name in CLASSES:
            power = np.mean(np.abs(modulated(name, "corrected")) ** 2)
            if name in LINEAR or name in ("CPFSK", "GFSK", "WBFM"):
                # letters are not equally likely, so neither are the points of a run
                self.assertAlmostEqual(power, 1, delta=0.15, msg=name)

    def test_am_ssb(self):
        """Upper sideband only, no carrier."""
        for seed in range(3):
            frequency, power = support.spectrum(modulated("AM-SSB", "corrected", seed))
            upper = power[frequency > 0].sum()
            self.assertLess(power[frequency < 0].sum(), 1e-3 * upper)
            carrier = power[np.abs(frequency) < 50].max()
            self.assertLess(carrier, 1e-3 * power.max())

    def test_am_dsb(self):
        """A carrier of 1 and a modulation depth of 0.8."""
        runs = [modulated("AM-DSB", "corrected", seed) for seed in range(6)]
        depths = [np.abs(samples.real - 1).max() for samples in runs]
        self.assertAlmostEqual(max(depths), 0.8, delta=0.03)
        self.assertGreater(min(depths), 0.3)  # the loudest part may lie in the transient
        for samples in runs:
            np.testing.assert_array_equal(samples.imag, 0)
            self.assertAlmostEqual(samples.real.mean(), 1, delta=0.01)

    def test_wbfm(self):
        """Peak deviation 75 kHz, inside the 200 kHz band."""
        peaks = []
        for seed in range(6):
            samples = modulated("WBFM", "corrected", seed)
            deviation = np.abs(np.angle(samples[1:] / samples[:-1])) * 200e3 / (2 * np.pi)
            peaks.append(deviation.max())
            self.assertGreater(np.sqrt(np.mean(deviation**2)), 10e3)
        self.assertAlmostEqual(max(peaks), 75e3, delta=3e3)

    def test_speech(self):
        """Never silent for long, in the telephone band, voiced, and always another."""
        rate = 50_000
        audio = speech.speech(np.random.default_rng(1), 2 * rate, rate)
        self.assertEqual(np.abs(audio).max(), 1)
        tenths = np.sqrt(np.mean(audio.reshape(20, -1) ** 2, 1))
        self.assertGreater(tenths.min(), 0.2 * audio.std())
        self.assertGreater(np.ptp(tenths), 0.3 * audio.std())  # syllables
        frequency = np.fft.rfftfreq(len(audio), 1 / rate)
        power = np.abs(np.fft.rfft(audio)) ** 2
        outside = (frequency < 150) | (frequency > 4000)
        self.assertLess(power[outside].sum(), 1e-9 * power.sum())
        self.assertGreater(power[frequency > 1000].sum(), 0.05 * power.sum())
        for seed in range(20):
            run = speech.speech(np.random.default_rng(seed), 11_350, rate)
            self.assertGreater(run.std(), 0.1)
            self.assertLess(abs(np.corrcoef(run, audio[:11_350])[0, 1]), 0.9 if seed != 1 else 2)
        # a period of the pitch, 1/240 … 1/85 s, shows in some 40 ms
        pieces = audio[: 2 * rate // 2000 * 2000].reshape(-1, 2000)
        lags = np.arange(rate // 270, rate // 75)
        alike = [
            max(np.dot(piece[:-lag], piece[lag:]) / np.dot(piece, piece) for lag in lags)
            for piece in pieces
        ]
        self.assertGreater(np.median(alike), 0.5)

    def test_channel(self):
        """Energy 1, phases isotropic; every run has another one, and another offset."""
        taps = np.array(
            [channel.corrected_taps(np.random.default_rng(seed)) for seed in range(2000)]
        )
        np.testing.assert_allclose(np.sum(np.abs(taps) ** 2, 1), 1)
        self.assertLess(np.abs(taps.mean(0)).max(), 0.05)
        # of the legacy mode, the second path keeps its phase to the first
        self.assertLess(np.abs(np.mean(taps[:, 1] * taps[:, 0].conj())), 0.05)
        taps = [channel.legacy_taps(np.random.default_rng(seed)) for seed in range(200)]
        self.assertGreater(np.abs(np.mean([each[1] * each[0].conj() for each in taps])), 0.2)
        tones = [received("AM-DSB", run=run).carrier for run in range(8)]
        offsets = [np.angle(tone[1] / tone[0]) * 200e3 / (2 * np.pi) for tone in tones]
        self.assertTrue(np.all(np.abs(offsets) <= 500))
        self.assertEqual(len(set(np.round(offsets, 3))), 8)

    def test_no_transients(self):
        """The first samples that may be in frames are as strong as the later ones."""
        for name in sorted(set(CLASSES) - {"AM-SSB"}):  # whose level is that of speech
            power = np.abs(received(name).signal) ** 2
            self.assertGreater(power[:400].mean(), 0.5 * power.mean(), name)
        # legacy keeps them, as the original: the resampler's filter fills for 350 samples
        run = received("QPSK", settings=Settings())
        power = np.abs(run.signal) ** 2
        self.assertLess(power[:200].mean(), 0.1 * power.mean())

    def test_sampling_offset(self):
        """The received signal between its samples, as its spectrum tells it."""
        for mode in support.FLOWGRAPHS:
            for name in ("QPSK", "GFSK"):
                at_once, later = (
                    received(name, settings=Settings(mode=mode, sampling_offset=offset))
                    for offset in (0.0, 0.4)
                )
                window = np.hanning(4096)
                turn = np.exp(2j * np.pi * 0.4 * np.fft.fftfreq(4096))
                moved = np.fft.ifft(np.fft.fft(at_once.signal[1000:5096] * window) * turn)
                error = (moved / np.maximum(window, 1e-9) - later.signal[1000:5096])[500:-500]
                power = np.mean(np.abs(later.signal[1500:4596]) ** 2)
                self.assertLess(np.mean(np.abs(error) ** 2), 1e-4 * power, f"{mode} {name}")
                np.testing.assert_array_equal(at_once.noise.shape, later.noise.shape)

    def test_frame_length_and_samples_per_symbol(self):
        for mode in support.FLOWGRAPHS:
            for length, dtype in ((64, np.float16), (1024, np.float16), (2048, np.float32)):
                columns = key("8PSK", 10, 8, mode=mode, frame_length=length, samples_per_symbol=3)
                self.assertEqual(columns["iq"].shape, (8, 2, length))
                self.assertEqual(columns["iq"].dtype, dtype)
                sums = np.abs(as_complex(columns["iq"])).sum(1)
                np.testing.assert_allclose(sums, 1, atol=4e-3)

    def test_text_of_the_user(self):
        """Legacy: its beginning; corrected: any place. What was sent unscrambles to it."""
        text = np.random.default_rng(0).integers(32, 127, 20_000, dtype=np.uint8)
        with tempfile.NamedTemporaryFile() as file:
            file.write(text.tobytes())
            file.flush()
            places = {}
            for mode in support.FLOWGRAPHS:
                functions = MODES[mode].parts
                settings = Settings(mode=mode, text=file.name)
                places[mode] = []
                for seed in range(4):
                    bits = functions.source("QAM16", np.random.default_rng(seed), settings)
                    self.assertEqual(len(bits), 20_000)
                    places[mode].append(self.place_of(bits, text))
            record = Settings(text=file.name).record()["text"]
            self.assertEqual(record["name"], Path(file.name).name)
        self.assertEqual(places["legacy"], [0] * 4)
        self.assertEqual(len(set(places["corrected"])), 4)

    def place_of(self, bits, text):
        """Where in `text` (bytes) the scrambled bits begin: there, the key repeats exactly."""
        plain = np.unpackbits(text, bitorder="little")
        for start in range(0, len(text) - len(bits) // 8 + 1):
            key = (plain[8 * start : 8 * start + 2048] ^ bits[:2048]).reshape(8, 256)
            if np.all(key == key[0]):
                return start
        self.fail("the text is not in the bits")

    def test_audio_of_the_user(self):
        """A rising tone, stereo at 48 kHz: the place that was sent shows in its frequency."""
        rate, seconds = 48_000, 3.0
        time = np.arange(int(rate * seconds)) / rate
        tone = 0.5 * np.sin(2 * np.pi * (500 * time + 250 * time**2))  # 500 + 500 t Hz
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "tone.wav"))
            support.write_wav(path, np.stack([tone, -np.ones_like(tone)], 1), rate)
            as_original, as_labeled = (
                Settings(mode=mode, audio=path) for mode in support.FLOWGRAPHS
            )
            sent = legacy.source("WBFM", np.random.default_rng(0), as_original)
            expected = np.arange(10_000) / source_material.AUDIO_RATE
            expected = 0.25 * np.sin(2 * np.pi * (500 * expected + 250 * expected**2))
            self.assertEqual(sent.shape, (10_000,))
            np.testing.assert_allclose(sent[100:-100], expected[100:-100], atol=2e-3)
            pitches = []
            for seed in range(4):
                sent = corrected.source("AM-SSB", np.random.default_rng(seed), as_labeled)
                self.assertEqual(sent.shape, (11_350,))
                self.assertAlmostEqual(np.abs(sent).max(), 1)
                pitches.append(np.sum(np.diff(np.sign(sent)) > 0) / 0.227)
            self.assertTrue(np.all((np.array(pitches) > 500) & (np.array(pitches) < 2000)))
            self.assertGreater(np.ptp(pitches), 100)
            self.assertEqual(key("WBFM", 10, 3, audio=path)["iq"].shape, (3, 2, 128))

    def test_silent_audio_of_the_user(self):
        """Corrected looks for a place with sound, and says so when there is none."""
        with tempfile.TemporaryDirectory() as folder:
            silent, mostly = str(Path(folder, "silent.wav")), str(Path(folder, "mostly.wav"))
            support.write_wav(silent, np.zeros(44_100))
            audio = np.zeros(88_200)
            audio[44_100:66_150] = np.sin(np.arange(22_050) / 5)
            support.write_wav(mostly, audio)
            with self.assertRaisesRegex(UserError, "silent nearly everywhere"):
                key("AM-SSB", 10, 1, audio=silent)
            for seed in range(8):
                settings = Settings(mode="corrected", audio=mostly)
                sent = corrected.source("AM-SSB", np.random.default_rng(seed), settings)
                self.assertAlmostEqual(np.abs(sent).max(), 1)
            # legacy sends what is there: a bare carrier
            self.assertEqual(key("AM-DSB", 10, 1, mode="legacy", audio=silent)["iq"].shape[0], 1)


if __name__ == "__main__":
    unittest.main()
