"""Frames that stay in their file, and frames cut from longer ones."""

from dataclasses import replace

import numpy as np
import pytest

from robust_amc.data import FrameDataset, lazy
from robust_amc.errors import UserError


class Counting(lazy.LazyFrames):
    """Frames that are computed from their number, and remember what was asked of them."""

    def __init__(self, count, length=8):
        super().__init__(count, length)
        self.most = 0

    def fetch(self, rows):
        self.most = max(self.most, len(rows))
        return values(rows, self.shape[2])


def values(rows, length=8):
    base = np.asarray(rows, np.float32)[:, None, None] * 100
    return base + np.arange(2, dtype=np.float32)[:, None] * 50 + np.arange(length, dtype=np.float32)


def dataset(iq):
    count = len(iq)
    return FrameDataset(
        iq=iq,
        label=(np.arange(count) % 3).astype(np.int16),
        classes=("a", "b", "c"),
        snr_db=np.repeat(np.float32([0, 10]), count // 2),
        run_id=np.arange(count, dtype=np.int32),
        extra={"true_snr_db": np.arange(count, dtype=np.float32)},
    )


@pytest.fixture
def both():
    """The same data set lazy and in memory."""
    return dataset(Counting(60)), dataset(values(np.arange(60)))


@pytest.mark.parametrize(
    "pick",
    [
        lambda d: d,
        lambda d: d.select(["b"], [10]),
        lambda d: d.limit(7, 3),
        lambda d: d.limit_per_key(2, 3),
        lambda d: d.subset(np.arange(60)[::-1]).subset([5, 5, 1]),
        lambda d: d.subset(np.arange(60) % 7 == 0),
        lambda d: d.cut(3),
        lambda d: d.select(["c"]).cut(4).subset(slice(3, 20, 2)),
        lambda d: d.cut(4).cut(2),
    ],
)
def test_lazy_is_the_same_as_in_memory(both, pick):
    late, early = map(pick, both)
    assert late.is_lazy and not early.is_lazy
    np.testing.assert_array_equal(late.in_memory().iq, early.iq)
    np.testing.assert_array_equal(late.iq[2], early.iq[2])
    np.testing.assert_array_equal(late.iq[[1, 0, 1]], early.iq[[1, 0, 1]])
    for name in ("label", "snr_db", "run_id"):
        np.testing.assert_array_equal(getattr(late, name), getattr(early, name))
    np.testing.assert_array_equal(late.extra["true_snr_db"], early.extra["true_snr_db"])
    assert late.fingerprint() == early.fingerprint()


def test_cut_takes_neighboring_samples_of_one_frame():
    whole = dataset(values(np.arange(6), 8))
    pieces = whole.cut(3)
    assert pieces.iq.shape == (12, 2, 3)
    np.testing.assert_array_equal(pieces.iq[5], whole.iq[2, :, 3:6])
    np.testing.assert_array_equal(pieces.label, np.repeat(whole.label, 2))
    np.testing.assert_array_equal(pieces.run_id, np.repeat(whole.run_id, 2))
    assert pieces.metadata["cut_from_frame_length"] == 8
    assert whole.cut(8) is whole


@pytest.mark.parametrize("length", [9, 0, -1])
def test_cut_to_an_impossible_length(both, length):
    for each in both:
        with pytest.raises(UserError, match="cannot be cut from frames of 8"):
            each.cut(length)


def test_chunks_are_read_piece_by_piece():
    late = dataset(Counting(60))
    pieces = list(late.chunks(16))
    assert [len(piece) for piece in pieces] == [16, 16, 16, 12]
    assert late.iq.most == 16 and not any(piece.is_lazy for piece in pieces)
    np.testing.assert_array_equal(
        np.concatenate([piece.iq for piece in pieces]), values(np.arange(60))
    )


def test_chunks_refuse_nan_and_name_the_frame():
    class Broken(Counting):
        def fetch(self, rows):
            return np.where((rows == 37)[:, None, None], np.nan, super().fetch(rows))

    with pytest.raises(UserError, match=r"frames 37\)"):
        list(dataset(Broken(60)).chunks(16))


def test_too_large_for_memory():
    late = Counting(10, length=2**52)
    with pytest.raises(UserError, match="do not fit into memory"):
        dataset(late).in_memory()


@pytest.mark.parametrize("gap", [1, 5, 100])
def test_spans_cover_the_rows(gap):
    rows = np.unique(np.random.default_rng(0).integers(0, 3000, 500))
    covered = []
    for first, end, where in lazy.spans(rows, gap, most=400):
        span = rows[where]
        assert (span[0], span[-1] + 1) == (first, end) and end - first <= 400
        assert np.all(np.diff(span) <= gap)
        covered += span.tolist()
    assert covered == rows.tolist()


def test_extra_must_be_known_and_fit():
    late = dataset(Counting(10))
    with pytest.raises(UserError, match="true_snr_db has shape"):
        replace(late, extra={"true_snr_db": np.zeros(3)})
    with pytest.raises(UserError, match="color is nothing"):
        replace(late, extra={"color": np.zeros(10)})
