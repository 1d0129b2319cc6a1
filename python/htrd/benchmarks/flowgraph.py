# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the classifier is inside a flowgraph, beside its engine alone."""

import functools
import statistics
import time

from gnuradio import gr
from robust_amc import data
from robust_amc.benchmarks.report import row, settings
from robust_amc.inference import open_engine

from .. import native
from . import flowgraph_overhead
from .flowgraph_chain import LENGTH, MAX_BATCH, QUEUE, Chain, running
from .flowgraph_soak import soak

STEPS = [1.0 - 0.05 * step for step in range(15)]  # of the engine's rate, to be sustained
DELIVERED = 0.999  # of the wanted rate, by a source that is not held up
BACKLOG = 4 * MAX_BATCH  # frames at the end: a rate that only fills the queue is not sustained
SLACK = 0.25  # seconds that a source may be late for a while: it makes up for them
SLOW, FAST = 200e3, 20e6  # samples a second
LATENCIES = ((SLOW, 5.0), (5e6, 10.0))  # wanted, ms, at these rates
LATENCY_MS = 2.0  # that frames wait for others of their batch, where the latency is measured
PATIENCE = 60  # seconds for the first latency
COMPARED = (
    "decisions of {model} by {engine} in flowgraphs, batches only, with the engine alone on as "
    "many frames at once"
)


def bench(seconds, rounds, progress, model="htrd", engine="auto", precision="auto", minutes=0,
          sustain=None):  # fmt: skip
    """Rates, latency and losses of a classifier in a flowgraph.

    Args:
        seconds: how long each measurement takes
        rounds: how often flowgraph and engine take turns; the medians count
        progress: called with a line before each measurement
        model, engine, precision: of the classifier; ``native`` is the one in C++
        minutes: of a soak at the highest rate without a drop (0: none)
        sustain: seconds that the highest rate and 20 MS/s are held (None: `seconds`)

    Returns ``{"settings": {...}, "rows": [...]}``. Raises UserError as the classifier does.
    """
    sustain = seconds if sustain is None else sustain
    progress(f"opening {model}")
    is_native = engine == native.NATIVE
    if is_native:
        native.require()
    runtime = native.RUNTIME if is_native else engine
    opened = open_engine(model, runtime, precision, "none", frame_length=LENGTH)
    chain = functools.partial(Chain, opened, engine=native.NATIVE if is_native else opened.name)
    rows, best = _rates(opened, chain, seconds, rounds, progress)
    if is_native:
        rows += flowgraph_overhead.rows(opened, model, seconds, rounds, progress)
    rows.append(_sustained(chain, sustain, best, progress))
    sustained = rows[-1]["value"] * 1e6 / LENGTH
    rows += [
        _latency(chain, rate, wanted, seconds, progress)
        for rate, wanted in LATENCIES
        if rate < LENGTH * best
    ]
    for name, cap in (("rate capped to twice the engine's", 2 * best), ("every frame", 0.0)):
        rows += _at_full_rate(chain, sustain, name, cap, progress)
    if minutes and sustained:
        rows += soak(chain, sustained, minutes, progress)
    named = f"{'C++, ' if is_native else ''}{opened.name} {opened.precision.value}"
    described = settings(
        "flowgraph", COMPARED.format(model=model, engine=named), model=model, engine=named,
        reason=opened.reason, seconds=seconds, sustain=sustain, rounds=rounds,
        queue_frames=QUEUE, gnuradio_version=gr.version(),
    )
    return {"settings": described, "rows": rows}


def _rates(engine, chain, seconds, rounds, progress):
    """Rows of both modes beside the engine, and the engine's rate in frames a second."""
    iq = data.read("sample").iq.astype("float32")
    replay, live, small, large = [], [], [], []
    size = 0
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: flowgraph and engine")
        rate, size = _replay(chain, seconds)
        replay.append(rate)
        small.append(_engine_rate(engine, iq, size, seconds))
        large.append(_engine_rate(engine, iq, MAX_BATCH, seconds))
        live.append(_live(chain, seconds, 1.5 * large[-1]))
    replay, live, small, large = map(statistics.median, (replay, live, small, large))
    fastest = max((small, size), (large, MAX_BATCH))
    return [
        row("replay", replay, "frames/s", f"the engine, {size} frames at once", small),
        row("replay, beside the engine at its best", replay, "frames/s",
            f"the engine, {fastest[1]} frames at once", fastest[0]),
        row("live, more than can be decided", live, "frames/s",
            f"the engine, {MAX_BATCH} frames at once", large),
    ], large  # fmt: skip


