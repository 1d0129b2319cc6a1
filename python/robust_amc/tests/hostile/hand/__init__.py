"""Cases made by hand: what was found to hurt readers of files, here or elsewhere.

Each is (name, reader, function that writes it into a folder and returns the path, is it cheap).
"""

from . import (
    any_kind,
    checkpoints,
    documents,
    hdf5,
    labeled,
    models,
    npz,
    onnx,
    pickles,
    recordings,
)

# In the names of cases that take a second or more
LARGE = (
    "4 MB", "5 MB", "10 MB", "80,000", "120,000", "50,000", "200,000", "100,000", "30,000",
    "10,000", "million", "many ", "bomb", "4,000 nodes", "10,001", "empty nodes", "empty tensors",
    "bzip2", "lzma", ".pkl sets", ".pkl empty lists", ".pkl dictionaries", ".pkl marks",
    ".pkl tuples", ".pkl None", ".pkl kept None", ".pkl memos", ".pkl a deep",
    ".pkl frames in frames", "deep graphs", "a long text", "doubling", "colliding",
)  # fmt: skip


def cases():
    """All of them."""
    for group in (
        any_kind.cases,
        npz.cases,
        pickles.cases,
        hdf5.cases,
        recordings.cases,
        recordings.raw_cases,
        labeled.cases,
        models.cases,
        onnx.cases,
        checkpoints.cases,
        documents.systems,
        documents.figures,
        documents.sweeps,
    ):
        for name, reader, make, is_cheap in group():
            is_large = any(each in name for each in LARGE)
            yield name, reader, make, is_cheap and not is_large
