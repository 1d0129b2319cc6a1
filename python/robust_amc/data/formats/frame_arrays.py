"""A data set from an array of frames of one modulation, which its file does not name."""

from pathlib import Path

import numpy as np

from ... import frames
from ...arrays import Array
from ...errors import UserError
from ...files import AnyPath, Document
from ..dataset import FrameDataset
from . import raw, sample_file
from .base import RawFacts

FACTS = frozenset(raw.OPTIONS)
FORM = "complex frames [n, length], real ones [n, 2, length], or complex samples [n] of a recording"
_NEEDED = {name: option for name, option in raw.OPTIONS.items() if name != "sample_rate_hz"}


def labeled(
    path: AnyPath, array: Array, facts: RawFacts, frame_length: int | None, about: Document
) -> FrameDataset:
    """The FrameDataset of an array, see FORM; its frames are in memory.

    Of frames each is a run of its own. Samples are cut into frames of `frame_length` (None:
    128) of one run; a rest is dropped. `about` goes to the metadata. Raises UserError when the
    array has another form, or a fact is missing or absurd.
    """
    modulation, snr_db = raw.label(path, facts, _NEEDED)
    # MATLAB's vectors have two dimensions
    is_stream = array.dtype.kind == "c" and array.ndim in (1, 2) and max(array.shape) == array.size
    with np.errstate(over="ignore"):  # what overflows is not finite, and refused as such
        if is_stream:
            length = frames.FRAME_LENGTH if frame_length is None else frame_length
            count = array.size // sample_file.check_frame_length(length)
            samples = array.reshape(-1)[: count * length].astype(np.complex64)
            iq = frames.to_iq(samples.reshape(count, length))
        elif array.dtype.kind == "c" and array.ndim == 2:
            iq = frames.to_iq(array.astype(np.complex64, copy=False))
        elif array.dtype.kind == "f" and array.ndim == 3 and array.shape[1] == 2:
            iq = array.astype(np.float32, copy=False)
        else:
            raise UserError(f"{path} holds {array.dtype} {array.shape}; it must hold {FORM}")
    runs = np.zeros(len(iq)) if is_stream else np.arange(len(iq))
    known = {} if facts.sample_rate_hz is None else {"sample_rate_hz": float(facts.sample_rate_hz)}
    return FrameDataset(
        iq=iq,
        label=np.zeros(len(iq), np.int16),
        classes=(modulation,),
        snr_db=np.full(len(iq), snr_db, np.float32),
        run_id=runs.astype(np.int32),
        metadata={
            "source": Path(path).name,
            **about,
            **known,
            "run_id": "all frames of the file are one run"
            if is_stream
            else "unknown: each frame is taken as a run of its own",
        },
        received=True,
    )
