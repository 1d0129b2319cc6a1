# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the data-set generator is, beside flowgraphs that do nothing but run."""

import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from gnuradio import analog, blocks, gr
from robust_amc.benchmarks.report import SEED, row, settings
from robust_amc.data.formats import npz

from ..rml2016.cells import frames_of, in_workers, run_seeds
from ..rml2016.flowgraph import MODES, Flowgraph, Flowgraphs
from ..rml2016.generator import generate_file
from ..rml2016.settings import Settings

RUNS = 5  # of each class, for the times of the stages
STAGES = ("material", "build the flowgraph", "run it", "cut and scale")
LEVEL = 10  # dB, SNR label; it does not change the work
COMPARED = (
    "frames a second from the settings to the file, with frames a second of the same runs' bare "
    "flowgraphs; microseconds a frame of each stage, with those of all stages"
)


def bench(frames_per_key, jobs, progress, **selection):
    """Frames a second of each mode that is a flowgraph as a whole, end to end and by stage.

    Args:
        frames_per_key: frames of each class at each SNR label
        jobs: worker processes
        progress: called with a line before each measurement
        selection: other attributes of a Settings, to measure only a part

    Returns ``{"settings": {...}, "rows": [...]}``.
    """
    rows = []
    for mode in (name for name, each in MODES.items() if isinstance(each, Flowgraphs)):
        made = Settings(mode=mode, frames_per_key=frames_per_key, seed=SEED, **selection)
        progress(f"{mode}: generating {frames_per_key * len(made.keys)} frames")
        rate, runs, writing = _end_to_end(made, jobs)
        progress(f"{mode}: running {sum(runs)} bare flowgraphs")
        bare = _bare_rate(made, runs, jobs)
        rows.append(row(f"{mode}: end to end", rate, "frames/s", "bare flowgraphs", bare))
        progress(f"{mode}: timing the stages")
        stages = _stages(made) | {"write the .npz": writing}
        whole = sum(stages.values())
        rows += [
            row(f"{mode}: {stage}", value, "us/frame", "all stages", whole)
            for stage, value in stages.items()
        ]
    described = settings(
        "generator", COMPARED, frames_per_key=frames_per_key, jobs=jobs,
        frames=frames_per_key * len(made.keys), gnuradio_version=gr.version(),
    )
    return {"settings": described, "rows": rows}


def _end_to_end(settings, jobs):
    """Frames a second with everything, runs of each key, and microseconds a frame to write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.npz")
        start = time.perf_counter()
        dataset = generate_file(path, jobs=jobs, **asdict(settings))
        done = time.perf_counter()
        npz.write(dataset, path)
        written = time.perf_counter()
    runs = dataset.run_id.reshape(len(settings.keys), -1)
    runs = (runs[:, -1] - runs[:, 0] + 1).tolist()
    return len(dataset) / (done - start), runs, 1e6 * (written - done) / len(dataset)


def _bare_rate(settings, runs, jobs):
    """Frames a second if the flowgraphs of the runs were all that is to be done."""
    tasks = [(*key, count, settings) for key, count in zip(settings.keys, runs, strict=True)]
    start = time.perf_counter()
    for _ in in_workers(bare_runs, tasks, jobs):
        pass
    return len(tasks) * settings.frames_per_key / (time.perf_counter() - start)


def bare_runs(name, snr_db, count, settings):
    """Run `count` flowgraphs of a key whose samples go nowhere."""
    mode = MODES[settings.mode].parts
    material_rng, channel_rng, _ = run_seeds(name, snr_db, 0, settings)
    sent = mode.source(name, material_rng, settings)
    for _ in range(count):
        channel = mode.channel(channel_rng, settings.sampling_offset)
        modulator = mode.modulator(name, sent, settings.samples_per_symbol)
        amplitude = mode.noise_amplitude(snr_db)
        noise = analog.noise_source_c(analog.GR_GAUSSIAN, amplitude, channel.noise_seed)
        adder, sink = blocks.add_cc(), blocks.null_sink(gr.sizeof_gr_complex)
        top_block = gr.top_block()
        top_block.connect(*modulator, *channel.blocks, adder, sink)
        top_block.connect(noise, (adder, 1))
        top_block.run()


def _stages(settings):
    """Microseconds a frame that each stage takes, over the same runs of every class."""
    mode = MODES[settings.mode].parts
    seconds, frames = np.zeros(len(STAGES)), 0
    for name in settings.classes:
        for run in range(RUNS):
            material_rng, channel_rng, cut_rng = run_seeds(name, LEVEL, run, settings)
            times = [time.perf_counter()]
            sent = mode.source(name, material_rng, settings)
            times.append(time.perf_counter())
            flowgraph = Flowgraph(name, LEVEL, sent, channel_rng, settings)
            times.append(time.perf_counter())
            received = flowgraph.run()
            times.append(time.perf_counter())
            frames += len(frames_of(received, name, run, cut_rng, settings)["iq"])
            times.append(time.perf_counter())
            seconds += np.diff(times)
    return dict(zip(STAGES, (1e6 * seconds / frames).tolist(), strict=True))
