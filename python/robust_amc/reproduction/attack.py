"""The security curves of a study, a point at a time."""

import json

import numpy as np

from .. import data, provenance
from ..classifier import Classifier
from ..evaluation import Attack, Outcome, SecurityCurve
from ..files import replacing, write_json


def test_frames(study, dataset, models):
    """The test part of a FrameDataset at the study's SNR label, for all `models` the same."""
    part, split_seed = provenance.part_to_evaluate(dataset, models)
    return data.part(dataset, part, split_seed).select(snr_db=[study.snr_db]).in_memory()


def curves(study, folder, dataset, *, device, told):
    """Attack every system of `study`; what is in `folder` already is not done again.

    Yields (seed, row, Outcome, FrameDataset) of each point, benign ones first.
    """
    for seed in study.seeds:
        models = {name: Classifier.load(folder.model(name, seed), device) for name in study.systems}
        benign = test_frames(study, dataset, models.values())
        attacked = benign.limit(study.frames, seed)
        for name, classifier in models.items():
            told(f"{name}, seed {seed}: benign frames")
            curve = SecurityCurve(classifier, benign, Attack.NONE)
            yield seed, *curve.point(), benign
        for name, classifier in models.items():
            kinds = [Attack.NOISE, Attack.PGD] + [Attack.GREY] * (name in study.grey)
            for kind in kinds:
                saved = _Saved(folder.curve(name, seed, kind.value))
                curve = SecurityCurve(classifier, attacked, kind, study.attack, seed)
                for pnr_db in sorted(study.pnr_db):
                    told(f"{name}, seed {seed}: {kind.value}, PNR {pnr_db:g} dB")
                    yield seed, *saved.point(curve, pnr_db), attacked


class _Saved:
    """A curve's points in a file, and beside it the state that the next point goes on from."""

    def __init__(self, path):
        self.path, self.state = path, path.with_suffix(".npz")
        self.points = json.loads(path.read_text()) if path.exists() else {}

    def point(self, curve, pnr_db):
        """Row and Outcome at one PNR: from the file, or made and saved."""
        key = f"{pnr_db:g}"
        if key in self.points:
            row, columns = self.points[key]
            return row, _outcome(columns)
        if self.points and self.state.exists():
            with np.load(self.state) as state:
                curve.load_state_dict(dict(state))
            self.state.unlink()  # once is enough: the curve keeps it from here on
        row, outcome = curve.point(pnr_db)
        self.points[key] = (row, _columns(outcome))
        if state := curve.state_dict():
            with replacing(self.state) as temporary:
                np.savez(temporary, **state)
        write_json(self.path, self.points)
        return row, outcome


def _columns(outcome):
    return {
        "label": outcome.label,
        "decided": outcome.decided,
        "attacked": outcome.attacked,
        "recognized": outcome.recognized,
    }


def _outcome(columns):
    recognized = columns["recognized"]
    return Outcome(
        label=np.asarray(columns["label"]),
        decided=np.asarray(columns["decided"]),
        attacked=columns["attacked"],
        recognized=None if recognized is None else np.asarray(recognized),
    )
