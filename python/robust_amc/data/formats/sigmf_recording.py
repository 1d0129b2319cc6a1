"""SigMF recordings: samples in one file, what they are in another, cut into frames.

Our optional extension ``htrd`` keeps what a data set has besides: `htrd:frame_length`,
`htrd:classes` (their order), `htrd:metadata`, and fields of the annotations (see
sigmf_annotations).
"""

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from jsonschema import Draft202012Validator
from sigmf import schema

from ... import frames, json_text, reading
from ...errors import UserError
from ...files import AnyPath, Document, replacing
from .. import lazy
from ..dataset import FrameDataset, Progress, pieces
from . import sample_file, sigmf_annotations
from .base import Format

META, DATA = ".sigmf-meta", ".sigmf-data"

_META_LIMIT = 1 << 24  # bytes
_MOST_ANNOTATIONS = 100_000
_HASH_LIMIT = 1 << 28  # bytes; the checksum of a larger file takes longer than it is worth
_VERSION = "1.2.0"  # of SigMF, when the fields that are written got their meaning
_EXTENSIONS = [
    {"name": "capture_details", "version": "1.0.0", "optional": True},
    {"name": "htrd", "version": "1.0.0", "optional": True},
]


def paths(path: AnyPath) -> tuple[Path, Path]:
    """Paths of the metadata and of the samples of a recording, from either of them."""
    path = Path(path)
    return path.with_suffix(META), path.with_suffix(DATA)


def read(
    path: AnyPath, frame_length: int | None = None, snr_db: float | None = None
) -> FrameDataset:
    """Open a recording (its ``.sigmf-meta`` or ``.sigmf-data``); its frames are lazy.

    `snr_db` is the SNR label of annotations that have none, in dB.

    Frames have `frame_length` samples (None: what the recording says, else 128); what is
    left of an annotation is dropped. Annotations without a label are skipped, and counted
    in the metadata. Without our extension, each annotation is one run, and the classes are
    the labels in alphabetical order. A checksum in the metadata is verified for files up
    to 256 MB.

    Raises UserError when a file is missing or damaged, they do not agree with each other,
    an annotation lacks the SNR, or none gives a frame.
    """
    meta, samples = paths(path)
    try:
        return _read(read_document(meta), samples, frame_length, snr_db)
    except UserError as error:
        raise UserError(f"{meta}: {error}") from None


def read_document(path: AnyPath) -> Document:
    """The metadata file as a dictionary that is valid SigMF; UserError when it is not."""
    if not os.path.lexists(path):
        raise UserError("there is no such file; it says what the samples are")
    text = reading.content(path, _META_LIMIT, "the metadata of a recording")
    document = json_text.parse(text, "the file")
    # The first error only: a hostile file can have millions
    for wrong in _validator().iter_errors(document):
        what = str(wrong.message)[:100]
        raise UserError(f"it is not valid SigMF: {wrong.json_path}: {what!r}; mend it")
    return document


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema.get_schema())


def _read(
    document: Document, path: Path, frame_length: int | None, snr_db: float | None
) -> FrameDataset:
    info = document["global"]
    dtype = sample_file.parse_datatype(info["core:datatype"])
    check_conforming(document)
    samples = sample_file.count_samples(path, dtype)
    check_hash(path, info.get("core:sha512"))
    # Frames of our own data sets stay whole, and are cut afterward as those of other files
    own_length = info.get("htrd:frame_length")
    length = frames.FRAME_LENGTH if frame_length is None else frame_length
    length = sample_file.check_frame_length(length if own_length is None else own_length)
    stretches, skipped = sigmf_annotations.read(document, samples, length, snr_db)
    starts, counts = ([getattr(each, name) for each in stretches] for name in ("start", "count"))
    classes = _classes(info, stretches)
    dataset = FrameDataset(
        iq=lazy.as_array(sample_file.SampleFrames(path, dtype, starts, counts, length)),
        classes=classes,
        metadata=_metadata(info, path) | skipped,
        **sigmf_annotations.columns(stretches, classes),
    )
    return dataset if frame_length is None else dataset.cut(frame_length)


def check_conforming(document: Document) -> None:
    """UserError unless the samples are of one channel and alone in their file."""
    info = document["global"]
    if info.get("core:num_channels", 1) > 1:
        raise UserError("it has several channels; make a recording of each")
    elsewhere = info.get("core:metadata_only") or info.get("core:dataset")
    headers = [capture.get("core:header_bytes") for capture in document["captures"]]
    if elsewhere or info.get("core:trailing_bytes") or any(headers):
        raise UserError(
            f"its samples are not in a plain {DATA} file (core:dataset, core:metadata_only, "
            "core:header_bytes or core:trailing_bytes is set); convert it to one"
        )


