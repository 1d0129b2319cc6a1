"""Going through a data set of any size in pieces that fit into memory."""


def pieces(dataset, progress=None):
    """Yield the data set in pieces in memory, in order (see FrameDataset.chunks).

    `progress(done, total)` is called with numbers of frames after each piece. Raises
    UserError when frames have NaN or infinite samples.
    """
    done = 0
    for piece in dataset.chunks():
        yield piece
        done += len(piece)
        if progress:
            progress(done, len(dataset))
