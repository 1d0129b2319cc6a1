# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the signal detector is, beside a null sink and beside its transforms alone."""

import os
import statistics
import time

import numpy as np
from gnuradio import blocks, fft, gr, htrd
from gnuradio.fft import window
from robust_amc.benchmarks.report import SEED, row, settings

BINS = 512
RATE = 20e6  # samples a second: what messages a second are counted by
WANTED = 20  # MS/s
WARM_UP = 4_000_000  # samples; their time says how many fill the wanted seconds
LEAST = 1_000_000  # samples
PERIOD = 1 << 20  # samples, which the source repeats
BURST = 1 << 15  # samples
SINK, TRANSFORMS = "null_sink", f"fft_vcc of {BINS}"
BANDS = ("noise", "noise, two carriers, bursts of four")
COMPARED = (
    "the signal detector with a null sink and with bare transforms, behind the same source of a "
    f"repeated band; rates of messages as at {RATE / 1e6:g} MS/s"
)


def bench(seconds, rounds, progress):
    """Samples a second that the detector takes.

    Args:
        seconds: about how long each measurement takes
        rounds: measurements of each side; they take turns, so that a busy machine disturbs all
            alike, and the medians count
        progress: called with a line before each round

    Returns ``{"settings": {...}, "rows": [...]}``; values are in millions of samples a second.
    """
    sides = {SINK: (_null_sink, False), TRANSFORMS: (_transforms, False)}
    sides |= {name: (_detector, name != BANDS[0]) for name in BANDS}
    bands = {busy: _band(busy).tolist() for busy in (False, True)}
    samples = max(LEAST, int(_rate(_detector, bands[True], WARM_UP) * seconds))
    rates = {name: [] for name in sides}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {len(rates)} flowgraphs")
        for name, (make, busy) in sides.items():
            rates[name].append(_rate(make, bands[busy], samples) / 1e6)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    rows = [
        row(name, medians[name], "MS/s", baseline, value)
        for name in BANDS
        for baseline, value in ((SINK, medians[SINK]), (TRANSFORMS, medians[TRANSFORMS]),
                                ("wanted", WANTED))
    ]  # fmt: skip
    described = settings(
        "detector", COMPARED, samples=samples, rounds=rounds, cores=os.cpu_count(),
        gnuradio_version=gr.version(),
    )  # fmt: skip
    return {"settings": described, "rows": rows}


def _band(busy):
    """A period of the band, complex64 ``[PERIOD]``: noise of power 1, and signals in it."""
    rng = np.random.default_rng(SEED)
    samples = _noise(rng, PERIOD)
    if busy:
        moment = np.arange(PERIOD)
        for cycles in (-0.25, 0.125):  # of a sample; whole numbers of them in the period
            samples += 0.3 * np.exp(2j * np.pi * cycles * moment)
        for number, center in enumerate((-0.4, -0.1, 0.3, 0.4)):
            start = (2 * number + 1) * BURST
            symbols = np.repeat(rng.choice([1, 1j, -1, -1j], BURST // 32), 32)
            samples[start : start + BURST] += symbols * np.exp(2j * np.pi * center * moment[:BURST])
    return samples.astype(np.complex64)


def _noise(rng, count):
    return (rng.normal(size=(count, 2)) @ [1, 1j]) / np.sqrt(2)


def _null_sink():
    return [blocks.null_sink(gr.sizeof_gr_complex)]


def _transforms():
    size = BINS * gr.sizeof_gr_complex
    return [
        blocks.stream_to_vector(gr.sizeof_gr_complex, BINS),
        fft.fft_vcc(BINS, True, window.hann(BINS), True, 1),
        blocks.null_sink(size),
    ]


def _detector():
    return [htrd.signal_detector(RATE, bins=BINS)]


def _rate(make, band, samples):
    """Samples a second through new blocks."""
    chain = make()
    source = blocks.vector_source_c(band, True)
    head = blocks.head(gr.sizeof_gr_complex, samples)
    for block in (source, head):
        block.set_log_level("warn")  # which would say each buffer's size
        block.set_min_output_buffer(1 << 16)
    flowgraph = gr.top_block()
    flowgraph.connect(source, head, *chain)
    start = time.perf_counter()
    flowgraph.run()
    return samples / (time.perf_counter() - start)
