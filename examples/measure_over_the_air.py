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
SETTLE = 1.5  # seconds until the mean power is that of what is heard
PATIENCE = 60  # seconds for the frames of one point, and for a change to be heard
UNDER_WAY = 100  # frames, more than are cut while the tags of a new truth are on their way
LOUDER, STEADY = 1.05, 1.5  # of powers: the signal is on; of noise alone
TRANSMITTER_PORT, RECEIVER_PORT = 8080, 8081
UNHEARD = "the transmitter is not heard to go on and off: look at cable, frequency, gains"
TOO_SLOW = "frames come too slowly: look at the squelch, and for lost samples"


class Link:
    """A running transmitter and receiver, calibrated.

    How long a change at the transmitter is under way, nobody knows: buffers, a radio and a busy
    machine delay it. So each change is followed by a silence. Once the receiver has heard it
    and then the signal again, all that it hears is from after the change.

    Attributes:
        snr_db: measured at the receiver, in the band of the frames
    """

    def __init__(self, transmitter, receiver, modulation):
        self._transmitter, self._receiver = transmitter, receiver
        receiver.call("set_truth", modulation)
        transmitter.call("set_attack", False)
        transmitter.call("set_signal_on", True)
        first = self._cut()
        self._frames_come(lambda: self._cut() > first + UNDER_WAY)  # of the new truth, and heard
        transmitter.call("set_signal_on", False)
        self._noise = self._steady_power()
        receiver.call("set_noise_db", 10 * math.log10(self._noise))
        transmitter.call("set_signal_on", True)
        self._heard(lambda: self._power() > LOUDER * self._noise)
        time.sleep(SETTLE)
        self._signal = np.mean(self._powers()) - self._noise
        if self._signal <= 0:
            raise UserError(UNHEARD)
        self.snr_db = 10 * math.log10(self._signal / self._noise)
        transmitter.call("set_snr_db", self.snr_db)

    def _power(self):
        return self._receiver.poll("get_power")

    def _powers(self):
        return [self._power() for _ in range(5)]

    def _steady_power(self):
        """Of the noise, once the end of the signal has been heard."""
        time.sleep(SETTLE)
        self._heard(lambda: max(powers := self._powers()) < STEADY * min(powers))
        return np.mean(self._powers())

    def _cut(self):
        """How many frames the receiver has cut out."""
        return self._receiver.poll("get_delivered")

    def _heard(self, condition):
        _wait_for(condition, UNHEARD)

    def _frames_come(self, condition):
        _wait_for(condition, TOO_SLOW)

    def _change(self, pnr_db):
        """Set the perturbation, and wait until all frames without it have been decided."""
        if pnr_db is not None:
            self._transmitter.call("set_pnr_db", pnr_db)
        self._transmitter.call("set_attack", pnr_db is not None)
        # The mean falls for as long as the signal is away: more samples than a buffer holds
        self._transmitter.call("set_signal_on", False)
        self._heard(lambda: self._power() < self._noise + 0.1 * self._signal)
        self._transmitter.call("set_signal_on", True)
        self._heard(lambda: self._power() > self._noise + 0.5 * self._signal)
        before = self._cut()
        self._frames_come(lambda: self._cut() > before)  # what was asked for has been looked up
        cut = self._cut()
        self._frames_come(lambda: all(each["frames"] >= cut for each in self._counts().values()))

    def point(self, pnr_db, frames):
        """Counts of at least `frames` frames at a PNR (None: no perturbation), by model; PSR.

        Raises UserError when the change is not heard, frames come too slowly, or the
        perturbation that is sent has another power.
        """
        self._change(pnr_db)
        counts, before = {}, self._counts()

        def enough():
            counts.update({
                model: {name: now[name] - before[model][name] for name in now}
                for model, now in self._counts().items()
            })
            return min(count["frames"] for count in counts.values()) >= frames

        self._frames_come(enough)
        psr_db = self._transmitter.poll("get_achieved")
        if pnr_db is not None:
            wanted = pnr_db - 10 * math.log10(1 + self._signal / self._noise)
            if not abs(psr_db - wanted) < 1:
                raise UserError(f"the perturbation has a PSR of {psr_db:.1f} dB, not "
                                f"{wanted:.1f} dB: was it changed by hand?")
        return counts, psr_db

    def _counts(self):
        names = ("frames", "with_truth", "rejected", "correct")
        found = {model: self._receiver.poll(f"get_summary_{model}") for model in MODELS}
        return {model: {name: each.get(name, 0) for name in names} for model, each in found.items()}


def _wait_for(condition, complaint):
    """Until `condition()` holds; UserError after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise UserError(complaint)


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
