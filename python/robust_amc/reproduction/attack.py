"""The security curves of a study, a point at a time."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, json_text, provenance, reading
from ..classifier import Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation import Attack, Outcome, SecurityCurve, checks
from ..evaluation.curve import AttackProgress, Point
from ..fields import flag, items, maybe, real, table, text, whole
from ..files import Document, checksum, replacing, write_json
from .study import Folder, Study

_LONGEST = 1 << 28  # bytes of a file of curves
_ROW = table({"pnr_db": maybe(real())})
_COLUMNS = table({
    "label": items(whole()), "decided": items(whole()), "attacked": flag,
    "recognized": maybe(items(whole())),
})  # fmt: skip


def _point(value: Any, where: str) -> None:
    """A row, and the columns of its Outcome."""
    if not isinstance(value, list) or len(value) != 2:
        raise UserError(f"{where} is not a row and its columns")
    _ROW(value[0], where)
    _COLUMNS(value[1], where)


_FORM = table(
    {"models": items(text()), "points": table({}, others=_point)}, {"warnings": items(table({}))}
)


def test_frames(study: Study, dataset: FrameDataset, models: Iterable[Classifier]) -> FrameDataset:
    """The test part of a FrameDataset at the study's SNR label, for all `models` the same."""
    part, split_seed = provenance.part_to_evaluate(dataset, models)
    return data.part(dataset, part, split_seed).select(snr_db=[study.snr_db]).in_memory()


def curves(
    study: Study,
    folder: Folder,
    dataset: FrameDataset,
    *,
    device: str,
    log: Callable[[str], None],
    warnings: list[Document],
    progress: AttackProgress | None = None,
) -> Iterator[tuple[int, Document, Outcome, FrameDataset]]:
    """Attack every system of `study`; what is in `folder` already is not done again.

    Yields (seed, row, Outcome, FrameDataset) of each point, benign ones first; what may make
    the figures misleading is appended to the list `warnings`. `progress` is called with the frames
    won and the share of tries while PGD is at work.
    """
    for seed in study.seeds:
        models = {name: Classifier.load(folder.model(name, seed), device) for name in study.systems}
        benign = test_frames(study, dataset, models.values())
        attacked, others = benign.divide(study.frames, seed)
        others = others.limit(study.frames, seed)  # a universal perturbation is crafted on them
        for name, classifier in models.items():
            log(f"{name}, seed {seed}: benign frames")
            curve = SecurityCurve(classifier, benign, Attack.NONE)
            yield seed, *curve.point(), benign
        for name, classifier in models.items():
            for kind in _attacks(study, name):
                used = [name] + [study.source] * (kind is Attack.TRANSFER)
                source = models[study.source] if kind is Attack.TRANSFER else None
                saved = _Saved(
                    folder.curve(name, seed, kind.value),
                    [checksum(folder.model(each, seed)) for each in used],
                )
                curve = SecurityCurve(
                    classifier, attacked, kind, study.attack, seed, source, others
                )
                for pnr_db in sorted(study.pnr_db):
                    log(f"{name}, seed {seed}: {kind.value}, PNR {pnr_db:g} dB")
                    curve.settings = study.attack_at(pnr_db)
                    yield seed, *saved.point(curve, pnr_db, progress), attacked
                log(f"{name}, seed {seed}: {kind.value}, checks")
                curve.settings = study.attack
                told_apart = {"seed": seed, "attack": kind.value}
                warnings += [told_apart | each for each in saved.warnings(curve, study, progress)]


def _attacks(study: Study, name: str) -> list[Attack]:
    """The attacks on one system."""
    return (
        [Attack.NOISE, Attack.PGD]
        + [Attack.GREY] * (name in study.grey)
        + [Attack.TRANSFER] * (name in study.transfer)
        + [Attack.UNIVERSAL] * (name in study.universal)
    )


class _Saved:
    """A curve's points in a file, and beside it the state that the next point goes on from.

    Points of other model files than those with the SHA-256 sums `models` do not count.
    """

    def __init__(self, path: Path, models: list[str]) -> None:
        self.path = path
        self.saved: Document = _saved(path, models) or {"models": models, "points": {}}
        self.points = self.saved["points"]
        self._restored = False

    def point(self, curve: SecurityCurve, pnr_db: float, progress: AttackProgress | None) -> Point:
        """Row and Outcome at one PNR: from the file, or made and saved."""
        key = f"{pnr_db:g}"
        if key in self.points:
            row, columns = self.points[key]
            outcome = _outcome(columns)
            curve.points.append((row, outcome))
            return row, outcome
        self._restore(curve)
        row, outcome = curve.point(pnr_db, progress)
        with replacing(self._state(key)) as temporary:
            np.savez(temporary, **curve.state_dict())
        before = list(self.points)
        self.points[key] = (row, _columns(outcome))
        write_json(self.path, self.saved)
        for each in before:
            self._state(each).unlink(missing_ok=True)
        return row, outcome

    def warnings(
        self, curve: SecurityCurve, study: Study, progress: AttackProgress | None
    ) -> list[Document]:
        """Warnings about a finished curve: from the file, or made and saved.

        Stronger attacks are compared with the whole battery, where that was tried.
        """
        if "warnings" not in self.saved:
            self._restore(curve)
            levels = study.full_pnr_db
            curve.points = [point for point in curve.points if point[0]["pnr_db"] in levels]
            self.saved["warnings"] = checks.review(curve, progress=progress)
            write_json(self.path, self.saved)
        return self.saved["warnings"]

    def _state(self, key: str) -> Path:
        """What the point after that at the PNR `key` goes on from."""
        return self.path.with_name(f"{self.path.stem}-{key}.npz")

    def _restore(self, curve: SecurityCurve) -> None:
        """Let a curve that was read from the file go on where an interrupted one was."""
        if self.points and not self._restored:
            path = self._state(list(self.points)[-1])
            try:
                with reading.opened(path) as file, np.load(file) as state:
                    curve.load_state_dict(dict(state))
            except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
                raise UserError(
                    f"{path} is damaged ({error}); delete {self.path} to attack again"
                ) from None
        self._restored = True


def _saved(path: Path, models: list[str]) -> Document | None:
    """What a file has of curves of these models; None when there is none, or it is damaged."""
    try:
        saved = json_text.read(path, _LONGEST, "a curve")
        _FORM(saved, "it")
    except UserError:
        return None
    return saved if saved["models"] == models else None


def _columns(outcome: Outcome) -> Document:
    return {
        "label": outcome.label,
        "decided": outcome.decided,
        "attacked": outcome.attacked,
        "recognized": outcome.recognized,
    }


def _outcome(columns: Document) -> Outcome:
    recognized = columns["recognized"]
    return Outcome(
        label=np.asarray(columns["label"]),
        decided=np.asarray(columns["decided"]),
        attacked=columns["attacked"],
        recognized=None if recognized is None else np.asarray(recognized),
    )
