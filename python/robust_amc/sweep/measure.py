"""The figures of each candidate, on validation frames; test frames are never looked at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .. import data, provenance, systems
from ..classifier import Classifier
from ..data import FrameDataset
from ..errors import UserError
from ..evaluation import Attack, SecurityCurve
from ..files import AnyPath, Document
from ..rejection.calibrate import fit_rejector
from ..runtime.runtime import Runtime
from ..training import Plan, run
from ..training.loop import EpochReport
from .candidates import Candidate, SweepSettings, by_network
from .results import Results

BENIGN = ("accuracy", "accepted_accuracy", "rejection_rate")
ATTACKED = ("robust_accuracy", "attacked_accuracy")


class Sweep:
    """Candidates, and the data that they are trained and compared on.

    Attributes:
        networks: lists of the Candidates that share a network
        runtime: Runtime
        split_seed: of the split of the data set
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        settings: SweepSettings,
        dataset: FrameDataset,
        path: AnyPath,
        *,
        start_from: AnyPath | None = None,
        network: AnyPath | None = None,
        device: str = "auto",
    ) -> None:
        """Prepare; nothing is trained yet.

        Args:
            candidates: see :func:`candidates.candidates`
            settings: SweepSettings
            dataset: FrameDataset read from `path`
            path: where it is from
            start_from: model that every training starts from, as for the candidates
            network: trained model of all candidates, as for them
            device: as for Runtime

        Raises UserError when the model does not fit the data, or frames are missing.
        """
        self.settings, self.dataset, self.path, self.device = settings, dataset, path, device
        self.networks = by_network(candidates)
        self.runtime = Runtime(device)
        model = None
        if given := network or start_from:
            model = Classifier.load(
                given, classes=dataset.classes, frame_length=dataset.frame_length
            )
        self.network = model if network else None
        known = provenance.seen(model.metadata) if model else []
        self.split_seed = provenance.split_seed_for(dataset, known) or 0
        parts = data.split(dataset, self.split_seed)
        self.train, validation, self.calibration = (
            dataset.subset(parts[part]) for part in ("train", "validation", "calibration")
        )
        self.benign = validation.select(snr_db=settings.snr_db).in_memory()
        self.attacked = self.benign.limit(settings.frames, settings.seed)

    def rows(
        self, results: Results, *, log: Callable[[str], None], report: EpochReport | None = None
    ) -> Iterator[Document]:
        """Train and measure every candidate that `results` lack; yields a row each.

        A row has the candidate's `values`, and its figures or, where it could not be trained
        or fitted, an `error`. A network's checkpoint is there until all its rows are kept.
        Raises UserError when the first trained network cannot be fitted or measured.

        Args:
            results: Results, to which each row must be added before the next is asked for
            log: called with what is about to be done, in words
            report: as in :func:`training.train`
        """
        for number, group in enumerate(self.networks, 1):
            finished = [row["values"] for row in results.rows]
            left = [each for each in group if each.values not in finished]
            checkpoint = results.checkpoint(number)
            training = {
                "checkpoint": checkpoint,
                "resume": results.resumed,
                "log": log,
                "report": report,
            }
            if left:
                log(f"network {number} of {len(self.networks)}")
                yield from self._rows_of_network(left, results, training)
            if checkpoint and self.runtime.is_first:
                checkpoint.unlink(missing_ok=True)

    def _rows_of_network(
        self, candidates: Sequence[Candidate], results: Results, training: dict[str, Any]
    ) -> Iterator[Document]:
        log = training["log"]
        try:
            network = self._network(candidates[0].system.plan, training)
        except UserError as error:
            yield from (_failed(each, error, log) for each in candidates)
            return
        for each in candidates:
            log(f"measuring {systems.words(each.values)}")
            try:
                row = self._row(each, network)
            except UserError as error:
                if not results.has_figures:
                    raise  # frames that are missing, most likely: it would be so for all
                row = _failed(each, error, log)
            yield row

    def _network(self, plan: Plan | None, training: dict[str, Any]) -> Classifier:
        """The trained network as a Classifier, where the attack will run."""
        found = self.network
        if found is None:
            assert plan is not None  # as candidates() has made sure
            plan = replace(plan, split_seed=self.split_seed)
            found = run(plan, self.dataset, self.path, device=self.device, **training)
        found.network.to(self.runtime.device)
        return found

    def _row(self, candidate: Candidate, classifier: Classifier) -> Document:
        rejector, settings = candidate.system.rejector, self.settings
        if rejector is not None:
            classifier = fit_rejector(classifier, self.train, self.calibration, rejector)
        benign, _ = SecurityCurve(classifier, self.benign, Attack.NONE).point()
        curve = SecurityCurve(classifier, self.attacked, Attack.PGD, settings.attack, settings.seed)
        attacked, _ = curve.point(settings.pnr_db)
        row = {
            "values": candidate.values,
            "frames": benign["frames"],
            "attacked_frames": attacked["frames"],
        }
        return row | _figures(benign, BENIGN) | _figures(attacked, ATTACKED)


def _figures(row: Document, metrics: Sequence[str]) -> Document:
    """Those metrics of a row and their intervals; None for what is not a number."""
    names = [name for metric in metrics for name in (metric, f"{metric}_interval")]
    return {name: None if row[name] != row[name] else row[name] for name in names}


def _failed(candidate: Candidate, error: UserError, log: Callable[[str], None]) -> Document:
    log(f"failed: {systems.words(candidate.values)}: {error}")
    return {"values": candidate.values, "error": str(error)}
