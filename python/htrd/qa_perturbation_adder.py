#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""perturbation_adder: a slow reference, levels, length and loop, triggers, control, files."""

import contextlib
import os
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pmt
import stream_for_qa as stream
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd

BLOCK = 64  # samples between two measurements of the power


def ratio(db):
    return 10 ** (db / 10)


def decibels(value):
    return 10 * np.log10(value)


class Dice:
    """The random numbers of a seed: what C++ calls std::mt19937."""

    def __init__(self, seed):
        self.state = np.random.RandomState(seed)

    def draw(self):
        return int.from_bytes(self.state.bytes(4), "little")


def reference(samples, waveform, psr, triggers=None, repeat=False, random_phase=False,
              random_offset=False, seed=0, average=4096, power=0.0):
    """What is added to each sample. `triggers`: where the waveform starts; None: at 0, a loop."""
    dice, length = Dice(seed), len(waveform)
    repeat = repeat or triggers is None
    waveform_power = np.mean(np.abs(waveform.astype(np.complex128)) ** 2)
    measured, measurements, energies = 0.0, 0, []
    turn, position, left = 1.0, 0, 0
    added = np.zeros(len(samples), np.complex128)
    for n, sample in enumerate(samples.astype(np.complex128)):
        for _ in range([0].count(n) if triggers is None else triggers.count(n)):
            if random_phase:
                turn = np.exp(2j * np.pi * dice.draw() / 2**32)
            position = dice.draw() * length // 2**32 if random_offset else 0
            left = length
        if left:
            amplitude = np.sqrt(psr * (power or measured) / waveform_power)
            added[n] = amplitude * turn * waveform[position]
            position = (position + 1) % length
            left -= not repeat
        energies.append(abs(sample) ** 2)
        if len(energies) == BLOCK:
            if np.isfinite(sum(energies)):
                measurements += 1
                weight = max(1 / measurements, BLOCK / average)
                measured += weight * (np.mean(energies) - measured)
            energies = []
    return added


@contextlib.contextmanager
def standard_output():
    """A function that returns what went to standard output, also from C++."""
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        own = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield lambda: os.pread(file.fileno(), 1 << 20, 0).decode()
        finally:
            os.dup2(own, 1)
            os.close(own)


class Chain(gr.top_block):
    """Samples in pieces, the adder, a sink."""

    def __init__(self, samples, waveform, triggers=(), rng=None, **settings):
        gr.top_block.__init__(self)
        tags = [(offset, "start", pmt.from_long(n)) for n, offset in enumerate(triggers or ())]
        self.source = stream.source(samples, tags)
        self.block = htrd.perturbation_adder(np.asarray(waveform).tolist(), **settings)
        self.sink = blocks.vector_sink_c()
        self.pieces = stream.pieces(rng or np.random.default_rng(0), 500 if rng else 10**6)
        self.connect(self.source, self.pieces, self.block, self.sink)

    def result(self):
        return np.array(self.sink.data(), np.complex64)


