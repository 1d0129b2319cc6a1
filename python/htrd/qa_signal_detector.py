#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""signal_detector: the same signals as the Python detector finds, parts, losses, setters."""

import functools
import threading

import numpy as np
import pmt
import stream_for_qa as stream
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd
from gnuradio.htrd.messages import ports
from robust_amc.benchmarks import modulated_signals
from robust_amc.frontend import reduced
from robust_amc.frontend.detect import DetectorSettings, SignalDetector

SPECTRUM = 512 * 8  # samples
RATE = 2e6  # Hz
CENTER = 433e6  # Hz
SENT = (  # name, center, samples a symbol, first and last sample, SNR in dB over a symbol rate
    ("QPSK", -0.3, 20.0, 12_000, 100_000, 12),
    ("CPFSK", -0.1, 16.0, 50_000, 110_000, 12),
    ("GFSK", 0.05, 40.0, 0, 1 << 18, 12),
    ("8PSK", 0.2, 8.0, 120_000, 200_000, 12),
    ("QPSK", -0.3, 20.0, 150_000, 220_000, 12),
)


def noise(spectra, seed=0):
    return stream.noise(np.random.default_rng(seed), spectra * SPECTRUM)


def tone(spectra, frequency, level=0.5):
    """A carrier of a frequency in cycles a sample."""
    return level * np.exp(2j * np.pi * (frequency * np.arange(spectra * SPECTRUM) % 1))


@functools.cache
def band():
    """Five signals in noise of power 1, up to four at a time."""
    rng = np.random.default_rng(1)
    samples = noise(64, seed=2)
    for name, center, period, start, stop, snr_db in SENT:
        made = modulated_signals.signal(name, stop - start, period, 0.35, rng)
        turn = np.exp(2j * np.pi * center * np.arange(stop - start))
        samples[start:stop] += np.sqrt(10 ** (snr_db / 10) / period) * made * turn
    return samples.astype(np.complex64)


def time_tag(offset, seconds, fraction):
    value = pmt.make_tuple(pmt.from_uint64(seconds), pmt.from_double(fraction))
    return offset, "rx_time", value


class Inbox(gr.sync_block):
    """Keeps what the detector says, the last messages before its end too."""

    def __init__(self):
        gr.sync_block.__init__(self, "inbox", None, None)
        self.said = {"signals": [], "spectra": [], "status": []}
        ports.receive(self, signals=self.handle_signals, spectra=self.handle_spectra,
                      status=self.handle_status, system=self.handle_system)

    def handle_signals(self, message):
        """A message on `signals`."""
        self.said["signals"].append(pmt.to_python(message))

    def handle_spectra(self, message):
        """A message on `spectra`."""
        self.said["spectra"].append(pmt.to_python(message))

    def handle_status(self, message):
        """A message on `status`."""
        self.said["status"].append(pmt.to_python(message))

    def handle_system(self, message):
        """GNU Radio's word that the detector has ended: what is in the queues comes no more."""
        for port, said in self.said.items():
            while (left := self.delete_head_nowait(pmt.intern(port))) is not None:
                said.append(pmt.to_python(left))
        self.system_handler(message)


class Chain(gr.top_block):
    """Samples in pieces, or again and again, the detector, and what it says."""

    def __init__(self, samples, tags=(), repeat=False, **settings):
        gr.top_block.__init__(self)
        self.block = htrd.signal_detector(**{"sample_rate": RATE, "center_frequency": CENTER}
                                          | settings)
        self.inbox = Inbox()
        if repeat:
            samples = np.asarray(samples, np.complex64).tolist()
            self.connect(blocks.vector_source_c(samples, True), self.block)
        else:
            self.pieces = stream.pieces(np.random.default_rng(0), 5000)
            self.connect(stream.source(samples, tags), self.pieces, self.block)
        for port in self.inbox.said:
            self.msg_connect(self.block, port, self.inbox, port)

    def said(self, port):
        """What came on a port: (dictionary, array) of PDUs, in their order."""
        return self.inbox.said[port]

    def signals(self):
        """What came on `signals`, sorted by time and frequency."""
        pdus = self.said("signals")
        return sorted(pdus, key=lambda pdu: (pdu[0]["start_offset"], pdu[0]["center_frequency"]))


def found(samples, tags=(), **settings):
    """A Chain that has run, and its signals."""
    chain = Chain(samples, tags, **settings)
    support.run(chain)
    return chain, chain.signals()


