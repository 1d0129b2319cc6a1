"""Which data a model has seen, so that no evaluation runs on training frames unnoticed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import FrameDataset, Part
from .errors import UserError
from .files import AnyPath, Document

if TYPE_CHECKING:
    from .classifier import Classifier


def record(dataset: FrameDataset, path: AnyPath, split_seed: int | None) -> Document:
    """What a model's metadata says of a data set that it was trained or calibrated on.

    `split_seed` is None where all of it was trained on.
    """
    return {
        "name": Path(path).name,
        "fingerprint": dataset.fingerprint(),
        "layout": dataset.layout(),
        "split_seed": split_seed,
        "metadata": dataset.metadata,
    }


def seen(metadata: Document) -> list[Document]:
    """Records of every data set behind a model: its own, its rejector's, its ancestors'.

    And that of its conformal calibration.
    """
    training = metadata.get("training", {})
    found = [metadata.get("dataset")]
    found += [metadata.get(part, {}).get("dataset") for part in ("rejector", "conformal")]
    found += training.get("more", [])
    origin = training.get("start_from")
    if origin:
        found += seen(origin)
    return [each for each in found if each]


def knows_field(metadata: Document) -> bool:
    """Whether a model was trained on frames as the front end leaves them: mode `field`.

    Then it knows analog signals as they are brought to one width.
    """
    return any(each["metadata"].get("mode") == "field" for each in seen(metadata))


def ancestors(metadata: Document) -> list[str]:
    """Fingerprints of what a data set was converted from; the metadata can be anybody's."""
    found = metadata.get("derived_from", [])
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def split_seed_for(dataset: FrameDataset, records: Iterable[Document]) -> int | None:
    """Seed of the split that `records` made of `dataset`; None if they do not contain it.

    Of a generated data set the seed and the layout say that it is the same, see
    :meth:`FrameDataset.layout`. Raises UserError when they contain all of it or it with different
    splits, or frames of it in another file: the generator gives the same frames for the same seed.
    """
    records = list(records)
    fingerprint, layout = dataset.fingerprint(), dataset.layout()
    generator = _generator(dataset.metadata)

    def is_same(record: Document) -> bool:
        if record["fingerprint"] == fingerprint:
            return True
        made = generator is not None and generator == _generator(record["metadata"])
        return made and record.get("layout") == layout

    seeds = {each["split_seed"] for each in records if is_same(each)}
    if None in seeds:
        raise UserError("a model was trained or calibrated on all of this data set")
    if len(seeds) > 1:
        raise UserError(
            "this data set was split with different seeds: what is a test frame for one is a "
            "training frame for the other"
        )
    if seeds:
        return seeds.pop()
    for each in records:
        if _lineage(fingerprint, dataset.metadata) & _lineage(
            each["fingerprint"], each["metadata"]
        ):
            raise UserError(
                f"this data set and {each['name']}, which the model was trained on, were "
                "converted one from the other, or both from one: frames may be the same; give "
                "the file that the model was trained on"
            )
        if generator and generator == _generator(each["metadata"]):
            raise UserError(
                f"this data set was generated with the same seed ({generator[-1]}) as "
                f"{each['name']}, which the model was trained on, so frames are the same; "
                "generate one with another seed"
            )
    return None


def part_to_evaluate(
    dataset: FrameDataset, models: Iterable[Classifier], wanted: Part | None = None
) -> tuple[Part, int]:
    """The Part of `dataset` to evaluate `models` on, and the seed of its split.

    All of it, unless a model has seen it: then the test part. Raises UserError when
    `wanted` is all of a data set that was seen.
    """
    records = [each for model in models for each in seen(model.metadata)]
    split_seed = split_seed_for(dataset, records)
    if split_seed is None:
        return wanted or Part.ALL, 0
    if wanted is Part.ALL:
        raise UserError("a model was trained on this data set: choose one of its parts")
    return wanted or Part.TEST, split_seed


def _lineage(fingerprint: str, metadata: Document) -> set[str]:
    """Fingerprints of a data set and of what it was converted from."""
    return {fingerprint, *ancestors(metadata)}


def _generator(metadata: Document) -> tuple[Any, ...] | None:
    """What decides a generated frame, (generator, mode, seed); None for other data."""
    if "generator" not in metadata or "seed" not in metadata:
        return None
    return metadata["generator"], metadata.get("mode"), metadata["seed"]
