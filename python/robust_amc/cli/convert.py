"""`htrd dataset convert`: from any format that can be read to any that can be written."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import data, provenance
from ..data import FrameDataset
from ..data.formats import raw, registry
from ..data.rescaled import rescaled
from ..errors import UserError
from ..frames import Scaling
from .console import counting, out
from .options import parse_floats, parse_names, refuse_overwriting


class OutputScaling(StrEnum):
    """How frames are scaled in the output."""

    AUTO = "auto"
    AS_IS = "as_is"
    SUM_ABS = Scaling.SUM_ABS.value


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help=f"The file to read: {registry.readable()}; or 'sample'.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help=f"The file to write: {' or '.join(registry.writable())}.")
    ],
    frame_length: Annotated[
        int | None,
        typer.Option(
            min=1, help="Samples in a frame (default: as they are; recordings: 128, or their own)."
        ),
    ] = None,
    scaling: Annotated[
        OutputScaling,
        typer.Option(
            help="sum_abs: the magnitudes of each frame add up to 1, as in RadioML and as models "
            "expect; auto: so for recordings, as_is for data sets."
        ),
    ] = OutputScaling.AUTO,
    half: Annotated[
        bool,
        typer.Option(
            "--half",
            help=f"Write half precision ({', '.join(registry.writable(half_precision=True))}): "
            "half the size.",
        ),
    ] = False,
    classes: Annotated[
        str | None, typer.Option(help="Only these modulations, comma-separated.")
    ] = None,
    snr: Annotated[str | None, typer.Option(help="Only these SNR labels, in dB.")] = None,
    sample_rate: Annotated[
        float | None,
        typer.Option(help="Of raw samples, in Hz; of a WAV file instead of what its header says."),
    ] = None,
    modulation: Annotated[
        str | None, typer.Option(help="Of raw samples, WAV files and arrays: their class.")
    ] = None,
    label_snr: Annotated[
        float | None,
        typer.Option(help="SNR label in dB, of raw samples and of annotations without one."),
    ] = None,
    datatype: Annotated[
        str | None,
        typer.Option(
            help="Type of raw samples whose name does not say it, as SigMF names it: cf32_le, "
            "ci16_le, cu8, …"
        ),
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option(help="Of a part of RadioML 2018.01A: names of the columns of Y, in order."),
    ] = None,
) -> None:
    """Convert a data set or a recording into another format, or into a part of it.

    What a file says of itself needs no option. Recordings and HDF5 files of any size are
    converted piece by piece. The class list stays whole when only some classes are taken, so
    that labels keep their numbers.
    """
    for target in registry.targets(output):
        refuse_overwriting(target)
    if half and output.suffix not in registry.writable(half_precision=True):
        suffixes = ", ".join(registry.writable(half_precision=True))
        raise UserError(f"{output} holds single precision; --half is for {suffixes}")
    names = None if class_names is None else tuple(parse_names(class_names))
    facts = raw.RawFacts(sample_rate, modulation, label_snr, datatype, names)
    dataset = data.read(source, frame_length, facts)
    ancestors = _ancestors(dataset, source, facts)
    origin = {"converted_from": Path(source).name, "derived_from": ancestors}
    if classes is not None or snr is not None:
        dataset = dataset.select(parse_names(classes), parse_floats(snr))
    if scaling is OutputScaling.AUTO:
        scaling = OutputScaling.SUM_ABS if dataset.received else OutputScaling.AS_IS
    wanted = None if scaling is OutputScaling.AS_IS else Scaling(scaling.value)
    dataset = rescaled(dataset, wanted, half)
    dataset = replace(dataset, metadata=dataset.metadata | origin)
    with counting("converting") as show:
        registry.write(dataset, output, show)
    size = sum(target.stat().st_size for target in registry.targets(output)) / 1e6
    out.print(
        f"{output}: {len(dataset)} frames of {dataset.frame_length} samples, {size:.1f} MB",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _ancestors(dataset: FrameDataset, source: str, facts: raw.RawFacts) -> list[str]:
    """Fingerprints by which a model's training frames are known again in a part of their file."""
    found = [*provenance.ancestors(dataset.metadata), dataset.fingerprint()]
    if dataset.metadata.get("cut_from_frame_length"):
        found.append(data.read(source, raw_facts=facts).fingerprint())
    return list(dict.fromkeys(found))
