"""Generator of RML2016.10a-style data sets: one GNU Radio flowgraph a run.

source material -> modulator -> channel -> frames, until every (class, SNR label) has its
frames. What is modelled, and how it departs from the original generator (O'Shea and
West, "Radio machine learning dataset generation with GNU Radio", GRCon 2016), is told in
`rml2016_material`, `rml2016_modulators` and `rml2016_channel`. The quirks of the original
are kept, because they are in the data that everybody uses:

- the SNR label is not the SNR: the true one is about 2 * label + 5 dB, and 7, 10 and
  16 dB more for PAM4, QAM16 and QAM64;
- AM-SSB is noise at every label; most AM-DSB and WBFM frames are bare carriers, because
  their audio is nearly silent;
- the first frames of a run may lie in the transient of a filter.

One more departure: the samples after the shortest length that a run surely has are not
used, since today's resamplers end a few samples earlier or later from run to run.

The same seed gives the same bytes, whatever the number of worker processes and whichever
other classes and labels are made: every run is seeded by (seed, class, SNR label, run).
"""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np
from gnuradio import gr

from . import rml2016_channel as channel
from . import rml2016_modulators as modulators

VERSION = 1  # raise it when the same seed no longer gives the same frames
CLASSES = modulators.CLASSES
SNR_DB = tuple(range(-20, 20, 2))
FRAME_LENGTH = 128
FIRST_START = (50, 500)  # of a run's first frame, samples, random
LARGEST_STEP = 0.05  # of a run, from one frame to the next


class _Capture(gr.sync_block):
    """Sink that keeps the samples as arrays (vector_sink would make a Python list)."""

    def __init__(self):
        gr.sync_block.__init__(self, "capture", [np.complex64], None)
        self._chunks = []

    def work(self, input_items, output_items):
        self._chunks.append(input_items[0].copy())
        return len(input_items[0])

    def samples(self, count):
        samples = np.concatenate(self._chunks)[:count]
        if len(samples) < count:
            raise RuntimeError(f"the flowgraph ended after {len(samples)} of {count} samples")
        return samples


def run_samples(name, snr_db, seeds):
    """The received samples of one run, complex64, from a flowgraph of its own.

    `seeds` are the SeedSequences of the source and of the channel.
    """
    source_rng, channel_rng = map(np.random.default_rng, seeds)
    top_block = gr.top_block(f"RML2016 {name} {snr_db} dB")
    capture = _Capture()
    chain = modulators.modulator(name, source_rng)
    keep = channel.connect(top_block, chain, capture, snr_db, modulators.SAMPLE_RATE, channel_rng)
    top_block.run()
    del keep
    return capture.samples(modulators.run_samples(name))


def cut(samples, rng, most=None):
    """Cut a run into frames whose magnitudes sum to 1, complex ``[n, 128]``.

    The first frame starts at a random 50 … 500, the next ones a random 128 … 5 % of the
    run later. `most` keeps that many of them, drawn at random over the whole run.
    """
    starts, start = [], int(rng.integers(*FIRST_START, endpoint=True))
    largest_step = round(LARGEST_STEP * len(samples))
    while start + FRAME_LENGTH < len(samples):
        starts.append(start)
        start += int(rng.integers(FRAME_LENGTH, largest_step, endpoint=True))
    if most is not None and most < len(starts):
        starts = np.sort(rng.choice(starts, most, replace=False))
    frames = samples[np.asarray(starts)[:, None] + np.arange(FRAME_LENGTH)]
    return frames / np.abs(frames).sum(1, keepdims=True)


def generate_key(name, snr_db, count, seed, frames_per_run=None):
    """`count` frames of one class and SNR label.

    Returns float16 ``[count, 2, 128]`` and the number of each frame's run, int32 ``[count]``.
    """
    code = (seed, CLASSES.index(name), round(1000 * (snr_db + 1000)))  # none may be negative
    frames, runs, done = [], [], 0
    while done < count:
        *run_seeds, cut_seed = np.random.SeedSequence([*code, len(runs)]).spawn(3)
        samples = run_samples(name, snr_db, run_seeds)
        cut_frames = cut(samples, np.random.default_rng(cut_seed), frames_per_run)
        cut_frames = cut_frames[: count - done]
        frames.append(np.stack([cut_frames.real, cut_frames.imag], 1).astype(np.float16))
        runs.append(np.full(len(cut_frames), len(runs), np.int32))
        done += len(cut_frames)
    return np.concatenate(frames), np.concatenate(runs)