class QaSignalDetector(gr_unittest.TestCase):
    def compare(self, samples, **settings):
        """What is found is what the Python detector finds. Edges may differ by a bin, times
        by a spectrum: where a level is met exactly, rounding decides."""
        reference = SignalDetector(DetectorSettings(**settings))
        expected = [*reference.push(samples), *reference.finish()]
        expected.sort(key=lambda each: (each.start, each.center))
        chain, signals = found(samples, **settings)
        self.assertEqual(len(signals), len(expected))
        self.assertEqual(chain.block.samples(), reference.samples)
        bins = settings.get("bins", 512)
        size = bins * settings.get("averaged", 8)
        exact = 0
        for (facts, iq), each in zip(signals, expected, strict=True):
            self.assertLessEqual(abs(facts["start_offset"] - each.start), size)
            self.assertLessEqual(abs(facts["end_offset"] - each.stop), size)
            self.assertTrue(facts["is_last"])
            self.assertAlmostEqual(facts["relative_frequency"] / RATE, each.center,
                                   delta=1.01 / bins)
            self.assertAlmostEqual(facts["bandwidth"] / RATE, each.width, delta=1.01 / bins)
            self.assertAlmostEqual(facts["snr_db"], 10 * np.log10(each.snr), delta=0.5)
            wanted, factor = reduced(each.samples, each)
            if len(wanted) == len(iq) and abs(
                    facts["relative_frequency"] / RATE - each.center) < 1e-9:
                exact += 1
                self.assertAlmostEqual(facts["sample_rate"], RATE / factor, 3)
                scale = np.sqrt(np.mean(np.abs(wanted) ** 2))
                np.testing.assert_allclose(iq / scale, wanted / scale, atol=1e-3)
        self.assertGreaterEqual(exact, 0.7 * len(expected))
        return signals

    def test_the_same_signals_as_in_python(self):
        samples = band()
        for settings in ({}, {"bins": 128, "averaged": 16, "bridged_bins": 1},
                         {"bins": 256, "averaged": 5, "open_db": 8.0, "close_db": 2.0,
                          "bridged_spectra": 4, "shortest": 5}):
            with self.subTest(**settings):
                self.assertGreaterEqual(len(self.compare(samples, **settings)), len(SENT))

    def test_samples_that_are_not_finite(self):
        samples = band().copy()
        samples[::5000] = np.nan
        samples[7::50_000] = np.inf
        self.compare(samples)
        samples[9::50_000] = 1e30  # of which the powers are not finite
        self.assertTrue(np.isfinite(found(samples)[1][0][1]).all())

    def test_what_a_message_says(self):
        samples = noise(20)
        samples[4 * SPECTRUM : 12 * SPECTRUM] += tone(8, 0.25)
        chain, ((facts, iq),) = found(samples)
        self.assertEqual(facts.pop("burst_id"), 0)
        self.assertIs(facts.pop("is_last"), True)
        self.assertEqual(facts.pop("start_offset"), 4 * SPECTRUM)
        self.assertEqual(facts.pop("end_offset"), 12 * SPECTRUM)
        self.assertAlmostEqual(facts.pop("start_time"), 4 * SPECTRUM / RATE, 12)
        self.assertAlmostEqual(facts.pop("duration"), 8 * SPECTRUM / RATE, 12)
        self.assertAlmostEqual(facts.pop("relative_frequency"), RATE / 4, delta=RATE / 512)
        self.assertAlmostEqual(facts.pop("center_frequency"), CENTER + RATE / 4,
                               delta=RATE / 512)
        width = round(facts.pop("bandwidth") / RATE * 512)
        self.assertTrue(1 <= width <= 3)  # of a Hann window
        factor = 512 // (10 * width)
        self.assertAlmostEqual(facts.pop("sample_rate"), RATE / factor, 6)
        # 0.25 in so many bins of noise of 1/512, averaged over the signal and 3 spectra more
        expected = 10 * np.log10(0.25 / (width / 512) * 8 / 11)
        self.assertAlmostEqual(facts.pop("snr_db"), expected, delta=1)
        self.assertAlmostEqual(facts.pop("noise_density"), -10 * np.log10(RATE), delta=0.5)
        self.assertEqual(facts, {})
        self.assertEqual(len(iq), -(-8 * SPECTRUM // factor))
        power = np.mean(np.abs(iq[20:-20]) ** 2)  # and the noise that the filter lets through
        self.assertAlmostEqual(power / (0.25 + 1 / factor), 1, delta=0.1)

    def test_a_signal_that_goes_on_comes_in_parts(self):
        """The peak that receivers have at 0 Hz, with a burst beside it."""
        samples = noise(60) + 0.5
        samples[20 * SPECTRUM : 30 * SPECTRUM] += tone(10, 10 / 512)
        chain, signals = found(samples, longest=16 * SPECTRUM + 100)
        parts = [facts for facts, _ in signals if abs(facts["relative_frequency"]) < RATE / 512]
        self.assertEqual([facts["start_offset"] for facts in parts],
                         [0, 16 * SPECTRUM, 32 * SPECTRUM, 48 * SPECTRUM])
        self.assertEqual([facts["end_offset"] for facts in parts],
                         [16 * SPECTRUM, 32 * SPECTRUM, 48 * SPECTRUM, 60 * SPECTRUM])
        self.assertEqual([facts["is_last"] for facts in parts], [False, False, False, True])
        self.assertEqual({facts["burst_id"] for facts in parts}, {parts[0]["burst_id"]})
        (burst,) = [facts for facts, _ in signals if facts not in parts]
        self.assertEqual(burst["start_offset"], 20 * SPECTRUM)
        self.assertNotEqual(burst["burst_id"], parts[0]["burst_id"])
        self.assertEqual((chain.block.signals(), chain.block.sent()), (2, 5))

    def test_missing_samples_end_signals(self):
        for tag in (time_tag(30 * SPECTRUM + 100, 1000, 0.5), (30 * SPECTRUM + 100, "overflow",
                                                               pmt.PMT_T)):
            with self.subTest(tag[1]):
                samples = noise(60) + tone(60, -0.2)
                on_time = 0.25 + 10 * SPECTRUM / RATE
                tags = [time_tag(0, 7, 0.25), time_tag(10 * SPECTRUM, 7, on_time),
                        (20 * SPECTRUM, "rx_time", pmt.from_double(3.0)), tag]  # one is none
                chain, ((before, _), (after, _)) = found(samples, tags)
                self.assertEqual(chain.block.losses(), 1)
                self.assertEqual((before["start_offset"], before["end_offset"]),
                                 (0, 30 * SPECTRUM))
                self.assertEqual(before["rx_time"], (7, 0.25))
                self.assertEqual(before["start_time"], 7.25)
                self.assertEqual(after["start_offset"], 30 * SPECTRUM + 100)
                self.assertEqual(after["end_offset"], 59 * SPECTRUM + 100)
                self.assertTrue(before["is_last"] and after["is_last"])
                self.assertNotEqual(before["burst_id"], after["burst_id"])
                if tag[1] == "rx_time":
                    self.assertEqual(after["rx_time"], (1000, 0.5))
                else:
                    self.assertAlmostEqual(after["start_time"],
                                           7.25 + (30 * SPECTRUM + 100) / RATE, 9)

    def test_another_frequency_ends_signals(self):
        samples = noise(40) + tone(40, 0.25)
        tags = [(0, "rx_freq", pmt.from_double(1e9)), (5000, "rx_freq", pmt.from_double(1e9)),
                (7000, "rx_freq", pmt.intern("x")),
                (20 * SPECTRUM, "rx_freq", pmt.from_long(10**8))]
        chain, ((before, _), (after, _)) = found(samples, tags)
        for facts, center in ((before, 1e9), (after, 1e8)):
            self.assertAlmostEqual(facts["center_frequency"], center + RATE / 4,
                                   delta=RATE / 512)
        self.assertEqual(after["start_offset"], 20 * SPECTRUM)
        self.assertEqual(chain.block.losses(), 0)
        self.assertEqual(chain.block.center_frequency(), 1e8)

    def test_silence_and_noise_are_no_signals(self):
        for samples in (np.zeros(50 * SPECTRUM), noise(100, seed=3), noise(1)[:-1]):
            chain, signals = found(samples)
            self.assertEqual((signals, chain.block.signals()), ([], 0))
            self.assertEqual(chain.block.samples(), len(samples) // SPECTRUM * SPECTRUM)

    def test_more_signals_than_places(self):
        samples = noise(40) + tone(40, -0.3)
        for center in (-0.1, 0.1, 0.3):
            samples[10 * SPECTRUM : 20 * SPECTRUM] += tone(10, center)
        chain, signals = found(samples, most=2)
        self.assertEqual(len(signals), 2)
        self.assertEqual(chain.block.left_out(), 2)

    def test_messages_are_capped(self):
        samples = noise(60)
        for start in range(0, 60, 6):
            samples[start * SPECTRUM : (start + 2) * SPECTRUM] += tone(2, 0.1)
        chain, signals = found(samples, max_rate=3.0)
        self.assertEqual((len(signals), chain.block.sent(), chain.block.capped()), (3, 3, 7))
        self.assertEqual(chain.block.signals(), 10)

    def test_spectra(self):
        samples = noise(50) + tone(50, 0.25, 4.0)
        pace = RATE / SPECTRUM / 10  # every tenth
        chain, _ = found(samples, spectra_rate=pace)
        pdus = chain.said("spectra")
        self.assertEqual([facts["start_offset"] // SPECTRUM for facts, _ in pdus],
                         [0, 1, 11, 21, 31])
        for facts, power_db in pdus:
            self.assertEqual(set(facts), {"sample_rate", "center_frequency", "start_offset",
                                          "end_offset", "noise_density"})
            self.assertEqual((facts["sample_rate"], facts["center_frequency"]), (RATE, CENTER))
            self.assertEqual((power_db.dtype, power_db.shape), (np.float32, (512,)))
            self.assertEqual(power_db.argmax(), 256 + 128)
            power = 10 ** (power_db / 10)
            self.assertAlmostEqual(power.sum() / 17, 1, delta=0.05)  # the mean power
            self.assertAlmostEqual(np.median(power) * 512, 1, delta=0.2)
            self.assertAlmostEqual(facts["noise_density"], -10 * np.log10(RATE), delta=0.5)
        self.assertEqual(pdus[-1][0]["end_offset"], 41 * SPECTRUM)
        self.assertEqual(found(samples, spectra_rate=0.0)[0].said("spectra"), [])

    def test_status(self):
        chain, signals = found(band())
        status = chain.said("status")[-1]
        self.assertAlmostEqual(status.pop("noise_density"), -10 * np.log10(RATE), delta=0.5)
        self.assertEqual(status, {
            "samples": 1 << 18, "signals": len(signals), "sent": len(signals), "capped": 0,
            "left_out": 0, "losses": 0, "tracked": 0})

    def test_setters_while_it_runs(self):
        chain = Chain(noise(16) + tone(16, 0.25), repeat=True, longest=8 * SPECTRUM,
                      spectra_rate=0.0, max_rate=5.0)
        block = chain.block
        chain.start()

        def change():
            for n in range(300):
                block.set_center_frequency(1e6 * n)
                block.set_open_db(4.0 + n % 9)
                block.set_close_db(1.0 + n % 9)

        threads = [threading.Thread(target=change) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(support.TIMEOUT)
        block.set_open_db(60.0)  # beyond this carrier
        block.set_close_db(3.0)
        block.set_center_frequency(1e8)  # the one that goes on ends
        self.wait_for_more(block.samples, 50 * SPECTRUM)
        before = block.signals()
        self.wait_for_more(block.samples, 50 * SPECTRUM)
        self.assertEqual(block.signals(), before)
        block.set_open_db(6.0)
        self.wait_for_more(lambda: block.sent() + block.capped(), 3)
        block.set_center_frequency(2e8)
        self.wait_for_more(block.signals, 1)
        chain.stop()
        chain.wait()
        self.assertEqual((block.open_db(), block.close_db(), block.center_frequency()),
                         (6.0, 3.0, 2e8))

    def wait_for_more(self, count, more):
        wanted = count() + more
        support.wait_for(lambda: count() >= wanted)

    def test_stop_in_the_middle_of_a_signal(self):
        chain = Chain(noise(16) + tone(16, 0.25), repeat=True, longest=8 * SPECTRUM)
        for run in (1, 2):  # and again
            chain.start()
            support.wait_for(lambda: len(self.parts(chain, run - 1)) >= 3)  # noqa: B023
            chain.stop()
            chain.wait()
            self.assertEqual(chain.block.signals(), run)
        first = self.parts(chain, 0)
        self.assertEqual([facts["start_offset"] for facts in first],
                         [8 * SPECTRUM * n for n in range(len(first))])
        self.assertFalse(any(facts["is_last"] for facts in first[:-1]))
        self.assertEqual(self.parts(chain, 1)[0]["start_offset"], 0)

    def parts(self, chain, burst):
        return [facts for facts, _ in list(chain.said("signals")) if facts["burst_id"] == burst]

    def test_wrong_values(self):
        for wrong in ({"sample_rate": 0.0}, {"sample_rate": float("nan")},
                      {"center_frequency": float("inf")}, {"bins": 8}, {"bins": 513},
                      {"bins": 1 << 17}, {"averaged": 0}, {"averaged": 1 << 20},
                      {"open_db": 2.0}, {"open_db": float("inf")}, {"close_db": 0.0},
                      {"bridged_bins": -1}, {"bridged_spectra": -1},
                      {"bridged_spectra": 1 << 20}, {"shortest": 0}, {"longest": 5000},
                      {"longest": 1 << 25}, {"most": 0}, {"spectra_rate": -1.0},
                      {"max_rate": float("nan")}, {"most": 1.5}, {"open_db": "x"}):
            (name,) = wrong
            said = "close_db" if wrong == {"open_db": 2.0} else name
            with self.subTest(**wrong), self.assertRaisesRegex(ValueError, said):
                htrd.signal_detector(**wrong)
        block = htrd.signal_detector()
        for call in (lambda: block.set_open_db(0.0), lambda: block.set_close_db(float("nan")),
                     lambda: block.set_center_frequency(1e16)):
            with self.assertRaises(ValueError):
                call()
        self.assertEqual((block.open_db(), block.close_db(), block.center_frequency()),
                         (6.0, 3.0, 0.0))


if __name__ == "__main__":
    gr_unittest.run(QaSignalDetector)
