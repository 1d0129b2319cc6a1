"""A data format: text, a frame a line: class, SNR label, then I and Q of each sample in turn."""

from pathlib import Path

import numpy as np
from robust_amc.data import FrameDataset
from robust_amc.data.formats.base import Format
from robust_amc.errors import UserError

FIRST = b"# frames as columns\n"


def read(path, frame_length, facts):
    """The FrameDataset of a file; UserError when a line is not of the form."""
    names, levels, samples = [], [], []
    for number, line in enumerate(Path(path).read_text().splitlines()[1:], 2):
        try:
            name, level, *values = line.split()
            names.append(name)
            levels.append(float(level))
            samples.append(np.array(values, np.float32).reshape(-1, 2).T)
        except ValueError:
            raise UserError(f"{path}: line {number} is no frame") from None
    if len({each.shape for each in samples}) != 1:
        raise UserError(f"{path}: the frames differ in length, or there are none")
    classes = tuple(sorted(set(names)))
    return FrameDataset(
        np.stack(samples),
        np.array([classes.index(name) for name in names], np.int16),
        classes,
        np.array(levels, np.float32),
        np.arange(len(names), dtype=np.int32),
    )


def write(dataset, path, progress):
    """Write a FrameDataset."""
    with open(path, "wb") as file:
        file.write(FIRST)
        for done, (iq, label, level) in enumerate(
            zip(dataset.iq, dataset.label, dataset.snr_db, strict=True), 1
        ):
            values = " ".join(f"{value:.7g}" for value in iq.T.ravel())
            file.write(f"{dataset.classes[label]} {level:g} {values}\n".encode())
            if progress:
                progress(done, len(dataset.label))


FORMAT = Format(
    description="frames as columns of text",
    suffixes=(".columns",),
    sniff=lambda start, path: start.startswith(FIRST),
    read=read,
    write=write,
)
