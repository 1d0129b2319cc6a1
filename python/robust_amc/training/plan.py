"""From a plan to a trained model: which data, which start, which recipe."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from .. import data, provenance
from ..classifier import Classifier
from ..data import FrameDataset
from ..data.summary import found_scaling
from ..errors import UserError
from ..files import AnyPath, Document
from ..models import build, check_settings
from ..models.network import Network
from ..runtime.device import AnyDevice
from ..runtime.runtime import Runtime
from .augment import AugmentSettings
from .loop import TrainSettings, train
from .method import METHODS, Method
from .outliers import OutlierSettings
from .pretrain import PretrainSettings, own_checkpoint, pretrain


@dataclass(frozen=True)
class Plan:
    """What decides a training besides the data set.

    Attributes:
        method: one of METHODS
        settings: TrainSettings
        recipe: the method's own settings (None: its defaults)
        augment: impairments of the training frames
        outliers: spoiled frames beside them
        pretrain: how the feature layers are trained as an autoencoder first (None: not)
        architecture: name of the network, one of models.ARCHITECTURES
        network: further settings of the network by name, arguments of its constructor
        input_gain: gain inside the network
        start_from: model whose network is the start (None: a new one)
        frames_per_key: most training frames a class and SNR label (None: all)
        snr_db: SNR labels to train on (None: all)
        split_seed: of the split of the data set
    """

    method: str = "standard"
    settings: TrainSettings = field(default_factory=TrainSettings)
    recipe: object = None
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    outliers: OutlierSettings = field(default_factory=OutlierSettings)
    pretrain: PretrainSettings | None = None
    architecture: str = "vtcnn2"
    network: dict[str, Any] = field(default_factory=dict)
    input_gain: float = 100.0
    start_from: str | None = None
    frames_per_key: int | None = None
    snr_db: list[float] | None = None
    split_seed: int = 0

    def __post_init__(self) -> None:
        kind = METHODS[self.method].Settings
        if self.recipe is not None and (kind is None or not isinstance(self.recipe, kind)):
            raise UserError(f"these are not settings of {self.method}")
        check_settings(self.architecture, self.network)
        if self.start_from and (self.pretrain or self.network):
            what = "pretrain" if self.pretrain else "architecture settings"
            raise UserError(f"{what} and start_from do not go together: one needs a new network")

    def batches(self, frame_count: int) -> Method:
        """The recipe for `frame_count` training frames."""
        return METHODS[self.method](self.recipe, frame_count)


def run(
    plan: Plan,
    dataset: FrameDataset,
    path: AnyPath,
    *,
    more: Iterable[tuple[FrameDataset, AnyPath]] = (),
    device: AnyDevice = "cpu",
    log: Callable[[str], None] | None = None,
    **training: Any,
) -> Classifier:
    """Train by `plan` on the training part of a FrameDataset read from `path`.

    `more` are further data sets, (FrameDataset, path) each, all of whose frames are trained on.
    `log` is called with what is about to be trained, in words; `training` goes to
    :func:`loop.train` (checkpoint, resume, report, dry_run). Returns a Classifier whose
    metadata tell all of it; the same in every process, where there are several.
    """
    chosen = plan.settings
    runtime = Runtime(device, chosen.fast)
    train_set, validation_set = (
        data.part(dataset, name, plan.split_seed).select(snr_db=plan.snr_db)
        for name in ("train", "validation")
    )
    train_set = data.joined([train_set, *(_whole(each, plan, dataset, path) for each in more)])
    train_set = train_set.limit_per_key(plan.frames_per_key, chosen.seed)
    validation_set = validation_set.in_memory()
    torch.manual_seed(chosen.seed)
    network, described, origin = _start(plan, dataset)
    recipe = plan.batches(len(train_set))
    facts = asdict(chosen) | {
        "method": plan.method,
        "start_from": origin,
        "frames_per_key": plan.frames_per_key,
        "train_frames": len(train_set),
        "snr_db": plan.snr_db,
        "more": [provenance.record(*each, None) for each in more],
    }
    if recipe.settings is not None:
        facts[plan.method] = asdict(recipe.settings)
    if plan.augment.share:
        facts["impairments"] = asdict(plan.augment)
    if plan.outliers.share:
        facts["outliers"] = asdict(plan.outliers)
    if plan.pretrain:
        facts["pretrain"] = asdict(plan.pretrain)
    metadata = {
        "architecture": described,
        "frame_length": dataset.frame_length,
        "scaling": found_scaling(dataset).value,
        "defense": {"training": plan.method, "run_time": "none"},
        "training": facts,
        "dataset": provenance.record(dataset, path, plan.split_seed),
    }
    if log:
        log(
            f"training {described['name']} ({plan.method}) on {len(train_set)} frames, "
            f"choosing the epoch on {len(validation_set)}"
        )
    identity = deepcopy(metadata)
    if plan.pretrain:
        pretrain(
            network,
            train_set,
            plan.pretrain,
            runtime,
            seed=chosen.seed,
            identity=identity,
            **training,
        )
    network, history = train(
        network,
        recipe,
        train_set,
        validation_set,
        chosen,
        runtime=runtime,
        identity=identity,
        impairments=plan.augment,
        outliers=plan.outliers,
        **training,
    )
    if plan.pretrain and training.get("checkpoint"):
        own_checkpoint(training["checkpoint"]).unlink(missing_ok=True)
    metadata["metrics"] = {"validation": history.epochs[history.best_epoch]}
    facts |= {"history": history.epochs, "best_epoch": history.best_epoch}
    facts |= {"precision": runtime.precision, "processes": runtime.world}
    return Classifier(network.cpu(), dataset.classes, metadata=metadata)


def _whole(
    extra: tuple[FrameDataset, AnyPath], plan: Plan, dataset: FrameDataset, path: AnyPath
) -> FrameDataset:
    """All training frames of a further data set; UserError if it has some of `dataset`'s."""
    further, name = extra
    if provenance.split_seed_for(dataset, [provenance.record(further, name, 0)]) is not None:
        raise UserError(f"{name} is {path}, which has frames that are not to be trained on")
    labels = plan.snr_db and [each for each in plan.snr_db if each in further.snr_db]
    return further.select(snr_db=labels)


