# SPDX-License-Identifier: GPL-3.0-or-later
"""All frames of one class and SNR label (a key), and many keys in worker processes."""

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np

from . import framing as frames
from .flowgraph import MODES
from .modulators import CLASSES


def run_seeds(name, snr_db, run, settings):
    """Random generators for the material, the channel and the cutting of one run.

    They depend on nothing but the seed, the mode and these arguments, so that a subset of
    classes and labels gives the same frames as the whole.
    """
    level = round(1000 * (snr_db + 1000))  # none may be negative
    entropy = [settings.seed, CLASSES.index(name), level, run]
    entropy += MODES[settings.mode].seed_words
    return map(np.random.default_rng, np.random.SeedSequence(entropy).spawn(3))


def generate_run(name, snr_db, run, settings):
    """The frames of one run: `iq` ``[n, 2, length]`` and what is known of each, by name."""
    material_rng, channel_rng, cut_rng = run_seeds(name, snr_db, run, settings)
    mode = MODES[settings.mode]
    received = mode.receive(name, snr_db, material_rng, channel_rng, settings)
    return frames_of(received, name, run, cut_rng, settings)


def frames_of(received, name, run, rng, settings):
    """Cut a Run into scaled frames: `iq`, `run_id`, and what was measured, by name."""
    length = settings.frame_length
    samples = received.samples
    most = settings.frames_per_run or MODES[settings.mode].frames_per_run
    begin = frames.starts(len(samples), rng, length, most)
    columns = {
        "iq": frames.scaled(frames.cut(samples, begin, length)),
        "run_id": np.full(len(begin), run, np.int32),
    }
    if settings.frame_metadata:
        columns |= received.measured(begin, length)
    return columns


def generate_key(name, snr_db, settings):
    """All frames of one class and SNR label, columns by name as :func:`generate_run`'s."""
    runs, missing = [], settings.frames_per_key
    while missing > 0:
        columns = generate_run(name, snr_db, len(runs), settings)
        runs.append({each: column[:missing] for each, column in columns.items()})
        missing -= len(runs[-1]["iq"])
    return {each: np.concatenate([run[each] for run in runs]) for each in runs[0]}


def in_workers(function, tasks, jobs):
    """Call ``function(*task)`` for each of `tasks` in `jobs` processes.

    Yields (index of the task, result) as they are done. When the caller stops, so do the
    workers, after the task that each is at.
    """
    context = multiprocessing.get_context("spawn")  # GNU Radio's threads do not survive a fork
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, _start_worker) as pool:
        pending = {pool.submit(function, *task): i for i, task in enumerate(tasks)}
        try:
            for future in as_completed(pending):
                yield pending.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker():
    """Standard output stays clean of GNU Radio's messages; the parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """A parent that was killed cannot end its workers, and they would wait forever."""
    multiprocessing.parent_process().join()
    os._exit(1)
