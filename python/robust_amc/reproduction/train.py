"""The models of a study: what is missing is trained, the rest is read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import data, provenance
from ..classifier import Classifier
from ..data import FrameDataset
from ..files import AnyPath
from ..rejection.calibrate import fit_rejector
from ..systems import System
from ..training import run
from ..training.loop import EpochReport
from .study import Folder, Study


def models(
    study: Study,
    folder: Folder,
    dataset: FrameDataset,
    path: AnyPath,
    *,
    device: str,
    log: Callable[[str], None],
    report: EpochReport | None,
) -> None:
    """Make every missing model of `study` in `folder` from a FrameDataset read from `path`.

    `log` is called with what is about to be done, in words; `report` as in
    :func:`training.train`.
    """
    for seed in study.seeds:
        for name in study.networks():
            _network(study.system(name, seed), folder, dataset, path, device, log, report)
        for name in study.systems:
            _rejector(study.system(name, seed), seed, folder, dataset, path, device, log)


def _network(
    system: System,
    folder: Folder,
    dataset: FrameDataset,
    path: AnyPath,
    device: str,
    log: Callable[[str], None],
    report: EpochReport | None,
) -> None:
    plan = system.plan
    assert plan is not None  # networks() gives only those that are trained
    seed = plan.settings.seed
    output = folder.model(system.name, seed)
    if output.exists():
        return
    if plan.start_from:
        plan = replace(plan, start_from=str(folder.model(plan.start_from, seed)))
    checkpoint = output.with_suffix(".checkpoint")
    trained = run(
        plan,
        dataset,
        path,
        device=device,
        log=lambda text: log(f"{system.name}, seed {seed}: {text}"),
        checkpoint=checkpoint,
        resume=True,
        report=report,
    )
    trained.metadata["defense"]["system"] = system.name
    trained.save(output)
    checkpoint.unlink(missing_ok=True)


def _rejector(
    system: System,
    seed: int,
    folder: Folder,
    dataset: FrameDataset,
    path: AnyPath,
    device: str,
    log: Callable[[str], None],
) -> None:
    output = folder.model(system.name, seed)
    if system.rejector is None or (output.exists() and _rejects(output)):
        return
    log(f"{system.name}, seed {seed}: fitting the rejector")
    network = Classifier.load(folder.model(system.network, seed), device)
    split_seed = network.metadata["dataset"]["split_seed"]
    fitted = fit_rejector(
        network,
        data.part(dataset, "train", split_seed),
        data.part(dataset, "calibration", split_seed),
        system.rejector,
    )
    fitted.metadata["rejector"]["dataset"] = provenance.record(dataset, path, split_seed)
    fitted.metadata["defense"]["system"] = system.name
    fitted.save(output)


def _rejects(path: Path) -> bool:
    """Whether a model file has a rejector; a network of the system's own has none at first."""
    return Classifier.load(path).rejector is not None
