"""What is in a data set, as plain numbers."""

import numpy as np

from .. import frames
from . import radioml

_ENOUGH_FOR_SCALING = 4096  # frames
_SCALING_TOLERANCE = 0.01  # of the sum of magnitudes; float16 files keep it to 0.001


def summary(dataset):
    """Describe a FrameDataset as a dictionary that JSON can hold.

    `counts` has the frames of each class at each SNR label, `scaling` is ``sum_abs`` when
    the magnitudes of every frame that is not all zero add up to 1, else ``none``, with
    the range of the sums in `sum_of_magnitudes`.
    """
    spread, zero = _spread(dataset)
    levels = np.unique(dataset.snr_db)
    return {
        "frames": len(dataset),
        "frame_length": dataset.frame_length,
        "dtype": str(dataset.iq.dtype),
        "classes": list(dataset.classes),
        "snr_db": [float(level) for level in levels],
        "counts": {
            name: {
                f"{level:g}": int(np.sum((dataset.label == i) & (dataset.snr_db == level)))
                for level in levels
            }
            for i, name in enumerate(dataset.classes)
        },
        "runs": len(np.unique(dataset.run_id)),
        "scaling": _scaling(spread).value,
        "sum_of_magnitudes": [float(spread.min()), float(spread.max())],
        "all_zero_frames": zero,
        "authentic_rml2016_10a": radioml.is_authentic(dataset),
        "fingerprint": dataset.fingerprint(),
        "metadata": dataset.metadata,
    }


def found_scaling(dataset):
    """The Scaling that the frames of a FrameDataset have, whatever its metadata says.

    Of a large file that is still on disk, some thousand frames are looked at.
    """
    if dataset.is_lazy:
        dataset = dataset.subset(slice(None, None, 1 + len(dataset) // _ENOUGH_FOR_SCALING))
    return _scaling(_spread(dataset)[0])


def _scaling(spread):
    scaled = np.abs(spread - 1).max() < _SCALING_TOLERANCE
    return frames.Scaling.SUM_ABS if scaled else frames.Scaling.NONE


def _spread(dataset):
    """Sums of magnitudes of the frames that are not all zero, and the number of the others."""
    sums = _sums_of_magnitudes(dataset)
    zero = sums == 0
    return (np.zeros(1) if zero.all() else sums[~zero]), int(zero.sum())


def _sums_of_magnitudes(dataset):
    """Sum of the magnitudes of each frame, float ``[n]``."""
    sums = [
        np.abs(frames.to_complex(piece.iq)).sum(axis=1, dtype=np.float64)
        for piece in dataset.chunks()
    ]
    return np.concatenate(sums)
