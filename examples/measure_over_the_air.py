#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A security curve over the air: a transmit and a receive flowgraph, run and controlled from here.

Each modulation is sent in turn. The receiver measures noise and signal, so the transmitter knows
the SNR that the PNR refers to; then the perturbation goes through its levels while both receiving
models count. Without radios, transmit_loopback and receive_loopback stand in for them.
"""

import math
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from flowgraph_process import FlowgraphProcess
from robust_amc import __version__, data
from robust_amc.cli.console import err, out, run
from robust_amc.cli.options import parse_floats, parse_names, refuse_overwriting
from robust_amc.errors import UserError
from robust_amc.evaluation import Outcome, with_intervals
from robust_amc.evaluation.figures import security_curve
from robust_amc.evaluation.table import results_table
from robust_amc.files import write_json

EXAMPLES = Path(__file__).parent
MODELS = ("undefended", "htrd")
SETTLE = 1.5  # seconds until what was changed at the transmitter is all that the receiver hears
PATIENCE = 60  # seconds for the frames of one point
TRANSMITTER_PORT, RECEIVER_PORT = 8080, 8081


class Link:
    """A running transmitter and receiver, calibrated.

    Attributes:
        snr_db: measured at the receiver, in the band of the frames
    """

    def __init__(self, transmitter, receiver, modulation):
        self._transmitter, self._receiver = transmitter, receiver
        receiver.call("set_truth", modulation)
        self.snr_db = self._calibrate()

    def _calibrate(self):
        """Noise with the transmitter off, then signal and noise; the SNR tells it what PNR is."""
        self._transmitter.call("set_attack", False)
        self._transmitter.call("set_signal_on", False)
        noise = self._power()
        self._receiver.call("set_noise_db", 10 * math.log10(noise))
        self._transmitter.call("set_signal_on", True)
        ratio = self._power() / noise - 1
        if ratio <= 0:
            raise UserError("nothing of the transmitter is heard: look at cable, frequency, gains")
        snr_db = 10 * math.log10(ratio)
        self._transmitter.call("set_snr_db", snr_db)
        return snr_db

    def _power(self):
        time.sleep(SETTLE)
        return np.mean([self._receiver.poll("get_power") for _ in range(5)])

    def point(self, pnr_db, frames):
        """Counts of at least `frames` frames at a PNR (None: no perturbation), by model; PSR."""
        if pnr_db is not None:
            self._transmitter.call("set_pnr_db", pnr_db)
        self._transmitter.call("set_attack", pnr_db is not None)
        time.sleep(SETTLE)
        before = self._counts()
        end = time.monotonic() + PATIENCE
        while True:
            counts = {
                model: {name: now[name] - before[model][name] for name in now}
                for model, now in self._counts().items()
            }
            if min(count["frames"] for count in counts.values()) >= frames:
                return counts, self._transmitter.call("get_achieved")
            if time.monotonic() > end:
                raise UserError("frames come too slowly: look at the squelch, and for lost samples")

    def _counts(self):
        names = ("frames", "with_truth", "rejected", "correct")
        found = {model: self._receiver.poll(f"get_summary_{model}") for model in MODELS}
        return {model: {name: each.get(name, 0) for name in names} for model, each in found.items()}


def rows(points):
    """Result rows, one for each model and PNR, of (modulation, snr_db, pnr_db, counts, psr_db)."""
    levels = list(dict.fromkeys(point[2] for point in points))
    return [
        _row(model, level, [point for point in points if point[2] == level])
        for model in MODELS
        for level in levels
    ]


def _row(model, pnr_db, points):
    label, decided = [], []
    for number, (*_, counts, _) in enumerate(points):
        count = counts[model]
        wrong = count["frames"] - count["correct"] - count["rejected"]
        label += [number] * count["frames"]
        decided += [number] * count["correct"] + [-1] * count["rejected"] + [len(points)] * wrong
    label, decided = np.array(label), np.array(decided)
    result = Outcome(label, decided, attacked=pnr_db is not None)
    return {
        "model": model,
        "attack": "none" if pnr_db is None else "universal",
        "snr_db": round(float(np.mean([snr_db for _, snr_db, *_ in points])), 1),
        "pnr_db": pnr_db,
        "frames": len(label),
        **with_intervals(result, np.arange(len(label))),
        "psr_db": None if pnr_db is None else float(np.mean([point[-1] for point in points])),
    }


def _settings(text):
    """'floor_db=-33,offset_hz=100' as a dictionary."""
    try:
        pairs = [word.split("=") for word in text.split(",")] if text else []
        return {name: float(value) for name, value in pairs}
    except ValueError:
        raise UserError(f"{text!r} is not a list such as gain_db=20,frequency=433.92e6") from None


def measure(
    output: Annotated[Path, typer.Argument(help="The results (.json); a figure (.png) beside it.")],
    transmitter: Annotated[str, typer.Option(help="Name of a transmit flowgraph.")]
    = "transmit_loopback",
    receiver: Annotated[str, typer.Option(help="Name of a receive flowgraph.")]
    = "receive_loopback",
    dataset: Annotated[str, typer.Option(help="What is sent.")] = "transmission.npz",
    waveform: Annotated[Path, typer.Option(help="The perturbation (.cf32).")]
    = EXAMPLES / "universal_undefended.cf32",
    modulations: Annotated[str | None, typer.Option(help="Comma-separated (default: all).")] = None,
    pnr: Annotated[str, typer.Option(help="PNR levels in dB.")] = "-10,0,5,10,15",
    frames: Annotated[int, typer.Option(min=1, help="Frames a point, at least.")] = 200,
    set_transmitter: Annotated[str, typer.Option(help="Values, as gain_db=20,level=0.1.")] = "",
    set_receiver: Annotated[str, typer.Option(help="Values, as gain_db=20,carrier_hz=150.")] = "",
):
    """Measure accuracy and rejection of both models over the PNR, over the air or in rehearsal."""
    refuse_overwriting(output)
    sent = data.read(dataset)
    names = parse_names(modulations) or sent.classes
    levels = [None, *parse_floats(pnr)]
    arguments = ["--dataset", str(Path(dataset).resolve()), "--waveform", str(waveform.resolve()),
                 "--frame-length", str(sent.frame_length)]
    points = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        heard = stack.enter_context(
            FlowgraphProcess(EXAMPLES / f"{receiver}.grc", folder, RECEIVER_PORT))
        heard.set(_settings(set_receiver))
        for name in names:
            with FlowgraphProcess(EXAMPLES / f"{transmitter}.grc", folder, TRANSMITTER_PORT,
                                  [*arguments, "--modulation", name]) as sender:
                sender.set(_settings(set_transmitter))
                link = Link(sender, heard, name)
                err.print(f"{name}: SNR {link.snr_db:.1f} dB", highlight=False)
                points += [(name, link.snr_db, level, *link.point(level, frames))
                           for level in levels]
        made = rows(points)
        facts = {"transmitter": transmitter, "receiver": receiver, "dataset": Path(dataset).name,
                 "fingerprint": sent.fingerprint(), "waveform": waveform.name,
                 "set_transmitter": set_transmitter, "set_receiver": set_receiver,
                 "version": __version__}
    fields = ("modulation", "snr_db", "pnr_db", "counts", "psr_db")
    each = [dict(zip(fields, point, strict=True)) for point in points]
    write_json(output, {"settings": facts, "rows": made, "points": each})
    security_curve(made, output.with_suffix(".png"), title=f"{transmitter} → {receiver}")
    out.print(results_table(made))


if __name__ == "__main__":
    run(lambda: typer.run(measure))
