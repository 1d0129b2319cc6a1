#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The eavesdropper scenario without a screen: a table, demo.json and demo.png.

Each shipped receiver is attacked with full knowledge of it, at one PNR after the other,
in a flowgraph of the same blocks as eavesdropper.grc.
"""

import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from gnuradio import gr, htrd
from robust_amc import __version__, data, power
from robust_amc.attacks import AttackSettings, Goal
from robust_amc.classifier import Classifier, same_classes
from robust_amc.cli.console import err, out, progress, run
from robust_amc.errors import UserError
from robust_amc.evaluation import Outcome, with_intervals
from robust_amc.evaluation.figures import security_curve
from robust_amc.evaluation.table import results_table
from robust_amc.files import write_json
from robust_amc.frames import valid

DATASET = "sample"
SNR_DB = 10.0
PNR_DB = (None, -20.0, -15.0, -10.0, -5.0, 0.0)
MODELS = ("undefended", "htrd")
# Every objective, few steps: fits the time of a demonstration. `htrd evaluate` tries harder.
SETTINGS = AttackSettings(steps=10, restarts=0, targets=0)


class Scenario(gr.top_block):
    """Frames → attack on one receiver → that receiver → probe."""

    def __init__(self, model, pnr_db, goal):
        gr.top_block.__init__(self, "eavesdropper", catch_exceptions=True)
        self.frames = htrd.dataset_source(DATASET, snr_db=[SNR_DB])
        self.attack = htrd.pgd_injector(
            model, pnr_db=pnr_db or 0.0, enabled=pnr_db is not None, goal=goal.value,
            steps=SETTINGS.steps, restarts=SETTINGS.restarts, objectives=0, batch_size=256,
        )
        self.receiver = htrd.classifier(model, len(model.classes), publish_decisions=False)
        self.probe = htrd.decision_probe(keep=True)
        self.connect(self.frames, self.attack, self.receiver)
        self.msg_connect(self.receiver, "batches", self.probe, "batches")

    def decisions(self, advance):
        """Run to the end, telling `advance` how many frames are done; what was decided."""
        self.start()
        waiting = threading.Thread(target=self.wait, daemon=True)
        waiting.start()
        while waiting.is_alive():
            waiting.join(0.2)
            advance(self.probe.summary()["frames"])
        decided = self.probe.records()
        if decided is None or len(decided) != len(self.frames):
            raise RuntimeError("the flowgraph ended early: see the messages above")
        return decided


@dataclass
class Point:
    """One receiver at one PNR (None: no attack)."""

    model: Classifier
    pnr_db: float | None
    progress: object

    def row(self):
        """The results row, with the fields of `htrd evaluate`."""
        decided = self._run(Goal.EVASION)
        frames = data.read(DATASET).require_classes(self.model.classes)
        frames = frames.subset(decided.frame_index)
        label = self._labels(decided)
        recognized = None
        if self.pnr_db is not None and self.model.rejector is not None:
            # An attack that has evaded has also not been recognized.
            stripped = self._labels(self._run(Goal.EVASION_OR_REJECTION))
            recognized = (label == frames.label) & (stripped == frames.label)
        result = Outcome(
            frames.label, label, attacked=self.pnr_db is not None, recognized=recognized
        )
        return {
            "model": self.model.name,
            "attack": "none" if self.pnr_db is None else "pgd",
            "snr_db": SNR_DB,
            "pnr_db": self.pnr_db,
            "frames": len(decided),
            "invalid_frames": int((~valid(frames.iq)).sum()),
            **with_intervals(result, frames.run_id),
            "psr_db": _mean_psr(decided.pnr_db),
        }

    def _run(self, goal):
        level = "none" if self.pnr_db is None else f"{self.pnr_db:g} dB"
        scenario = Scenario(self.model, self.pnr_db, goal)
        task = self.progress.add_task(
            f"{self.model.name}, PNR {level}", total=len(scenario.frames), note="frames"
        )
        decided = scenario.decisions(lambda done: self.progress.update(task, completed=done))
        self.progress.remove_task(task)
        return decided

    def _labels(self, decided):
        names = self.model.classes
        return np.array([-1 if name is None else names.index(name) for name in decided.modulation])


def _mean_psr(pnr_db):
    """Mean PSR in dB over the perturbed frames, from their measured PNR; None without any."""
    perturbed = pnr_db[np.isfinite(pnr_db)]
    if not len(perturbed):
        return None
    return float(power.to_db(power.from_db(perturbed) * power.noise_energy(1.0, SNR_DB)).mean())


def demo(
    folder: Annotated[Path, typer.Argument(help="Where demo.json and demo.png go.")],
):
    """Attack the shipped receivers at rising PNR; print a table, write demo.json and demo.png."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}") from error
    models = [Classifier.load(name) for name in MODELS]
    same_classes(models)
    with progress() as bar:
        rows = [Point(model, level, bar).row() for model in models for level in PNR_DB]
    title = f"SNR label {SNR_DB:g} dB, white-box PGD"
    facts = {
        "dataset": DATASET,
        "fingerprint": data.read(DATASET).fingerprint(),
        "snr_db": SNR_DB,
        "pnr_db": list(PNR_DB),
        "attack_settings": asdict(SETTINGS),
        "seed": 0,
        "version": __version__,
        "gnuradio": gr.version(),
    }
    write_json(folder / "demo.json", {"settings": facts, "rows": rows})
    security_curve(rows, folder / "demo.png", title=title)
    out.print(results_table(rows, title=title))
    written = f"written: {folder / 'demo.json'}, {folder / 'demo.png'}"
    err.print(written, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run(lambda: typer.run(demo))