def _start_worker():
    """Standard output stays clean of GNU Radio's messages; the parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    os.dup2(2, 1)


def _generate_keys(keys, jobs, progress):
    """generate_key for each of `keys` in worker processes, results in the order of `keys`."""
    results = [None] * len(keys)
    done, total = 0, sum(key[2] for key in keys)
    context = multiprocessing.get_context("spawn")  # GNU Radio's threads do not survive a fork
    with ProcessPoolExecutor(min(jobs, len(keys)), context, _start_worker) as pool:
        pending = {pool.submit(generate_key, *key): i for i, key in enumerate(keys)}
        try:
            for future in as_completed(pending):
                results[pending[future]] = future.result()
                done += len(future.result()[0])
                if progress:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def check(classes, snr_db, frames_per_key, seed, frames_per_run, jobs):
    """UserError unless these are arguments for :func:`generate`."""
    from robust_amc.errors import UserError

    for what, values in (("class", classes), ("SNR label", snr_db)):
        if values is None:
            continue
        if not len(values):
            raise UserError(f"the data set needs at least one {what}")
        if len(set(values)) != len(values):
            raise UserError(f"a {what} is given twice: {', '.join(map(str, values))}")
    for name in classes or ():
        if name not in CLASSES:
            raise UserError(f"unknown class {name!r}; the generator has {', '.join(CLASSES)}")
    for level in () if snr_db is None else snr_db:
        if not -100 <= level <= 100:  # also refuses NaN
            raise UserError(f"an SNR label must lie in -100 … 100 dB, not {level}")
    counts = {"frames_per_key": frames_per_key, "frames_per_run": frames_per_run, "jobs": jobs}
    for what, value in counts.items():
        if value is not None and value < 1:
            raise UserError(f"{what} must be at least 1, not {value}")
    if seed < 0:
        raise UserError(f"the seed must not be negative, not {seed}")


def generate(
    classes=None,
    snr_db=None,
    frames_per_key=1000,
    seed=0,
    frames_per_run=None,
    jobs=2,
    progress=None,
):
    """Generate a data set.

    Args:
        classes: names; None for all 11
        snr_db: SNR labels in dB; None for -20, -18 … 18
        frames_per_key: frames of each (class, SNR label)
        seed: not negative; the same seed gives the same bytes
        frames_per_run: at most so many frames of one run, for small sets that shall have
            several runs a key; None takes all, about 36, as the original
        jobs: worker processes
        progress: called as progress(frames done, frames in all)

    Returns a robust_amc FrameDataset, ordered by class, SNR label and run. Raises
    UserError for a wrong argument.
    """
    from robust_amc.data import FrameDataset

    check(classes, snr_db, frames_per_key, seed, frames_per_run, jobs)
    classes = tuple(CLASSES if classes is None else classes)
    snr_db = tuple(SNR_DB if snr_db is None else snr_db)
    keys = [
        (name, float(level), frames_per_key, seed, frames_per_run)
        for name in classes
        for level in snr_db
    ]
    results = _generate_keys(keys, jobs, progress)
    first_run = np.cumsum([0, *(runs[-1] + 1 for _, runs in results)])
    return FrameDataset(
        iq=np.concatenate([frames for frames, _ in results]),
        label=np.repeat(np.arange(len(classes), dtype=np.int16), frames_per_key * len(snr_db)),
        classes=classes,
        snr_db=np.tile(np.repeat(np.asarray(snr_db, np.float32), frames_per_key), len(classes)),
        run_id=np.concatenate(
            [runs + first for (_, runs), first in zip(results, first_run[:-1], strict=True)]
        ).astype(np.int32),
        metadata={
            "generator": "gr-htrd RML2016.10a-style",
            "generator_version": VERSION,
            "gnuradio_version": gr.version(),
            "mode": "legacy",
            "seed": seed,
            "scaling": "sum_abs",
            "frames_per_key": frames_per_key,
            "frames_per_run": frames_per_run,
            "source_material": "synthetic text and audio made by the generator",
        },
    )
