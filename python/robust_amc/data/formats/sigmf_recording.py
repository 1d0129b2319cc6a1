"""SigMF recordings: samples in one file, what they are in another, cut into frames.

The two may be in an archive, a tar file; they are read there.

Our optional extension ``htrd`` keeps what a data set has besides: `htrd:frame_length`,
`htrd:classes` (their order), `htrd:metadata`, and fields of the annotations (see
sigmf_annotations).
"""

import hashlib
import logging
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
from . import sample_file, sigmf_annotations, tar_members
from .bands import Band
from .base import Format
from .sample_file import FilePart, Samples

META, DATA, ARCHIVE = ".sigmf-meta", ".sigmf-data", ".sigmf"
log = logging.getLogger(__name__)

_META_LIMIT = 1 << 25  # bytes
_MOST_ANNOTATIONS = 100_000
_MOST_BANDS = 4096
_HASH_LIMIT = 1 << 28  # bytes; the checksum of a larger file takes longer than it is worth
_VERSION = "1.2.0"  # of SigMF, when the fields that are written got their meaning
_EXTENSIONS = [
    {"name": "capture_details", "version": "1.0.0", "optional": True},
    {"name": "htrd", "version": "1.0.0", "optional": True},
]


def paths(path: AnyPath) -> tuple[Path, Path]:
    """Paths of the metadata and of the samples of a recording, from either of them."""
    path = Path(path)
    in_case = str.upper if path.suffix.isupper() else str
    return path.with_suffix(in_case(META)), path.with_suffix(in_case(DATA))


def is_recording(path: AnyPath) -> bool:
    """Whether a file's name is that of a recording, or of an archive with one."""
    return Path(path).suffix.lower() in (META, DATA, ARCHIVE)


def parts(path: AnyPath) -> tuple[FilePart, FilePart]:
    """Where the metadata and the samples of a recording are, from one of its files or an archive.

    Raises UserError when an archive is damaged, or has not exactly one recording.
    """
    path = Path(path)
    if path.suffix.lower() != ARCHIVE:
        meta, samples = paths(path)
        return FilePart(meta), FilePart(samples)
    found = {each.name: each for each in tar_members.members(path) if each.name[:1] != "."}
    metas = [name for name in found if name.endswith(META)]
    if len(metas) != 1:
        raise UserError(f"{path} has {len(metas)} recordings, not one; unpack it")
    data = metas[0].removesuffix(META) + DATA
    if data not in found:
        raise UserError(f"{path} lacks the samples of its recording, {data}; copy it again")
    return tuple(  # type: ignore[return-value]
        FilePart(path, found[name].first, found[name].size) for name in (metas[0], data)
    )


def read(
    path: AnyPath, frame_length: int | None = None, snr_db: float | None = None
) -> FrameDataset:
    """Open a recording (one of its files, or its archive ``.sigmf``); its frames are lazy.

    `snr_db` is the SNR label of annotations that have none, in dB.

    Frames have `frame_length` samples (None: what the recording says, else 128); what is
    left of an annotation is dropped. Annotations without a label are skipped, and counted
    in the metadata. Without our extension, each annotation is one run, and the classes are
    the labels in alphabetical order. A checksum in the metadata is verified for files up
    to 256 MB. What frequency edges of an annotation mark is shifted to the middle and
    filtered; where that cannot be, a line of log says so. Samples before the first capture
    are in no frame.

    Raises UserError when a file is missing or damaged, they do not agree with each other,
    an annotation lacks the SNR, or none gives a frame.
    """
    meta, samples = parts(path)
    try:
        return _read(read_document(meta), samples, frame_length, snr_db)
    except UserError as error:
        raise UserError(f"{meta.path}: {error}") from None


def read_document(part: FilePart) -> Document:
    """The metadata as a dictionary that is valid SigMF; UserError when they are not."""
    if not os.path.lexists(part.path):
        raise UserError("there is no such file; it says what the samples are")
    text = next(part.blocks(_META_LIMIT + 1), b"")
    if len(text) > _META_LIMIT:
        raise UserError(f"it has more than {_META_LIMIT >> 20} MB; split the recording")
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
    document: Document, part: FilePart, frame_length: int | None, snr_db: float | None
) -> FrameDataset:
    info = document["global"]
    dtype = sample_file.parse_datatype(info["core:datatype"])
    check_conforming(document)
    samples = part.samples(dtype)
    check_hash(part, info.get("core:sha512"))
    # Frames of our own data sets stay whole, and are cut afterward as those of other files
    own_length = info.get("htrd:frame_length")
    length = frames.FRAME_LENGTH if frame_length is None else frame_length
    length = sample_file.check_frame_length(length if own_length is None else own_length)
    stretches, skipped = sigmf_annotations.read(document, len(samples), length, snr_db)
    if unused := skipped.get(sigmf_annotations.UNUSED_EDGES):
        log.warning(
            f"{part.path.name}: the frequency edges of {unused} annotations are not used: there is "
            "no sample rate, or they are not in what was recorded"
        )
    starts, counts = ([getattr(each, name) for each in stretches] for name in ("start", "count"))
    sources = _sources(samples, [each.band for each in stretches])
    classes = _classes(info, stretches)
    dataset = FrameDataset(
        iq=lazy.as_array(
            sample_file.SampleFrames(part.path, sources, starts, counts, length)
        ),
        classes=classes,
        metadata=_metadata(info, part.path) | skipped,
        received=own_length is None,
        **sigmf_annotations.columns(stretches, classes),
    )
    return dataset if frame_length is None else dataset.cut(frame_length)


def _sources(samples: Samples, bands: list[tuple[float, float] | None]) -> list[Samples]:
    """Of each band what its frames are cut from: the same object for the same band."""
    found: dict[tuple[float, float] | None, Samples] = {None: samples}
    for band in bands:
        if band is not None:
            found.setdefault(band, Band(samples, *band))
    if len(found) > _MOST_BANDS:
        raise UserError(f"it has more than {_MOST_BANDS} different bands; split the recording")
    return [found[band] for band in bands]


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


def check_hash(part: FilePart, expected: str | None) -> None:
    """UserError unless samples have the SHA-512 `expected` (None, or huge ones: not checked)."""
    size = reading.require_regular(part.path).st_size if part.size is None else part.size
    if expected is None or size > _HASH_LIMIT:
        return
    digest = hashlib.sha512()
    for block in part.blocks():
        digest.update(block)
    if digest.hexdigest() != expected.lower():
        raise UserError(f"{part.path.name} does not have the checksum core:sha512; copy it again")


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
    rate = dataset.sample_rate_hz
    document: Document = {
        "global": _global(dataset),
        # Edges of annotations count from its frequency: viewers take none for no number
        "captures": [{"core:sample_start": 0} | ({"core:frequency": 0.0} if rate else {})],
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
    suffixes=(META, DATA, ARCHIVE),
    sniff=lambda start, path: is_recording(path),
    read=lambda path, frame_length, facts: read(path, frame_length, facts.snr_db),
    write=write,
    targets=paths,
    facts=frozenset({"snr_db"}),
)