class QaPerturbationAdder(gr_unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(7)

    def samples(self, count, power=1.0):
        return stream.noise(self.rng, count, power).astype(np.complex64)

    def test_random_settings_and_pieces_against_the_reference(self):
        for seed in range(30):
            rng = np.random.default_rng(seed)
            count = int(rng.integers(100, 4000))
            level = 10 ** (rng.uniform(-1, 1, count // 200 + 1).repeat(200)[:count])
            samples = (stream.noise(rng, count) * level).astype(np.complex64)
            waveform = stream.noise(rng, int(rng.integers(1, 400)), 50.0).astype(np.complex64)
            triggers = None
            if rng.random() < 0.7:
                triggers = np.sort(rng.integers(0, count, int(rng.integers(1, 9)))).tolist()
            settings = {
                "repeat": bool(rng.integers(2)),
                "random_phase": bool(rng.integers(2)),
                "random_offset": bool(rng.integers(2)),
                "seed": int(rng.integers(0, 2**32)),
                "average": int(rng.integers(64, 2000)),
                "power": float(rng.choice([0.0, rng.uniform(0.1, 10)])),
            }
            mode, received = str(rng.choice(["pnr", "psr"])), bool(rng.integers(2))
            pnr_db, snr_db, psr_db = rng.uniform(-30, 10, 3).tolist()
            psr = ratio(psr_db)
            if mode == "pnr":
                psr = ratio(pnr_db) / (ratio(snr_db) + received)
            with self.subTest(case=seed, **settings):
                chain = Chain(samples, waveform, triggers, rng, mode=mode, pnr_db=pnr_db,
                              snr_db=snr_db, psr_db=psr_db, trigger="" if triggers is None
                              else "start", reference="received" if received else "transmitted",
                              **settings)
                support.run(chain)
                added = reference(samples, waveform, psr, triggers, **settings)
                got = chain.result()
                self.assertEqual(len(got), count)
                scale = np.abs(samples) + np.abs(added)
                self.assertLess((np.abs(got - (samples + added)) / scale).max(), 1e-5)
                heard = added != 0
                if heard.any():
                    achieved = (np.abs(added[heard]) ** 2).sum() / (
                        np.abs(samples[heard].astype(np.complex128)) ** 2).sum()
                    self.assertAlmostEqual(chain.block.achieved_psr_db(), decibels(achieved), 3)

    def test_levels(self):
        count, power, pnr_db, snr_db = 200_000, 0.04, -7.0, 6.0
        samples, waveform = self.samples(count, power), self.samples(500, 9.0)
        noise_power = {"received": power / (ratio(snr_db) + 1),
                       "transmitted": power / ratio(snr_db)}
        for known in (0.0, power):
            for name, noise in noise_power.items():
                with self.subTest(name, known=known):
                    chain = Chain(samples, waveform, pnr_db=pnr_db, snr_db=snr_db,
                                  reference=name, power=known)
                    support.run(chain)
                    added = chain.result()[BLOCK:] - samples[BLOCK:]
                    level = decibels(np.mean(np.abs(added) ** 2) / noise)
                    self.assertAlmostEqual(level, pnr_db, delta=0.05)
                    self.assertAlmostEqual(chain.block.achieved_pnr_db(), pnr_db, delta=0.05)
            chain = Chain(samples, waveform, mode="psr", psr_db=-13.0, power=known)
            support.run(chain)
            added = chain.result()[BLOCK:] - samples[BLOCK:]
            self.assertAlmostEqual(decibels(np.mean(np.abs(added) ** 2) / power), -13.0,
                                   delta=0.05)
            self.assertAlmostEqual(chain.block.achieved_psr_db(), -13.0, delta=0.05)

    def test_length_and_loop(self):
        waveform = self.samples(300)
        shape = waveform / np.sqrt(np.mean(np.abs(waveform) ** 2))
        silence = np.zeros(2000)
        settings = {"mode": "psr", "psr_db": -6.0, "power": 4.0}
        loop = Chain(silence, waveform, **settings)
        once = Chain(silence, waveform, [100, 900], trigger="start", **settings)
        again = Chain(silence, waveform, [100, 900], trigger="start", repeat=True, **settings)
        expected = np.zeros((3, 2000), np.complex128)
        whole = np.tile(shape, 7) * np.sqrt(4 * ratio(-6))
        expected[0] = whole[:2000]
        expected[1, 100:400] = expected[1, 900:1200] = whole[:300]
        expected[2, 100:900], expected[2, 900:] = whole[:800], whole[:1100]
        for chain, wanted in zip((loop, once, again), expected, strict=True):
            support.run(chain)
            np.testing.assert_allclose(chain.result(), wanted, rtol=1e-5, atol=1e-7)
            self.assertEqual((chain.result() == 0).tolist(), (wanted == 0).tolist())

    def test_random_starts_differ(self):
        waveform = self.samples(100)
        results = []
        for seed in (1, 2, 1):
            chain = Chain(np.zeros(1000), waveform, [0, 500], trigger="start", power=1.0,
                          random_phase=True, random_offset=True, seed=seed)
            support.run(chain)
            results.append(chain.result())
        np.testing.assert_array_equal(results[0], results[2])
        self.assertGreater(np.abs(results[0] - results[1]).max(), 0.01)
        self.assertGreater(np.abs(results[0][:100] - results[0][500:600]).max(), 0.01)

    def test_off_is_the_input(self):
        samples = self.samples(5000)
        chain = Chain(samples, [1, 1j], enabled=False)
        support.run(chain)
        np.testing.assert_array_equal(chain.result(), samples)
        self.assertTrue(np.isnan(chain.block.achieved_pnr_db()))

    def test_samples_that_are_not_finite(self):
        samples = self.samples(1000)
        samples[[200, 700]] = np.nan, np.inf
        chain = Chain(samples, self.samples(50), mode="psr", psr_db=-10.0)
        support.run(chain)
        got = chain.result()
        self.assertEqual(np.isfinite(got).tolist(), np.isfinite(samples).tolist())
        finite = np.isfinite(got)
        added = (got[finite] - samples[finite])[BLOCK:]
        level = decibels(np.mean(np.abs(added) ** 2))
        self.assertAlmostEqual(level, -10, delta=1)
        self.assertAlmostEqual(chain.block.achieved_psr_db(), -10, delta=1)

    def test_tags_are_kept(self):
        chain = Chain(self.samples(1000), [1], [3, 400], trigger="start")
        support.run(chain)
        self.assertEqual(stream.tags_of(chain.sink), {3: [("start", 0)], 400: [("start", 1)]})

    def test_a_file(self):
        waveform = self.samples(77)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "waveform.cf32")
            waveform.tofile(path)
            silence = np.zeros(200)
            chains = [Chain(silence, samples, power=1.0, file=file)
                      for samples, file in ((waveform, ""), ([], str(path)))]
            for chain in chains:
                support.run(chain)
            np.testing.assert_array_equal(chains[0].result(), chains[1].result())
            for content, wanted in ((b"1234567", "multiple of 8"), (b"", "no samples")):
                path.write_bytes(content)
                with self.assertRaisesRegex(ValueError, wanted):
                    htrd.perturbation_adder(file=str(path))
            for missing in (folder, str(Path(folder, "none"))):
                with self.assertRaisesRegex(ValueError, "cannot read"):
                    htrd.perturbation_adder(file=missing)

    def test_messages_change_the_samples(self):
        flowgraph = gr.top_block()
        source, throttle = blocks.vector_source_c([1], True), blocks.throttle(8, 100e3)
        block = htrd.perturbation_adder([2j], snr_db=0.0, pnr_db=-20.0, power=1.0,
                                        reference="transmitted")
        sink = blocks.vector_sink_c()
        flowgraph.connect(source, throttle, block, sink)

        def more():
            before = block.nitems_written(0)
            support.wait_for(lambda: block.nitems_written(0) > before + 1000)

        flowgraph.start()
        try:
            more()
            for name, value, getter in (("pnr_db", -6.0, block.pnr_db),
                                        ("snr_db", 3.0, block.snr_db),
                                        ("enabled", False, block.enabled),
                                        ("enabled", True, block.enabled)):
                message = pmt.cons(pmt.intern(name), pmt.to_pmt(value))
                support.post(block, "control", message)
                support.wait_for(lambda get=getter, value=value: get() == value)
                more()
        finally:
            flowgraph.stop()
            flowgraph.wait()
        got = np.array(sink.data())
        np.testing.assert_array_equal(got.real, 1)
        starts = np.flatnonzero(np.diff(got.imag, prepend=0))
        np.testing.assert_allclose(
            got.imag[starts] ** 2, [ratio(-20), ratio(-6), ratio(-6 - 3), 0, ratio(-6 - 3)], 1e-5)

    def test_control(self):
        with standard_output() as said:
            self.control(said)
            lines = [line for line in said().splitlines() if "control message" in line]
        for line, word in zip(lines, ("pair or dictionary", "gain", "pnr_db", "snr_db", "enabled",
                                      "psr_db"), strict=True):
            self.assertIn(word, line)
            self.assertIn("ignored", line)

    def control(self, said):
        """Good and wrong messages, the wrong ones twice; until the last one was logged."""
        flowgraph = gr.top_block()
        source, sink = blocks.null_source(8), blocks.null_sink(8)
        block = htrd.perturbation_adder([1])
        flowgraph.connect(source, block, sink)
        flowgraph.start()
        try:
            good = (
                pmt.cons(pmt.intern("pnr_db"), pmt.from_double(-3.0)),
                pmt.to_pmt({"snr_db": 4, "enabled": False}),
            )
            wrong = (
                pmt.from_long(3), pmt.PMT_NIL, pmt.intern("enabled"), pmt.make_dict(),
                pmt.cons(pmt.intern("gain"), pmt.from_double(1)),
                pmt.cons(pmt.intern("pnr_db"), pmt.intern("high")),
                pmt.cons(pmt.intern("pnr_db"), pmt.from_double(float("nan"))),
                pmt.cons(pmt.intern("snr_db"), pmt.from_double(1e9)),
                pmt.cons(pmt.intern("enabled"), pmt.from_double(0.5)),
                pmt.cons(pmt.from_long(1), pmt.from_long(2)),
                pmt.to_pmt({3: 4}),
            )
            last = [pmt.cons(pmt.intern("psr_db"), value)
                    for value in (pmt.from_uint64(7), pmt.intern("loud"))]
            for message in (*good, *wrong, *wrong, *last):
                support.post(block, "control", message)
            support.wait_for(lambda: "psr_db" in said())
            self.assertEqual(block.psr_db(), 7.0)
        finally:
            flowgraph.stop()
            flowgraph.wait()
        self.assertEqual((block.pnr_db(), block.snr_db(), block.enabled()), (-3.0, 4.0, False))

    def test_setters_while_it_runs(self):
        flowgraph = gr.top_block()
        source, sink = blocks.vector_source_c([1 + 0j], True), blocks.null_sink(8)
        block = htrd.perturbation_adder([1j, 1], mode="psr", psr_db=-20.0)
        flowgraph.connect(source, block, sink)
        flowgraph.start()
        try:
            def change():
                for n in range(2000):
                    block.set_pnr_db(float(n % 20))
                    block.set_snr_db(float(n % 20))
                    block.set_enabled(bool(n % 2))

            threads = [threading.Thread(target=change) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(support.TIMEOUT)
            block.set_enabled(True)
            for psr_db in (-20.0, -3.0, 4.0):
                block.set_psr_db(psr_db)
                support.wait_for(lambda wanted=psr_db: abs(block.achieved_psr_db() - wanted) < 0.01)
        finally:
            flowgraph.stop()
            flowgraph.wait()

    def test_status(self):
        chain = Chain(np.ones(100_000), [2j], pnr_db=-3.0, snr_db=10.0)
        log = blocks.message_debug()
        chain.msg_connect(chain.block, "status", log, "store")
        support.run(chain)
        first = support.messages(log)[0]
        self.assertEqual(set(first), {"pnr_db", "psr_db", "power_db"})
        self.assertAlmostEqual(first["pnr_db"], -3.0, 4)
        self.assertAlmostEqual(first["psr_db"], -3.0 - decibels(ratio(10) + 1), 4)
        self.assertAlmostEqual(first["power_db"], 0.0, 4)

    def test_start_again(self):
        chain = Chain(self.samples(1000), self.samples(300), random_phase=True)
        support.run(chain)
        once = chain.result()
        chain.sink.reset()
        chain.source.rewind()
        support.run(chain)
        np.testing.assert_array_equal(chain.result(), once)

    def test_options_by_name(self):
        """As flowgraphs gave them before there were enumerations."""
        mode, reference = htrd.perturbation_mode_t, htrd.stream_reference_t
        settings = {"pnr_db": -3.0, "psr_db": -20.0, "snr_db": 0.0}
        for by_name, by_member, wanted in (
            (("psr", "received"), (mode.PSR, reference.RECEIVED), -20.0),
            (("pnr", "received"), (mode.PNR, reference.RECEIVED), -3.0 - decibels(2)),
            (("pnr", "transmitted"), (mode.PNR, reference.TRANSMITTED), -3.0),
        ):
            for chosen in (by_name, by_member):
                chain = Chain(np.ones(1000), [1j], mode=chosen[0], reference=chosen[1], **settings)
                support.run(chain)
                self.assertAlmostEqual(chain.block.achieved_psr_db(), wanted, 4)

    def test_wrong_values(self):
        nan, good = float("nan"), {"waveform": [1]}
        for wrong in ({"waveform": []}, {"file": "also"}, {"waveform": [0, 0]},
                      {"waveform": [1, nan]}, {"mode": "snr"}, {"reference": "sent"}, {"mode": 2},
                      {"pnr_db": nan}, {"snr_db": 201.0}, {"psr_db": float("-inf")},
                      {"average": 63}, {"power": -1.0}, {"power": nan}):
            with self.subTest(**wrong), self.assertRaisesRegex(ValueError, "\\w+ \\w+"):
                htrd.perturbation_adder(**(good | wrong))
        with self.assertRaisesRegex(
            ValueError, "^unknown stream reference 'sent'; there are received, transmitted$"
        ):
            htrd.perturbation_adder([1], reference="sent")
        block = htrd.perturbation_adder([1])
        for setter in (block.set_pnr_db, block.set_snr_db, block.set_psr_db):
            with self.assertRaisesRegex(ValueError, "_db must be a number of dB"):
                setter(nan)
        self.assertEqual((block.pnr_db(), block.snr_db(), block.psr_db()), (-10.0, 10.0, -20.0))


if __name__ == "__main__":
    gr_unittest.run(QaPerturbationAdder)
