"""What a study found: one JSON file, tables, figures, and the paper's claims beside it."""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..arrays import Bools, Floats, Integers
from ..classifier import Classifier
from ..data import FrameDataset
from ..evaluation import Attack, checks, difference, figures
from ..evaluation.metrics import Outcome, confusion, with_intervals
from ..files import AnyPath, Document, replacing, write_json
from . import pages
from .claims import CLAIMS, Claim
from .study import Folder, Study

FEATURES = ("cat", "ls_gna")  # whose last feature layer Fig. 2 shows
FIGURES = {
    "fig4": (
        "networks alone",
        ("undefended", "ls_gna", "adversarial", "cat", "ae_pretrained", "ensemble"),
    ),
    "fig5": (
        "systems that reject",
        ("undefended", "ls_gna_nr", "two_fold", "adversarial_nr", "htrd", "residual_nr"),
    ),
}
BY_CLASS = (("none", None), ("pgd", -20.0), ("pgd", -10.0))  # attack and PNR
BESIDE = ("robust_accuracy", "attacked_accuracy", "rejection_rate")  # of each class, in a row
CONFUSED = "fig5"  # whose systems are shown class by class


Key = tuple[str, str, float | None]  # system, attack, PNR
Seeded = tuple[int, Document, Outcome, FrameDataset]  # a point of one seed


