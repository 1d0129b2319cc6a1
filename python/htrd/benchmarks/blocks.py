# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the stream blocks are inside a flowgraph, beside an in-tree multiply_const_cc."""

import os
import statistics
import time

from gnuradio import blocks, gr, htrd
from robust_amc.benchmarks.report import row, settings

BASELINE = "multiply_const_cc"
WARM_UP = 20_000_000  # samples; their time says how many fill the wanted seconds
LEAST = 1_000_000  # samples
FRAME_LENGTH = 128
COMPARED = (
    f"stream blocks with an in-tree {BASELINE}, each between a null source and a null sink"
)
WAVEFORM = [complex(n % 7 - 3, n % 5 - 2) for n in range(FRAME_LENGTH)]


def _sampler(**parameters):
    return lambda: htrd.frame_sampler(FRAME_LENGTH, **parameters)


# The source sends zeros: an adder that measured their power would add nothing.
CASES = {
    "frame_sampler": _sampler(),
    "frame_sampler: frames overlap by half": _sampler(hop=FRAME_LENGTH // 2),
    "frame_sampler: one frame in ten": _sampler(hop=10 * FRAME_LENGTH),
    "frame_sampler: squelch closed": _sampler(squelch_db=-10.0),
    "perturbation_adder": lambda: htrd.perturbation_adder(WAVEFORM, power=1.0),
    "perturbation_adder: off": lambda: htrd.perturbation_adder(WAVEFORM, enabled=False),
}


def bench(seconds, rounds, progress):
    """Samples a second that flow from a null source through each block into a null sink.

    Args:
        seconds: about how long each measurement takes
        rounds: measurements of each block; they take turns with the baseline, so that a busy
            machine disturbs all alike, and the medians count
        progress: called with a line before each round

    Returns ``{"settings": {...}, "rows": [...]}``; values are in millions of samples a second.
    """
    samples = max(LEAST, int(_rate(_baseline, WARM_UP) * seconds))
    rates = {name: [] for name in (BASELINE, *CASES)}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {len(rates)} flowgraphs")
        for name, make in ({BASELINE: _baseline} | CASES).items():
            rates[name].append(_rate(make, samples) / 1e6)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    described = settings(
        "blocks", COMPARED, samples=samples, rounds=rounds, cores=os.cpu_count(),
        gnuradio_version=gr.version(),
    )  # fmt: skip
    rows = [row(name, medians[name], "MS/s", BASELINE, medians[BASELINE]) for name in CASES]
    return {"settings": described, "rows": rows}


def _baseline():
    return blocks.multiply_const_cc(2)


def _rate(make, samples):
    """Samples a second through a new block."""
    block = make()
    source = blocks.null_source(gr.sizeof_gr_complex)
    head = blocks.head(gr.sizeof_gr_complex, samples)
    sink = blocks.null_sink(block.output_signature().sizeof_stream_item(0))
    flowgraph = gr.top_block()
    flowgraph.connect(source, head, block, sink)
    start = time.perf_counter()
    flowgraph.run()
    return samples / (time.perf_counter() - start)
