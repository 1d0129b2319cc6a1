#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""frame_sampler: a slow reference, in pieces of any length; squelch, cap, tags, setters."""

import threading
from fractions import Fraction

import numpy as np
import pmt
import stream_for_qa as stream
import support_for_qa as support
from gnuradio import blocks, gr, gr_unittest, htrd

OFF = float("-inf")  # no squelch


class Frame:
    """A frame as the reference delivers it."""

    def __init__(self, start, samples, power_db, tags, rx_time):
        self.start, self.samples, self.power_db = start, samples, power_db
        self.tags, self.rx_time = tags, rx_time


def reference(samples, tags=(), frame_length=128, hop=0, samp_rate=0.0, squelch_db=OFF,
              hysteresis_db=3.0, scaling="none", max_rate=0.0):
    """The frames, and how many were squelched and capped. `tags` are (offset, name, value)."""
    hop = hop or frame_length
    spacing = samp_rate / max_rate if max_rate else 0
    is_open, base, covered = False, None, 0
    frames, squelched, capped = [], 0, 0
    for start in range(0, len(samples) - frame_length + 1, hop):
        end = start + frame_length
        frame = samples[start:end].astype(np.complex128)
        power_db = 10 * np.log10(np.mean(np.abs(frame) ** 2))
        is_open = power_db >= squelch_db - (hysteresis_db if is_open else 0)
        if not is_open:
            squelched += 1
            continue
        if base is not None and start < base + spacing:
            capped += 1
            continue
        on_time = base is not None and base + spacing > start - hop
        base = base + spacing if on_time else start
        if scaling == "sum_abs":
            frame = frame / np.abs(frame).sum()
        others = [tag for tag in tags if not (samp_rate and tag[1] == "rx_time")]
        own = [tag[1:] for tag in others if start <= tag[0] < end]
        late = {}
        for offset, name, value in others:
            if covered <= offset < start:
                late.pop(name, None)
                late[name] = value
        kept = [item for item in late.items() if item[0] not in dict(own)]
        times = [tag for tag in tags if samp_rate and tag[1] == "rx_time" and tag[0] <= start]
        rx_time = None
        if times:
            offset, _, (seconds, fraction) = times[-1]
            rx_time = seconds + Fraction(fraction) + Fraction(start - offset) / Fraction(samp_rate)
        frames.append(Frame(start, frame, power_db, kept + own, rx_time))
        covered = end
    return frames, squelched, capped


def as_pmt(value):
    if isinstance(value, tuple):
        return pmt.make_tuple(pmt.from_uint64(value[0]), pmt.from_double(value[1]))
    return pmt.from_double(value)


class Chain(gr.top_block):
    """Samples in pieces, the sampler, a sink."""

    def __init__(self, samples, tags=(), rng=None, most=0, **settings):
        gr.top_block.__init__(self)
        self.frame_length = settings.get("frame_length", 128)
        self.source = stream.source(samples, [(o, n, as_pmt(value)) for o, n, value in tags])
        self.block = htrd.frame_sampler(**settings)
        self.sink = blocks.vector_sink_c(self.frame_length)
        if most:
            self.block.set_max_noutput_items(most)
        self.pieces = stream.pieces(rng or np.random.default_rng(0), 700 if rng else 10**6)
        self.connect(self.source, self.pieces, self.block, self.sink)

    def result(self):
        """Frames, complex64 ``[n, frame_length]``, and the tags of each."""
        frames = np.array(self.sink.data(), np.complex64).reshape(-1, self.frame_length)
        tags = stream.tags_of(self.sink)
        return frames, [tags[n] for n in range(len(frames))]

    def offsets(self):
        return [dict(tags)["sample_offset"] for tags in self.result()[1]]