def _engine_rate(engine, iq, size, seconds):
    """Frames a second that an engine decides, `size` at once."""
    engine.decide(iq[:size])
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        first = done % (len(iq) - size)
        engine.decide(iq[first : first + size])
        done += size
    return done / (time.perf_counter() - start)


def _measure(chain, seconds):
    """Frames a second that a running flowgraph decides, and how many in a batch."""
    decided, start = chain.next_change("decided")
    batches = chain.batches.batches
    time.sleep(seconds)
    last, end = chain.next_change("decided")
    batches = max(chain.batches.batches - batches, 1)
    return (last - decided) / (end - start), max(round((last - decided) / batches), 1)


def _replay(chain, seconds):
    made = chain("replay")
    with running(made):
        return _measure(made, seconds)


def _live(chain, seconds, frame_rate):
    made = chain("live", LENGTH * frame_rate)
    with running(made):
        return _measure(made, seconds)[0]


def _sustained(chain, seconds, best, progress):
    """The highest rate, as measured, at which no frame was dropped and the source not late."""
    for step in STEPS:
        progress(f"live mode at {step:.0%} of the engine's rate, until a frame is dropped")
        if rate := _keeps_up(chain, seconds, step * best):
            break
    return row("live, highest rate without a drop", LENGTH * rate / 1e6, "MS/s",
               "the engine", LENGTH * best / 1e6)  # fmt: skip


def _keeps_up(chain, seconds, frame_rate):
    """Frames a second that were accepted, or 0: one was dropped, they were too few, many wait."""
    made = chain("live", LENGTH * frame_rate)
    with running(made):
        # Frames come in chunks: only between two of them is a rate exact
        first, start = made.next_change("accepted")
        while not made.classifier.status()["dropped"]:
            time.sleep(0.05)
            accepted, now = made.next_change("accepted")
            elapsed, rate = now - start, (accepted - first) / (now - start)
            backlog = made.classifier.status()["queued"]
            if elapsed >= seconds and rate >= DELIVERED * frame_rate and backlog <= BACKLOG:
                return rate
            late = elapsed * (1 - rate / frame_rate)
            if late > SLACK or elapsed > seconds + SLACK:
                break
    return 0.0


def _latency(chain, samp_rate, wanted, seconds, progress):
    """The 99th percentile of the time from arrival to publication, of the worst second."""
    title = f"latency at {samp_rate / 1e6:g} MS/s"
    progress(title)
    made = chain("live", samp_rate, latency_ms=LATENCY_MS)
    with running(made):
        time.sleep(seconds)
        end = time.monotonic() + PATIENCE
        while not (latencies := _latencies(made)) and time.monotonic() < end:
            time.sleep(0.1)
    worst = max(latencies, default=float("nan"))
    return row(f"{title}, p99 of the worst second", worst, "ms", "wanted", wanted)


def _latencies(chain):
    """One for each second; the first status comes with the first frames."""
    return [each["latency_ms"] for each in chain.status.kept[1:] if "latency_ms" in each]


def _at_full_rate(chain, seconds, name, max_rate, progress):
    """Whether a radio is held up, and whether all frames are accounted for in the end."""
    progress(f"live mode at {FAST / 1e6:.0f} MS/s, {name}")
    made = chain("live", FAST, max_rate)
    with running(made):
        before, start = made.sampler.nitems_read(0), time.perf_counter()
        time.sleep(seconds)
        taken = made.sampler.nitems_read(0) - before
        taken /= time.perf_counter() - start
    counts = made.classifier.status()
    known = counts["decided"] + counts["dropped"] + counts["discarded"]
    title = f"{FAST / 1e6:.0f} MS/s, {name}"
    return [
        row(f"{title}: samples taken", taken / 1e6, "MS/s", "throttled source", FAST / 1e6),
        row(f"{title}: frames accepted", counts["accepted"], "frames",
            "decided, dropped or discarded", known),
    ]  # fmt: skip
