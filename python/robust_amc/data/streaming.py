"""Going through a data set of any size in pieces that fit into memory."""

_SAMPLES = 1 << 20  # of a piece: 8 MB of float32 I and Q


def pieces(dataset, progress=None):
    """Yield the data set in pieces in memory, in order, whatever its frame length.

    `progress(done, total)` is called with numbers of frames after each piece. Raises
    UserError when frames have NaN or infinite samples (see FrameDataset.chunks).
    """
    done = 0
    for piece in dataset.chunks(max(1, _SAMPLES // dataset.frame_length)):
        yield piece
        done += len(piece)
        if progress:
            progress(done, len(dataset))