class QaFrameSampler(gr_unittest.TestCase):
    def compare(self, chain, expected):
        frames, squelched, capped = expected
        self.assertEqual(chain.block.delivered(), len(frames))
        self.assertEqual(chain.block.squelched(), squelched)
        self.assertEqual(chain.block.capped(), capped)
        got, tags = chain.result()
        self.assertEqual(len(got), len(frames))
        for row, frame, found in zip(got, frames, tags, strict=True):
            np.testing.assert_allclose(row, frame.samples, rtol=2e-6, atol=0)
            added, forwarded = found[:2], found[2:]
            self.assertEqual(added[0], ("sample_offset", frame.start))
            self.assertEqual(added[1][0], "frame_power_db")
            self.assertAlmostEqual(added[1][1], frame.power_db, places=4)
            if frame.rx_time is not None:
                name, (seconds, fraction) = forwarded.pop()
                self.assertEqual(name, "rx_time")
                self.assertTrue(0 <= fraction < 1)
                self.assertAlmostEqual(float(seconds + Fraction(fraction) - frame.rx_time), 0, 9)
            self.assertEqual(forwarded, frame.tags)

    def test_random_settings_and_pieces_against_the_reference(self):
        seen = {"squelched": 0, "capped": 0, "late": 0, "timed": 0}
        for seed in range(60):
            rng = np.random.default_rng(seed)
            count = int(rng.integers(1500, 4000))
            level = 10 ** (rng.uniform(-30, 0, count // 100 + 1).repeat(100)[:count] / 20)
            samples = (stream.noise(rng, count) * level).astype(np.complex64)
            length = int(rng.integers(1, 200))
            settings = {
                "frame_length": length,
                "hop": int(rng.choice([0, rng.integers(1, length + 1), rng.integers(1, 900)])),
                "samp_rate": float(rng.choice([0.0, 1000.0, 12345.6])),
                "squelch_db": float(rng.choice([OFF, rng.uniform(-25, -5)])),
                "hysteresis_db": float(rng.uniform(0, 8)),
                "scaling": str(rng.choice(["none", "sum_abs"])),
            }
            if settings["samp_rate"]:
                settings["max_rate"] = float(rng.choice([0, rng.uniform(1, 30)]))
            names = rng.choice(["rx_freq", "rx_time", "gain"], 40)
            values = [(int(rng.integers(0, 2**40)), float(rng.uniform(0, 1)))
                      if name == "rx_time" else float(rng.normal()) for name in names]
            offsets = np.sort(rng.integers(0, count, 40)).tolist()
            tags = list(zip(offsets, names.tolist(), values, strict=True))
            with self.subTest(seed=seed, **settings):
                chain = Chain(samples, tags, rng, int(rng.integers(1, 9)), **settings)
                support.run(chain)
                expected = reference(samples, tags, **settings)
                self.compare(chain, expected)
                frames = expected[0]
                seen["squelched"] += bool(frames and expected[1])
                seen["capped"] += bool(frames and expected[2])
                seen["timed"] += any(frame.rx_time is not None for frame in frames)
                seen["late"] += any(
                    all(tag[1:] not in frame.tags for tag in tags
                        if frame.start <= tag[0] < frame.start + length)
                    for frame in frames if frame.tags
                )
        self.assertGreater(min(seen.values()), 10)  # the cases were there at all

    def test_by_default_every_sample_once(self):
        samples = stream.noise(np.random.default_rng(1), 128 * 50 + 127).astype(np.complex64)
        chain = Chain(samples)
        support.run(chain)
        np.testing.assert_array_equal(chain.result()[0].ravel(), samples[: 128 * 50])
        self.assertEqual(chain.offsets(), list(range(0, 128 * 50, 128)))

    def test_hysteresis(self):
        level_db = [-20, -9, -12, -9.5, -10.5, -12.5, -14, -12, -9, -13.5, -9]
        samples = np.repeat(10 ** (np.array(level_db) / 20), 128).astype(np.complex64)
        chain = Chain(samples, squelch_db=-10.0, hysteresis_db=3.0)
        support.run(chain)
        rows = [offset // 128 for offset in chain.offsets()]
        self.assertEqual(rows, [1, 2, 3, 4, 5, 8, 10])

    def test_the_rate_cap_is_met_on_average(self):
        # 2500 samples between frames, and a frame begins every 128
        chain = Chain(np.ones(1_000_000), samp_rate=1e6, max_rate=400.0)
        support.run(chain)
        starts = np.array(chain.offsets())
        self.assertEqual(len(starts), 400)
        late = starts - 2500 * np.arange(400)
        self.assertTrue(((late >= 0) & (late < 128)).all())
        self.assertEqual(chain.block.capped(), 1_000_000 // 128 - 400)

    def test_a_pause_is_not_made_up_for(self):
        samples = np.zeros(128 * 1000)
        samples[128 * 900 :] = 1
        chain = Chain(samples, samp_rate=128e3, max_rate=100.0, squelch_db=-3.0)
        support.run(chain)
        self.assertEqual([offset // 128 for offset in chain.offsets()], list(range(900, 1000, 10)))

    def test_frames_and_hops_beyond_the_buffers(self):
        samples = np.arange(500_000).astype(np.complex64)
        for length, hop in ((30_000, 0), (30_000, 7), (16, 100_000), (50_000, 120_000)):
            with self.subTest(length=length, hop=hop):
                cut = samples[:32_000] if hop == 7 else samples
                chain = Chain(cut, frame_length=length, hop=hop)
                support.run(chain)
                starts = list(range(0, len(cut) - length + 1, hop or length))
                self.assertEqual(chain.offsets(), starts)
                for row, start in zip(chain.result()[0], starts, strict=True):
                    np.testing.assert_array_equal(row, samples[start : start + length])

    def test_frames_that_are_not_finite_or_zero(self):
        samples = np.ones(128 * 5, np.complex64)
        samples[128 * 1 + 5] = np.nan
        samples[128 * 2 : 128 * 3] = 0
        for squelch_db, rows in ((OFF, [0, 1, 2, 3, 4]), (-10.0, [0, 3, 4])):
            chain = Chain(samples, squelch_db=squelch_db, scaling="sum_abs")
            support.run(chain)
            self.assertEqual([offset // 128 for offset in chain.offsets()], rows)
            zero = chain.result()[0][2]
            self.assertEqual(np.abs(zero).max() == 0, squelch_db == OFF)

    def test_a_time_that_is_none_passes_like_any_tag(self):
        for samp_rate, value in ((1e6, 17.0), (0.0, (17, 0.5)), (1e6, (17, 1.5)),
                                 (1e6, (17, -0.5)), (1e6, (17, float("inf")))):
            chain = Chain(np.ones(256), [(5, "rx_time", value)], samp_rate=samp_rate)
            support.run(chain)
            tags = chain.result()[1]
            self.assertIn(("rx_time", value), tags[0])
            self.assertNotIn("rx_time", dict(tags[1]))

    def test_status(self):
        samples = np.ones(128 * 100)
        samples[:1280] = 0
        settings = {"squelch_db": -10.0, "samp_rate": 128e3, "max_rate": 100.0}
        chain = Chain(samples, **settings)
        log = blocks.message_debug()
        chain.msg_connect(chain.block, "status", log, "store")
        support.run(chain)
        first = support.messages(log)[0]
        counts = (chain.block.delivered(), chain.block.squelched(), chain.block.capped())
        self.assertEqual(counts, (9, 10, 81))
        # The first message is of the frames that the first call had
        with np.errstate(divide="ignore"):
            frames, squelched, capped = reference(samples[: 128 * sum(first.values())], **settings)
        self.assertGreater(capped, 0)
        self.assertEqual(
            first, {"delivered": len(frames), "squelched": squelched, "capped": capped})

    def test_setters_while_it_runs(self):
        flowgraph = gr.top_block()
        source = blocks.null_source(gr.sizeof_gr_complex)
        block = htrd.frame_sampler(frame_length=16, samp_rate=1e6)
        sink = blocks.null_sink(16 * gr.sizeof_gr_complex)
        flowgraph.connect(source, block, sink)
        flowgraph.start()

        def change():
            for n in range(2000):
                block.set_hop(8 + n % 30)
                block.set_squelch_db(OFF if n % 2 else -20.0)
                block.set_max_rate(float(n % 3 * 100_000))

        threads = [threading.Thread(target=change) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(support.TIMEOUT)
        block.set_hop(0)
        block.set_max_rate(0)
        block.set_squelch_db(-20.0)
        before = block.squelched()
        support.wait_for(lambda: block.squelched() > before)
        block.set_squelch_db(OFF)
        before = block.delivered()
        support.wait_for(lambda: block.delivered() > before)
        block.set_max_rate(100.0)
        before = block.capped()
        support.wait_for(lambda: block.capped() > before)
        flowgraph.stop()
        flowgraph.wait()
        self.assertEqual((block.hop(), block.max_rate(), block.squelch_db()), (16, 100.0, OFF))

    def test_a_new_hop_counts_from_the_latest_frame(self):
        flowgraph = gr.top_block()
        samples = np.arange(60_000).astype(np.complex64)
        block = htrd.frame_sampler(frame_length=16, hop=50_000)
        sink = blocks.vector_sink_c(16)
        pieces = stream.pieces(np.random.default_rng(0), 50)
        flowgraph.connect(stream.source(samples), pieces, block, sink)
        flowgraph.start()
        support.wait_for(lambda: block.delivered() == 1)
        block.set_hop(100)
        flowgraph.wait()
        frames = np.array(sink.data()).real.reshape(-1, 16)
        starts = frames[:, 0]
        np.testing.assert_array_equal(frames, starts[:, None] + np.arange(16))
        self.assertEqual(starts[0], 0)
        self.assertGreaterEqual(starts[1], 100)
        self.assertLess(starts[1], 50_000)
        self.assertTrue((np.diff(starts[1:]) == 100).all())
        self.assertGreater(starts[-1], 60_000 - 116)

    def test_start_again(self):
        samples = np.arange(4000).astype(np.complex64)
        settings = {"hop": 300, "samp_rate": 1000.0, "max_rate": 2.0, "squelch_db": 20.0}
        chain = Chain(samples, [(7, "rx_time", (5, 0.5)), (200, "gain", 1.0)], **settings)
        support.run(chain)
        once = chain.result()
        chain.sink.reset()
        chain.source.rewind()
        support.run(chain)
        np.testing.assert_array_equal(chain.result()[0], once[0])
        self.assertEqual(chain.result()[1], once[1])

    def test_lock_and_unlock(self):
        chain = Chain(np.arange(2_000_000), hop=64)
        chain.start()
        for _ in range(20):
            chain.lock()
            chain.unlock()
        support.wait_for(lambda: chain.block.delivered() > 100)
        chain.wait()
        # What sat in the buffers is gone, but no frame has a gap and none came twice.
        frames = np.array(chain.sink.data()).real.reshape(-1, 128)
        np.testing.assert_array_equal(frames - frames[:, :1], np.arange(128) + 0 * frames)
        steps = np.diff(frames[:, 0])
        self.assertGreaterEqual(steps.min(), 64)
        self.assertLessEqual(np.count_nonzero(steps != 64), 20)

    def test_scaling_by_name(self):
        """As flowgraphs gave it before there was an enumeration."""
        samples = np.arange(1, 129).astype(np.complex64)
        for scaling, total in (("none", samples.real.sum()), ("sum_abs", 1.0),
                               (htrd.frame_scaling_t.SUM_ABS, 1.0)):
            chain = Chain(samples, scaling=scaling)
            support.run(chain)
            self.assertAlmostEqual(np.abs(chain.sink.data()).sum() / total, 1, 5)

    def test_wrong_values(self):
        good = {"frame_length": 128, "samp_rate": 1e6}
        for wrong in ({"frame_length": 0}, {"frame_length": -1}, {"hop": -1}, {"samp_rate": -1.0},
                      {"samp_rate": float("nan")}, {"squelch_db": float("nan")},
                      {"squelch_db": float("inf")}, {"hysteresis_db": -1.0},
                      {"scaling": "as_model"}, {"scaling": 2}, {"max_rate": -1.0},
                      {"max_rate": float("inf")}, {"samp_rate": 0.0, "max_rate": 10.0}):
            is_name = isinstance(wrong.get("scaling"), str)
            said = "'as_model'; there are none, sum_abs" if is_name else "frame_sampler: "
            with self.subTest(**wrong), self.assertRaisesRegex(ValueError, said):
                htrd.frame_sampler(**(good | wrong))
        block = htrd.frame_sampler()
        for call in (lambda: block.set_hop(-1), lambda: block.set_squelch_db(float("nan")),
                     lambda: block.set_max_rate(10.0)):
            with self.assertRaises(ValueError):
                call()
        self.assertEqual((block.hop(), block.squelch_db(), block.max_rate()), (128, OFF, 0.0))


if __name__ == "__main__":
    gr_unittest.run(QaFrameSampler)