def _start(plan: Plan, dataset: FrameDataset) -> tuple[Network, Document, Document | None]:
    """The network to train, what the metadata says of it, and of the model it starts from."""
    if not plan.start_from:
        network = build(
            plan.architecture,
            len(dataset.classes),
            dataset.frame_length,
            input_gain=plan.input_gain,
            **plan.network,
        )
        described = {"name": plan.architecture, "input_gain": plan.input_gain} | plan.network
        return network, described, None
    model = Classifier.load(plan.start_from, classes=dataset.classes)
    if provenance.split_seed_for(dataset, provenance.seen(model.metadata)) not in (
        None,
        plan.split_seed,
    ):
        raise UserError(f"{plan.start_from} was trained on another split of this data set")
    if not model.metadata.get("training") or not model.metadata.get("dataset"):
        raise UserError(f"{plan.start_from} does not say what it was trained on")
    training = dict(model.metadata["training"])
    training.pop("history", None)
    origin = {"name": model.name, "training": training, "dataset": model.metadata["dataset"]}
    network = _for_length(model, dataset.frame_length)
    return network.requires_grad_(True), model.metadata["architecture"], origin


def _for_length(model: Classifier, frame_length: int) -> Network:
    """A model's network, for frames of another length if its weights do not depend on that."""
    if model.frame_length == frame_length:
        return model.network
    settings = dict(model.metadata["architecture"])
    name = settings.pop("name")
    network = build(name, len(model.classes), frame_length, **settings)
    try:
        network.load_state_dict(model.network.state_dict())
    except RuntimeError:
        raise UserError(
            f"{model.name} takes frames of {model.frame_length} samples, and a network {name} has "
            f"other weights for {frame_length}: it cannot be the start"
        ) from None
    return network
