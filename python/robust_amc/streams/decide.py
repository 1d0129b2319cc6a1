"""An engine at work on the frames of a stream or a data set, batch by batch."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .. import frames, power
from ..arrays import listed
from ..data import FrameDataset
from ..decisions import DecisionBatch
from ..inference import InferenceEngine
from ..rejection import conformal
from .frame_sampler import Frames, mean_power
from .recording import Truth


def of_stream(
    engine: InferenceEngine, batches: Iterable[Frames], truth: Truth, limit: int | None = None
) -> Iterator[DecisionBatch]:
    """Yield the DecisionBatch of each batch of frames, at most `limit` frames in all."""
    done = 0
    for batch in batches:
        batch = batch if limit is None else batch[: limit - done]
        names, snr_db = truth.of(batch.offset, engine.frame_length)
        decided = engine.decide(frames.to_iq(batch.samples), posteriors=engine.has_sets)
        yield DecisionBatch.of(
            decided,
            engine.classes,
            engine.threshold,
            frame_index=np.arange(done, done + len(batch)),
            truth=names,
            snr_db=snr_db,
            **conformal.known_sets(engine.document, decided, engine.classes, snr_db),
            sample_offset=batch.offset,
            frame_power_db=power.to_db(batch.power),
        )
        done += len(batch)
        if done == limit:
            return


def of_dataset(
    engine: InferenceEngine,
    dataset: FrameDataset,
    batch_size: int,
    limit: int | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[DecisionBatch]:
    """Yield the DecisionBatches of a FrameDataset in file order, at most `limit` frames in all."""
    chosen = dataset.subset(slice(0, limit))
    done = 0
    for piece in chosen.chunks(batch_size):
        if is_stopped():
            return
        iq = piece.iq.astype(np.float32)
        decided = engine.decide(iq, posteriors=engine.has_sets)
        snr_db = piece.snr_db.astype(np.float64)
        yield DecisionBatch.of(
            decided,
            engine.classes,
            engine.threshold,
            frame_index=np.arange(done, done + len(piece)),
            truth=listed(piece.truth),
            snr_db=snr_db,
            **conformal.known_sets(engine.document, decided, engine.classes, snr_db),
            frame_power_db=power.to_db(mean_power(frames.to_complex(iq))),
        )
        done += len(piece)