def check_hash(path: Path, expected: str | None) -> None:
    """UserError unless a file has the SHA-512 `expected` (None, or the file huge: not checked)."""
    if expected is None or reading.require_regular(path).st_size > _HASH_LIMIT:
        return
    digest = hashlib.sha512()
    with reading.opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != expected.lower():
        raise UserError(f"{path.name} does not have the checksum core:sha512; copy both again")


def _classes(info: Document, stretches: list[sigmf_annotations.Stretch]) -> tuple[str, ...]:
    used = sorted({each.label for each in stretches})
    classes = info.get("htrd:classes", used)
    if not isinstance(classes, list):
        raise UserError("htrd:classes is not a list of names")
    _check_names(classes)
    strangers = set(used) - set(classes)
    if strangers:
        raise UserError(f"htrd:classes lacks the label {min(strangers)[:40]!r}")
    if len(classes) > np.iinfo(np.int16).max:
        raise UserError(f"it has {len(classes)} different labels; those are not modulations")
    return tuple(classes)


def _check_names(classes: Iterable[object]) -> None:
    for name in classes:
        if not (isinstance(name, str) and name and name.isprintable()):
            raise UserError(
                f"{str(name)[:40]!r} is not the name of a class in a recording; rename it"
            )


def _metadata(info: Document, path: Path) -> Document:
    own = info.get("htrd:metadata")
    if own is not None:
        if not isinstance(own, dict):
            raise UserError("htrd:metadata is not a JSON object")
        return own
    rate = info.get("core:sample_rate")
    return {
        "source": path.name,
        "format": "SigMF",
        "datatype": info["core:datatype"],
        **({} if rate is None else {"sample_rate_hz": float(rate)}),
        "run_id": "each annotation is taken as a run",
    }


def write(dataset: FrameDataset, path: AnyPath, progress: Progress | None = None) -> None:
    """Write a FrameDataset as a recording: its frames one after the other, as cf32_le.

    The same data set gives the same bytes. `progress(done, total)` is called with numbers
    of frames. Raises UserError when a file cannot be written, a class has no printable
    name, or the frames change their class, SNR or run so often that the annotations are too
    many; nothing is left then.
    """
    meta, samples = paths(path)
    document: Document = {
        "global": _global(dataset),
        "captures": [{"core:sample_start": 0}],
        "annotations": list(islice(sigmf_annotations.write(dataset), _MOST_ANNOTATIONS + 1)),
    }
    too_many = len(document["annotations"]) > _MOST_ANNOTATIONS
    # 1024 bytes for the checksum, which is still missing
    if too_many or len(json_text.dump(document)) > _META_LIMIT - 1024:
        raise UserError(
            f"the frames need too many annotations for {meta}; order them by class, SNR and "
            "run, take fewer, or write an .npz"
        )
    # The samples get their name first: metadata never describe another file
    with replacing(meta) as temporary_meta, replacing(samples) as temporary_samples:
        document["global"]["core:sha512"] = _write_samples(dataset, temporary_samples, progress)
        temporary_meta.write_text(json_text.dump(document) + "\n")


def _global(dataset: FrameDataset) -> Document:
    rate = dataset.sample_rate_hz
    return {
        "core:datatype": "cf32_le",
        "core:version": _VERSION,
        "core:extensions": _EXTENSIONS,
        **({"core:sample_rate": rate} if rate else {}),
        "htrd:frame_length": dataset.frame_length,
        "htrd:classes": list(dataset.classes),
        "htrd:metadata": dataset.metadata,
    }


def _write_samples(dataset: FrameDataset, path: Path, progress: Progress | None) -> str:
    """Write the samples; returns their SHA-512."""
    digest = hashlib.sha512()
    with open(path, "wb") as file:
        for piece in pieces(dataset, progress):
            block = np.ascontiguousarray(piece.iq.swapaxes(1, 2), "<f4").data
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


FORMAT = Format(
    description="a SigMF recording",
    suffixes=(META, DATA),
    sniff=lambda start, path: path.suffix in (META, DATA),
    read=lambda path, frame_length, facts: read(path, frame_length, facts.snr_db),
    write=write,
    targets=paths,
    facts=frozenset({"snr_db"}),
)
