#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where viewers draw the annotations of a SigMF recording: a picture by their rules.

The rules are those of IQEngine (annotation-viewer.tsx of 2025-10-07) and inspectrum
(spectrogramplot.cpp of 2025-12-01), written anew.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from robust_amc.cli.console import out, run
from robust_amc.cli.options import check_writable
from robust_amc.data.formats import sigmf_recording
from robust_amc.data.formats.sample_file import parse_datatype
from robust_amc.errors import UserError
from robust_amc.files import replacing

BINS = 512
MOST_ROWS = 200
AVERAGED = 8  # transforms in a row
ROUNDING = 1e-9


@dataclass(frozen=True)
class Box:
    """A box in a picture of the whole recording, all in shares of it.

    NaN and edges outside of 0 … 1 are what a viewer makes of an annotation that lacks a field.

    Attributes:
        left, right: from the lowest frequency, 0, to the highest, 1
        top, bottom: from the first sample, 0, to after the last, 1
        text: that stands at it
    """

    left: float
    right: float
    top: float
    bottom: float
    text: str

    @property
    def is_visible(self) -> bool:
        """Whether there is something to see, all of it in the picture."""
        sides = (self.left, self.right), (self.top, self.bottom)
        # NaN compares with nothing
        return all(-ROUNDING <= one < other <= 1 + ROUNDING for one, other in sides)


def iqengine(document, samples):
    """The boxes that IQEngine draws of the metadata `document`, for so many `samples`.

    Edges count from the frequency of the capture in which an annotation begins. What lacks is no
    number; without a sample count there is no box.
    """
    rate = document["global"].get("core:sample_rate", 1)
    boxes = []
    for each in document["annotations"]:
        if not each.get("core:sample_count"):
            continue
        tuned = math.nan
        for capture in document["captures"]:
            if capture["core:sample_start"] <= each["core:sample_start"]:
                tuned = capture.get("core:frequency", math.nan)
        left, right = (
            (each.get(f"core:freq_{edge}_edge", math.nan) - tuned) / rate + 0.5
            for edge in ("lower", "upper")
        )
        start = each["core:sample_start"]
        text = each.get("core:label", each.get("core:description", ""))
        end = start + each["core:sample_count"]
        boxes.append(Box(left, right, start / samples, end / samples, text))
    return boxes


def inspectrum(document, samples):
    """The boxes that inspectrum draws; its picture lies on its side.

    Edges count from the frequency of the last capture that has one, and what lacks is 0. A box
    ends with its last sample.
    """
    rate = document["global"].get("core:sample_rate", math.nan)
    tuned = 0.0
    for capture in document["captures"]:
        tuned = capture.get("core:frequency", tuned)
    boxes = []
    for each in document["annotations"]:
        upper = each.get("core:freq_upper_edge", 0.0)
        height = (upper - each.get("core:freq_lower_edge", 0.0)) / rate
        right = (upper - tuned) / rate + 0.5
        start = each["core:sample_start"]
        end = start + each.get("core:sample_count", 0) - 1
        text = each.get("core:label") or each.get("core:description", "")
        boxes.append(Box(right - height, right, start / samples, end / samples, text))
    return boxes


def spectra(path, dtype):
    """Levels in dB, ``[rows, bins]``, and the number of samples of a file."""
    values = np.memmap(path, dtype, "r").reshape(-1, 2)
    rows = min(MOST_ROWS, len(values) // BINS)
    if not rows:
        raise UserError(f"{path} has {len(values)} samples, too few for a spectrum of {BINS}")
    starts = np.linspace(0, len(values) - BINS, rows * AVERAGED).astype(int)
    pieces = np.stack([values[start : start + BINS] for start in starts]).astype(np.float32)
    if dtype.kind == "u":
        pieces -= 2 ** (8 * dtype.itemsize - 1)
    turned = np.fft.fft((pieces[..., 0] + 1j * pieces[..., 1]) * np.hanning(BINS))
    power = (np.abs(turned) ** 2).reshape(rows, AVERAGED, BINS).mean(1)
    return 10 * np.log10(np.fft.fftshift(power, 1) + 1e-12), len(values)


def draw(
    source: Annotated[Path, typer.Argument(help="The recording (.sigmf-meta).")],
    output: Annotated[Path, typer.Argument(help="The picture (.png, .svg, .pdf).")],
):
    """Draw the annotations of a recording as IQEngine and inspectrum place them."""
    check_writable(output, (".png", ".svg", ".pdf"))
    meta, data = sigmf_recording.parts(source)
    if data.size is not None:
        raise UserError(f"{source} is an archive; unpack it")
    document = sigmf_recording.read_document(meta)
    level, samples = spectra(data.path, parse_datatype(document["global"]["core:datatype"]))
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    figure, both = pyplot.subplots(1, 2, figsize=(12, 6), constrained_layout=True)
    noise = float(np.median(level))
    for axes, rules, name in zip(both, (iqengine, inspectrum), ("IQEngine", "inspectrum")):
        boxes = rules(document, samples)
        seen = [each for each in boxes if each.is_visible]
        axes.imshow(level, aspect="auto", extent=(0, 1, 1, 0), vmin=noise, vmax=noise + 35)
        for box in seen:
            size = box.right - box.left, box.bottom - box.top
            axes.add_patch(Rectangle((box.left, box.top), *size, fill=False, edgecolor="white"))
            place = "bottom" if box.top > 0.05 else "top"  # not out of the picture
            axes.text(box.left, box.top, box.text, color="white", va=place, parse_math=False)
        axes.set(title=f"{name}: {len(seen)} of {len(boxes)} boxes", xlim=(0, 1), ylim=(1, 0),
                 xlabel="frequency (share of the band)", ylabel="time (share of the recording)")
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=80)
    pyplot.close(figure)
    out.print(f"{output}: {len(document['annotations'])} annotations", highlight=False)


if __name__ == "__main__":
    run(lambda: typer.run(draw))
