#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a link does to a perturbation: accuracy over timing, carrier, clock, filter, AGC, 8 bits.

Frames are perturbed on their own grid, by white-box PGD and by a universal waveform; then the same
samples go through one impairment after the other to each shipped receiver.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from gnuradio import analog, blocks, channels, filter, gr, htrd
from gnuradio.filter import firdes
from rich.table import Table
from robust_amc import __version__, data, frames
from robust_amc.classifier import Classifier
from robust_amc.cli.console import err, out, progress, run
from robust_amc.cli.options import refuse_overwriting
from robust_amc.files import write_json

MODELS = ("undefended", "htrd")
SAMPLE_RATE = 200e3
LENGTH = frames.FRAME_LENGTH
PGD_STEPS = 10


def _channel(carrier_hz=0.0, clock_ppm=0.0):
    """The channel model is 3 samples early, hence the delay."""
    model = channels.channel_model(0.0, carrier_hz / SAMPLE_RATE, 1 + clock_ppm * 1e-6, [1.0])
    return [blocks.delay(gr.sizeof_gr_complex, 3), model]


def _low_pass(cutoff_hz):
    """A linear-phase filter, with its delay cut off, so that frames stay where they are."""
    taps = firdes.low_pass(1, SAMPLE_RATE, cutoff_hz, 10e3)
    return [filter.fir_filter_ccf(1, taps),
            blocks.skiphead(gr.sizeof_gr_complex, (len(taps) - 1) // 2)]


def _eight_bits(level):
    """Quantized at a mean magnitude `level` of full scale 1."""
    return [blocks.multiply_const_cc(level), blocks.complex_to_interleaved_char(False, 127),
            blocks.interleaved_char_to_complex(False, 127)]


def _agc(rate):
    """Automatic gain with this loop gain a sample, attack and decay alike."""
    return [analog.agc2_cc(rate, rate, 1.0, 1.0)]


def _delay(samples):
    return [blocks.delay(gr.sizeof_gr_complex, samples)]


def _each(text, make, values):
    return {text.format(value): partial(make, value) for value in values}


IMPAIRMENTS = {
    "none": list,
    **_each("timing {} samples", _delay, (1, 2, 4, 8, 16, 32, 64)),
    **_each("carrier {} Hz", _channel, (20, 50, 100, 200, 500, 1000)),
    **_each("clock {} ppm", partial(_channel, 0.0), (2, 20)),
    **_each("low pass {:g} Hz", _low_pass, (80e3, 50e3, 30e3, 20e3)),
    **_each("AGC {:g}", _agc, (1e-4, 1e-3, 1e-2, 1e-1)),
    **_each("8 bits, level {:g}", _eight_bits, (0.2, 0.05, 0.02, 0.01)),
}


def _run(*chain):
    """Run a chain of blocks to its end."""
    flowgraph = gr.top_block("misalignment", catch_exceptions=True)
    flowgraph.connect(*chain)
    flowgraph.run()


def _samples(path, *perturbed_by):
    """The data set's samples after blocks that take frames, complex64 of mean magnitude 1."""
    source = htrd.dataset_source(path)
    to_stream = blocks.vector_to_stream(gr.sizeof_gr_complex, LENGTH)
    sink = blocks.vector_sink_c()
    _run(source, *perturbed_by, to_stream, sink)
    samples = np.array(sink.data(), np.complex64)
    return samples / np.abs(samples).mean()


def _with_pgd(path, model, pnr_db):
    attack = htrd.pgd_injector(model, pnr_db=pnr_db, steps=PGD_STEPS, restarts=0, objectives=1,
                               scaling="as_model", batch_size=256)
    return _samples(path, attack)


def _with_waveform(path, waveform, pnr_db, snr_db):
    adder = htrd.perturbation_adder(file=str(waveform), pnr_db=pnr_db, snr_db=snr_db)
    return _samples(path, blocks.vector_to_stream(gr.sizeof_gr_complex, LENGTH), adder,
                    blocks.stream_to_vector(gr.sizeof_gr_complex, LENGTH))


def _decided(samples, impairment, model):
    """Names that a receiver decides, None for rejected, by frame."""
    receiver = htrd.classifier(model, len(model.classes), "as_model", publish_decisions=False)
    probe = htrd.decision_probe(keep=True)
    flowgraph = gr.top_block("misalignment", catch_exceptions=True)
    flowgraph.connect(blocks.vector_source_c(samples.tolist()), *impairment(),
                      blocks.stream_to_vector(gr.sizeof_gr_complex, LENGTH), receiver)
    flowgraph.msg_connect(receiver, "batches", probe, "batches")
    flowgraph.run()
    return probe.records().modulation


def _accuracy(decided, truth):
    """Correct and accepted, rejected: shares of the frames that lie in one class."""
    inside = np.flatnonzero((truth[:-1] == truth[1:])[: len(decided)])
    inside = inside[inside < len(decided)]
    inside = inside[(inside > 0) & (truth[inside] == truth[inside - 1])]
    names = np.array(decided, object)[inside]
    return {
        "frames": len(inside),
        "accuracy": float(np.mean(names == truth[inside])),
        "rejection_rate": float(np.mean(names == None)),  # noqa: E711 (by element)
    }


def measure(
    dataset: Annotated[str, typer.Argument(help="Long frames, as transmission.npz, at one label.")],
    output: Annotated[Path, typer.Argument(help="The results (.json).")],
    waveform: Annotated[Path, typer.Option(help="Universal perturbation (.cf32).")]
    = Path(__file__).parent / "universal_undefended.cf32",
    pgd_pnr: Annotated[float, typer.Option(help="PNR of the PGD perturbation, dB.")] = -10.0,
    universal_pnr: Annotated[float, typer.Option(help="PNR of the waveform, dB.")] = 5.0,
):
    """Measure both receivers behind each impairment: clean, under PGD and under the waveform."""
    refuse_overwriting(output)
    whole = data.read(dataset, LENGTH)
    truth = np.array(whole.classes, object)[whole.label]
    (snr_db,) = set(whole.snr_db.tolist())
    sent = {"none": _samples(dataset),
            "universal": _with_waveform(dataset, waveform, universal_pnr, snr_db)}
    rows = []
    with progress() as bar:
        for name in MODELS:
            model = Classifier.load(name)
            err.print(f"attacking {name}", highlight=False)
            streams = sent | {"pgd": _with_pgd(dataset, model, pgd_pnr)}
            task = bar.add_task(name, total=len(IMPAIRMENTS), note="impairments")
            for impairment, make in IMPAIRMENTS.items():
                rows += [{"model": name, "impairment": impairment, "attack": attack,
                          **_accuracy(_decided(samples, make, model), truth)}
                         for attack, samples in streams.items()]
                bar.advance(task)
    facts = {"dataset": Path(dataset).name, "fingerprint": whole.fingerprint(), "snr_db": snr_db,
             "waveform": waveform.name, "pgd_pnr_db": pgd_pnr, "pgd_steps": PGD_STEPS,
             "universal_pnr_db": universal_pnr, "version": __version__}
    write_json(output, {"settings": facts, "rows": rows})
    out.print(_table(rows))


def _table(rows):
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    table = Table("impairment", *(f"{model}\n{attack}" for model in MODELS for attack in attacks),
                  title="accuracy (correct and accepted)")
    cells = {(row["impairment"], row["model"], row["attack"]): row for row in rows}
    for impairment in IMPAIRMENTS:
        table.add_row(impairment, *(f"{cells[impairment, model, attack]['accuracy']:.3f}"
                                    for model in MODELS for attack in attacks))
    return table


if __name__ == "__main__":
    run(lambda: typer.run(measure))
