"""Writing a data set in any form that has a writer."""

from pathlib import Path

from ..errors import UserError
from . import npz, sigmf_recording

_WRITERS = {".npz": npz.write, sigmf_recording.META: sigmf_recording.write}
SUFFIXES = tuple(_WRITERS)


def targets(path):
    """The files that writing to `path` makes; UserError when its suffix names no form."""
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise UserError(f"{path} must end in one of {', '.join(SUFFIXES)}")
    return (path,) if path.suffix == ".npz" else sigmf_recording.paths(path)


def write(dataset, path, progress=None):
    """Write a FrameDataset in the form that the suffix of `path` names.

    Frames that are still in their file are never all in memory. `progress(done, total)` is
    called with numbers of frames. Raises UserError when the form is unknown, the file cannot
    be written, or frames have NaN or infinite samples; no half file is left.
    """
    targets(path)
    _WRITERS[Path(path).suffix](dataset, path, progress)
