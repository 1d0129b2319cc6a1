"""What is in a data set, as plain numbers."""

import hashlib
from typing import Any

import numpy as np

from .. import frames
from ..arrays import Floats
from ..errors import UserError
from ..files import Document
from .dataset import FrameDataset, Progress, pieces
from .formats import radioml_pickle, sample_file

_ENOUGH_FOR_SCALING = 4096  # frames
_SCALING_TOLERANCE = 0.01  # of the sum of magnitudes
_CLOSE = 0.002  # float16 files keep the sum to 0.001
_SOME = 0.1  # share of frames that are scaled on purpose, not by chance


def summary(dataset: FrameDataset, progress: Progress | None = None) -> Document:
    """Describe a FrameDataset as a dictionary that JSON can hold.

    `counts` has the frames of each class at each SNR label where there are any, `scaling` is
    ``sum_abs`` when the magnitudes of every frame that is not all zero add up to 1, else
    ``none``, with the range of the sums in `sum_of_magnitudes`. `problems` is a list of
    ``{problem, count}``. `progress(done, total)` is called with numbers of frames.

    Raises UserError when frames have NaN or infinite samples.
    """
    found = _look_at_frames(dataset, progress)
    spread, zero = _spread(found["sums"])
    levels, counts = _counts(dataset)
    keys = len(dataset.classes) * len(levels)
    problems = {
        "all-zero frames": zero,
        "frames that repeat another one": found["repeated"],
        "samples at full scale (clipped)": found["clipped"],
        "frames whose scale differs from the others (sum_abs and not)": _mixed_scaling(spread),
        "keys (class, SNR) without frames": keys - sum(map(len, counts.values())),
        "keys (class, SNR) with fewer frames than others": _fewer(counts),
        "frames that are each a run of their own": _runs_alone(dataset),
    }
    return {
        "frames": len(dataset),
        "frame_length": dataset.frame_length,
        "sample_rate_hz": dataset.sample_rate_hz,
        "dtype": str(dataset.iq.dtype),
        "classes": list(dataset.classes),
        "snr_db": [float(level) for level in levels],
        "counts": counts,
        "runs": len(np.unique(dataset.run_id)),
        "scaling": _scaling(spread).value,
        "sum_of_magnitudes": [float(spread.min()), float(spread.max())],
        "all_zero_frames": zero,
        "authentic_rml2016_10a": radioml_pickle.is_authentic(dataset),
        "fingerprint": dataset.fingerprint(),
        "problems": [{"problem": name, "count": n} for name, n in problems.items() if n],
        "metadata": dataset.metadata,
    }


def found_scaling(dataset: FrameDataset) -> frames.Scaling:
    """The Scaling that the frames of a FrameDataset have, whatever its metadata says.

    Of a large file that is still on disk, some thousand frames are looked at.
    """
    if dataset.is_lazy:
        dataset = dataset.subset(slice(None, None, 1 + len(dataset) // _ENOUGH_FOR_SCALING))
    sums = np.concatenate([_sums_of_magnitudes(piece.iq) for piece in pieces(dataset)])
    return _scaling(_spread(sums)[0])


def _scaling(spread: Floats) -> frames.Scaling:
    scaled = np.abs(spread - 1).max() < _SCALING_TOLERANCE
    return frames.Scaling.SUM_ABS if scaled else frames.Scaling.NONE


def _spread(sums: Floats) -> tuple[Floats, int]:
    """Sums of magnitudes of the frames that are not all zero, and the number of the others."""
    zero = sums == 0
    return (np.zeros(1) if zero.all() else sums[~zero]), int(zero.sum())


def _sums_of_magnitudes(iq: Floats) -> Floats:
    """Sum of the magnitudes of each frame, float ``[n]``."""
    return np.abs(frames.to_complex(iq)).sum(axis=1, dtype=np.float64)


def _look_at_frames(dataset: FrameDataset, progress: Progress | None) -> dict[str, Any]:
    """Facts that need every sample: all in one pass over the file."""
    limits = _full_scale(dataset.metadata.get("datatype"))
    sums, digests, clipped = [], [], 0
    for piece in pieces(dataset, progress):
        sums.append(_sums_of_magnitudes(piece.iq))
        digests.append(np.array([_digest(frame) for frame in piece.iq[sums[-1] > 0]], np.uint64))
        clipped += int(np.isin(piece.iq, limits).sum())
    repeated = sum(map(len, digests)) - len(np.unique(np.concatenate(digests)))
    return {"sums": np.concatenate(sums), "repeated": repeated, "clipped": clipped}


def _digest(frame: Floats) -> int:
    """A number of 64 bits that hardly two different frames share."""
    content = np.ascontiguousarray(frame).data
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _full_scale(datatype: object) -> tuple[float, ...]:
    """The values of I or Q at which a fixed-point recording clips; none for other data."""
    try:
        dtype = sample_file.parse_datatype(datatype)
    except UserError:  # the metadata can be anybody's
        return ()
    return () if dtype.kind == "f" else (-1.0, 1.0 - 2.0 ** (1 - 8 * dtype.itemsize))


def _counts(dataset: FrameDataset) -> tuple[Floats, dict[str, dict[str, int]]]:
    """The SNR labels, and the frames of each class at each label that it has."""
    levels, level = np.unique(dataset.snr_db, return_inverse=True)
    keys, found = np.unique(dataset.label.astype(int) * len(levels) + level, return_counts=True)
    counts: dict[str, dict[str, int]] = {name: {} for name in dataset.classes}
    for key, count in zip(keys, found):
        label, level = divmod(key, len(levels))
        counts[dataset.classes[label]][f"{levels[level]:g}"] = int(count)
    return levels, counts


def _mixed_scaling(spread: Floats) -> int:
    """Frames that are in the minority: scaled where others are not, or the other way."""
    scaled = int((np.abs(spread - 1) < _CLOSE).sum())
    return min(scaled, len(spread) - scaled) if scaled >= _SOME * len(spread) else 0


def _fewer(counts: dict[str, dict[str, int]]) -> int:
    """How many keys have fewer frames than the largest."""
    found = [count for row in counts.values() for count in row.values()]
    largest = max(found)
    return sum(count < largest for count in found)


def _runs_alone(dataset: FrameDataset) -> int:
    """All frames, when each is a run of its own: splits and intervals then know no runs."""
    alone = len(np.unique(dataset.run_id)) == len(dataset) > 1
    return len(dataset) if alone else 0