class Report:
    """Collects the points of a study and writes what they say into its folder."""

    def __init__(self, study: Study, folder: Folder, dataset: FrameDataset, path: AnyPath) -> None:
        self.study, self.folder = study, folder
        self.dataset, self.path = dataset, path
        self.points: dict[Key, list[Seeded]] = {}

    def add(self, seed: int, row: Document, outcome: Outcome, selection: FrameDataset) -> None:
        """One point: its row, Outcome and the frames it is about."""
        key = (row["model"], row["attack"], row["pnr_db"])
        self.points.setdefault(key, []).append((seed, row, outcome, selection))

    def write(self, models: Mapping[str, Classifier], warnings: Iterable[Document] = ()) -> None:
        """Write results.json, the pages (pages.py) and the figures.

        `models` are Classifiers by name, whose features Fig. 2 shows.
        """
        benign = self.points[next(iter(models)), "none", None][0][-1]
        panels = [(name, model.features(benign.iq)) for name, model in models.items()]
        rows = [self._pooled(key) for key in self.points]
        told = [self._by_class(*key) for key in self._told_by_class()]
        results = {
            "settings": self._settings(models),
            "rows": rows,
            "rows_by_seed": [
                row | {"seed": seed} | self._per_class(row["attack"], outcome)
                for each in self.points.values()
                for seed, row, outcome, _ in each
            ],
            "by_class": told,
            "claims": [self._claim(claim) for claim in CLAIMS if self._has(claim)],
            "separation": {name: _separation(values, benign.label) for name, values in panels},
            "warnings": [*warnings, *self._missed()],
        }
        write_json(self.folder.path / "results.json", results)
        self._text("normal-accuracy.md", pages.normal_accuracy(results))
        self._text("paper-vs-ours.md", pages.paper_vs_ours(results))
        self._text("by-class.md", pages.by_class(results))
        for name, (title, systems) in FIGURES.items():
            chosen = [
                row for row in rows if row["model"] in systems and row["attack"] in ("none", "pgd")
            ]
            for suffix in ("png", "svg"):
                path = self.folder.path / f"{name}.{suffix}"
                figures.security_curve(chosen, path, title, benign.classes, benign.iq.shape[2])
        for suffix in ("png", "svg"):
            path = self.folder.path / f"fig2.{suffix}"
            figures.features(panels, benign.label, benign.classes, path)
            tables = [
                (f"{each['model']}, {pages.level(each)}", benign.classes, each["confusion"])
                for each in told
                if each["model"] in FIGURES[CONFUSED][1]
            ]
            if tables:
                figures.confusion(tables, self.folder.path / f"confusion.{suffix}")

    def _told_by_class(self) -> list[Key]:
        """The points that are told class by class."""
        keys = [(name, *each) for name in self.study.systems for each in BY_CLASS]
        return [key for key in keys if key in self.points]

    def _by_class(self, *key: Any) -> Document:
        """Confusion matrix of a point, and each class's measures, all seeds together."""
        outcome, _ = _together(self.points[key])
        return {
            "model": key[0],
            "attack": key[1],
            "pnr_db": key[2],
            "confusion": confusion(
                outcome.label, outcome.decided, len(self.dataset.classes)
            ).tolist(),
            "classes": self._of_classes(outcome),
        }

    def _of_classes(self, outcome: Outcome) -> Document:
        """Frames and measures of each class that there is, by its name."""
        rows = {
            name: np.flatnonzero(outcome.label == each)
            for each, name in enumerate(self.dataset.classes)
        }
        return {
            name: {"frames": len(own)} | outcome.subset(own).summary()
            for name, own in rows.items()
            if len(own)
        }

    def _per_class(self, attack: str, outcome: Outcome) -> Document:
        """What stands beside the totals of a row: `by_class`, without attack and under PGD."""
        if attack not in (Attack.NONE, Attack.PGD):
            return {}
        return {
            "by_class": {
                name: {key: own[key] for key in ("frames", *BESIDE)}
                for name, own in self._of_classes(outcome).items()
            }
        }

    def _has(self, claim: Claim) -> bool:
        return all(side in self.points for side in claim.sides())

    def _missed(self) -> Iterator[Document]:
        """Warnings where other attacks win frames that PGD leaves, all seeds together."""
        for name in self.study.systems:
            for level in self.study.pnr_db:
                left = {
                    attack: _left(_together(points)[0])
                    for (model, attack, pnr_db), points in self.points.items()
                    if model == name and pnr_db == level
                }
                share = np.mean(left["pgd"]) - np.mean(np.all(list(left.values()), axis=0))
                others = ", ".join(sorted(set(left) - {"pgd"}))
                if share > checks.POINT:
                    yield {
                        "model": name,
                        "check": "black_box",
                        "message": f"at PNR {level:g} dB {others} together win {share:.3f} of all "
                        "frames beyond those that PGD wins: it is not good enough",
                        "seed": None,
                        "attack": "pgd",
                    }

    def _pooled(self, key: Key) -> Document:
        """One row over all seeds; a frame that several seeds attack counts for each."""
        points = self.points[key]
        row = dict(points[0][1])
        outcome, run_id = _together(points)
        row |= self._per_class(row["attack"], outcome)
        if len(points) > 1:
            row |= {"frames": len(run_id)} | with_intervals(outcome, run_id)
            row["psr_db"] = float(np.mean([each[1]["psr_db"] for each in points]))
        return row | {"seeds": [seed for seed, *_ in points]}

    def _claim(self, claim: Claim) -> Document:
        """A claim with our figure: the metric of a system, or a paired difference of two."""
        points = [self.points[side] for side in claim.sides()]
        (first, run_id), *others = [_together(each) for each in points]
        found = asdict(claim)
        if not others:
            row = with_intervals(first, run_id)
            value, interval = row[claim.metric], row[f"{claim.metric}_interval"]
        else:
            result = difference(first, others[0][0], run_id, claim.metric)
            value, interval = result["difference"], result["interval"]
        return found | {"ours": value, "interval": interval, "frames": len(run_id)}

    def _settings(self, models: Mapping[str, Classifier]) -> Document:
        metadata = self.dataset.metadata
        return {
            "study": asdict(self.study),
            "systems": self.folder.systems,
            "dataset": self.path,
            "fingerprint": self.dataset.fingerprint(),
            "generator": {
                name: metadata[name]
                for name in ("generator", "generator_version", "mode", "seed", "frames_per_run")
                if "generator" in metadata and name in metadata
            },
            "train_frames": {
                name: model.metadata.get("training", {}).get("train_frames")
                for name, model in models.items()
            },
            "version": __version__,
            "torch": torch.__version__,
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "date": date.today().isoformat(),
        }

    def _text(self, name: str, lines: Iterable[str]) -> None:
        with replacing(self.folder.path / name) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _separation(features: Floats, label: Integers) -> float:
    """Share of the variance of features ``[n, width]`` that is between classes, 0 … 1."""
    means = np.stack([features[label == each].mean(0) for each in np.unique(label)])
    nearest = means[np.unique(label, return_inverse=True)[1]]
    center = features.mean(0)
    return float(np.sum((nearest - center) ** 2) / np.sum((features - center) ** 2))


def _left(outcome: Outcome) -> Bools:
    """Which frames an attack has not won, bool ``[n]``."""
    return outcome.correct | outcome.rejected


def _together(points: Sequence[Seeded]) -> tuple[Outcome, Integers]:
    """One Outcome over all seeds, and the frames' runs."""
    outcomes = [outcome for _, _, outcome, _ in points]
    recognized = [each.recognized for each in outcomes if each.recognized is not None]
    together = Outcome(
        label=np.concatenate([each.label for each in outcomes]),
        decided=np.concatenate([each.decided for each in outcomes]),
        attacked=outcomes[0].attacked,
        recognized=np.concatenate(recognized) if recognized else None,
    )
    # The same run may be attacked once for each seed: its frames stay one group
    return together, np.concatenate([selection.run_id for *_, selection in points])
