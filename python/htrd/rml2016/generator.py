# SPDX-License-Identifier: GPL-3.0-or-later
"""Generator of RML2016.10a-style data sets: one GNU Radio flowgraph a run.

source material -> modulator -> channel -> frames, until every (class, SNR label) has its
frames. What is modelled, and how it departs from the original generator (O'Shea and
West, "Radio machine learning dataset generation with GNU Radio", GRCon 2016), is described in
`legacy`, `corrected`, `field`, `source_material` and `channel`.

One more departure: the samples after the shortest length that a run surely has are not
used, since today's resamplers end a few samples earlier or later from run to run.

The same seed gives the same bytes, whatever the number of worker processes and whichever
other classes and labels are made: every run is seeded by (seed, class, SNR label, run).
"""

import numpy as np
from gnuradio import gr
from robust_amc.data import FrameDataset
from robust_amc.data.formats import npz
from robust_amc.errors import UserError

from .cells import generate_key, in_workers
from .flowgraph import MODES
from .modulators import SAMPLE_RATE
from .partial import Parts
from .settings import Settings

VERSION = 2  # raise it when the same seed no longer gives the same frames


def check(jobs=2, **settings):
    """UserError unless these are arguments for :func:`generate`; the Settings."""
    if jobs < 1:
        raise UserError(f"jobs must be at least 1, not {jobs}")
    return Settings(**settings)


def generate(classes=None, snr_db=None, *, jobs=2, progress=None, **settings):
    """Generate a data set.

    Args:
        classes, snr_db, settings: the attributes of a Settings
        jobs: worker processes; they do not change the frames
        progress: called as progress(frames done, frames in all)

    Returns a robust_amc FrameDataset, ordered by class, SNR label and run. Raises
    UserError for a wrong argument.
    """
    checked = check(jobs, classes=classes, snr_db=snr_db, **settings)
    return _dataset(checked, _columns(checked, jobs, progress))


def generate_file(output, *, resume=False, jobs=2, progress=None, writing=None, **settings):
    """Generate a data set and write it to the file `output`; returns it.

    Finished keys lie in a folder beside the output until it is written: after an
    interruption, the same call with `resume` makes the others and ends at the same file.
    `writing` is called like `progress`, while the file is written. The other arguments are
    those of :func:`generate`.
    """
    checked = check(jobs, **settings)
    parts = Parts(output, _origin(checked) | checked.record(), resume)
    dataset = _dataset(checked, _columns(checked, jobs, progress, parts))
    npz.write(dataset, output, writing)
    parts.remove()
    return dataset


def _columns(settings, jobs, progress, parts=None):
    """What is known of the frames of each key, in the order of ``settings.keys``."""
    results = [parts.load(*key) if parts else None for key in settings.keys]
    missing = [i for i, columns in enumerate(results) if columns is None]
    total = len(results) * settings.frames_per_key
    done = total - len(missing) * settings.frames_per_key
    if progress:
        progress(done, total)
    tasks = [(*settings.keys[i], settings) for i in missing]
    for task, columns in in_workers(generate_key, tasks, jobs) if tasks else ():
        results[missing[task]] = columns
        if parts:
            parts.save(*settings.keys[missing[task]], columns)
        done += settings.frames_per_key
        if progress:
            progress(done, total)
    return results


def _dataset(settings, results):
    """The data set of the keys' columns; runs are numbered through."""
    first_run = np.cumsum([0, *(columns["run_id"][-1] + 1 for columns in results)])
    run_id = [
        columns["run_id"] + first for columns, first in zip(results, first_run[:-1], strict=True)
    ]
    run_id = np.concatenate(run_id).astype(np.int32)
    label, level = np.divmod(np.arange(len(results)), len(settings.snr_db))
    measured = [each for each in results[0] if each not in ("iq", "run_id")]
    extra = {each: np.concatenate([columns[each] for columns in results]) for each in measured}
    if settings.frame_metadata:
        extra["channel_id"] = run_id  # every run has a channel of its own
    return FrameDataset(
        iq=np.concatenate([columns["iq"] for columns in results]),
        label=label.astype(np.int16).repeat(settings.frames_per_key),
        classes=settings.classes,
        snr_db=np.asarray(settings.snr_db, np.float32)[level].repeat(settings.frames_per_key),
        run_id=run_id,
        metadata=_metadata(settings),
        extra=extra,
    )


def _origin(settings):
    return {
        "generator": "gr-htrd RML2016.10a-style",
        "generator_version": VERSION,
        "gnuradio_version": gr.version(),
        "mode": settings.mode,
    }


def _metadata(settings):
    """How the data set was made; classes and SNR labels are in it anyway."""
    record = settings.record()
    del record["classes"], record["snr_db"]
    made = [what for what in ("text", "audio") if not record[what]]
    metadata = _origin(settings) | record
    metadata |= {
        "scaling": "sum_abs",
        "sample_rate_hz": SAMPLE_RATE,
        "source_material": f"synthetic {' and '.join(made)} made by the generator"
        if made
        else "files of the user",
    }
    return metadata | MODES[settings.mode].metadata(settings)
