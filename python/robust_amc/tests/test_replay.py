"""The order of frames over passes, seeking, and frames read when they are due."""

import numpy as np
import pytest

from robust_amc import frames
from robust_amc.data import FrameDataset, lazy, replay
from robust_amc.data.replay import Order, Replayer, ReplayOrder
from robust_amc.errors import UserError

LABEL = np.array([4, 0, 0, 4, 2, 0, 4, 4, 2, 0, 4])  # classes 1 and 3 have no frames


def rows_of(played, count, most=4):
    """The next `count` rows, taken `most` at a time at most."""
    rows = []
    while len(rows) < count:
        span = played.take(min(most, count - len(rows)))
        rows += played.rows[span].tolist()
        if span.start == span.stop:
            break
    return rows


def test_file_order_ends():
    played = ReplayOrder(LABEL)
    assert len(played) == 11
    assert rows_of(played, 100) == list(range(11))
    assert rows_of(played, 1) == []


def test_repeats_begin_at_zero_whatever_the_start():
    played = ReplayOrder(LABEL, repeat=True, start=8)
    assert rows_of(played, 17) == [8, 9, 10, *range(11), 0, 1, 2]


def test_shuffled_passes_are_complete_seeded_and_not_alike():
    passes = [rows_of(ReplayOrder(LABEL, "shuffled", True, seed=seed), 22, 3) for seed in (5, 5, 6)]
    assert passes[0] == passes[1] != passes[2]
    for one in passes[0][:11], passes[0][11:], passes[2][:11]:
        assert sorted(one) == list(range(11))
    assert passes[0][:11] != passes[0][11:]


def test_balanced_has_each_class_once_in_any_window():
    played = ReplayOrder(LABEL, Order.BALANCED, True, seed=1)
    assert len(played) == 6  # class 2 has two frames
    rows = rows_of(played, 60 * 6)
    for start in range(len(rows) - 2):
        assert sorted(LABEL[rows[start : start + 3]]) == [0, 2, 4]
    for start in range(0, len(rows), 6):
        assert len(set(rows[start : start + 6])) == 6
    # A pass has 2 of the 5 frames of class 4: all of them come in 60 passes
    assert set(rows) == set(range(11))


def test_balanced_turns_are_seeded():
    orders = [rows_of(ReplayOrder(LABEL, "balanced", seed=seed), 6) for seed in (3, 3, *range(20))]
    assert orders[0] == orders[1]
    assert {tuple(LABEL[order[:3]]) for order in orders} > {(0, 2, 4)}


def test_start_is_a_position_of_the_order():
    whole, late = (ReplayOrder(LABEL, "shuffled", seed=2, start=start) for start in (0, 4))
    assert rows_of(late, 11) == rows_of(whole, 11)[4:]


@pytest.mark.parametrize("order", list(Order))
def test_seek_stays_in_the_pass(order):
    played = ReplayOrder(LABEL, order, repeat=True, seed=2)
    count = len(played)
    rows_of(played, count)
    second = rows_of(played, count)  # all played, and still the current pass
    played.seek(2)
    assert rows_of(played, 3, 1) == second[2:5]
    played.seek(1)
    assert rows_of(played, count - 1) == second[1:]
    assert sorted(LABEL[rows_of(played, count)]) == sorted(LABEL[second])


def test_seek_back_after_the_end():
    played = ReplayOrder(LABEL)
    assert rows_of(played, 100) == list(range(11))
    played.seek(np.int32(9))
    assert rows_of(played, 100) == [9, 10]


@pytest.mark.parametrize("position", [-1, 11, 2.5, float("nan"), float("inf")])
def test_no_such_position(position):
    played = ReplayOrder(LABEL)
    rows_of(played, 2)
    with pytest.raises(UserError, match=r"no position .* give one of 0 … 10"):
        played.seek(position)
    assert rows_of(played, 1) == [2]
    with pytest.raises(UserError, match="no position"):
        ReplayOrder(LABEL, start=position)


def test_bad_settings():
    with pytest.raises(UserError, match="unknown order 'random'; there are file, shuffled, bal"):
        ReplayOrder(LABEL, "random")
    with pytest.raises(UserError, match="seed of the order must not be negative, not -1"):
        ReplayOrder(LABEL, seed=-1)
    with pytest.raises(UserError, match="no frames to play"):
        ReplayOrder(LABEL[:0], "balanced")


def test_spans_stay_between_the_multiples_of_a_block():
    played = ReplayOrder(LABEL, repeat=True, start=3)
    spans = [played.take(3, block=4) for _ in range(6)]
    assert [(span.start, span.stop) for span in spans] == [
        (3, 4), (4, 7), (7, 8), (8, 11), (0, 3), (3, 4)
    ]  # fmt: skip


class Recording(lazy.LazyFrames):
    """Lazy frames of an array that remember how many each reading took."""

    def __init__(self, iq):
        super().__init__(len(iq), iq.shape[2], iq.dtype)
        self._iq = iq
        self.reads = []

    def fetch(self, rows):
        self.reads.append(len(rows))
        return self._iq[rows]


def dataset(iq):
    count = len(iq)
    label = (np.arange(count) ** 2 % 3).astype(np.int16)
    return FrameDataset(
        iq, label, ("a", "b", "c"), np.zeros(count, np.float32), np.arange(count, dtype=np.int32)
    )


def random_iq(count):
    return np.random.default_rng(0).normal(size=(count, 2, 8)).astype(np.float16)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("most", [1, 7, 64])
@pytest.mark.parametrize("is_lazy", [False, True])
def test_player_gives_the_samples_of_its_rows(monkeypatch, order, most, is_lazy):
    monkeypatch.setattr(replay, "BLOCK", 16)
    iq = random_iq(50)
    frames_of = dataset(Recording(iq) if is_lazy else iq)
    expected = iq.astype(np.float32)
    played = ReplayOrder(frames_of.label, order, repeat=True, start=5, seed=4)
    player = Replayer(frames_of, played)
    wanted = rows_of(ReplayOrder(frames_of.label, order, repeat=True, start=5, seed=4), 130)
    got = []
    while len(got) < 130:
        rows, samples = player.take(min(most, 130 - len(got)))
        assert samples.dtype == np.complex64 and 0 < len(samples) == len(rows) <= most
        np.testing.assert_array_equal(samples.real, expected[rows, 0])
        np.testing.assert_array_equal(samples.imag, expected[rows, 1])
        got += rows.tolist()
    assert got == wanted


@pytest.mark.parametrize("is_lazy", [False, True])
def test_player_after_a_seek(monkeypatch, is_lazy):
    monkeypatch.setattr(replay, "BLOCK", 16)
    iq = random_iq(50)
    played = ReplayOrder(np.zeros(50), "shuffled", repeat=True)
    player = Replayer(dataset(Recording(iq) if is_lazy else iq), played)
    player.take(10)
    for position in (3, 40, 20, 49, 0, 12):  # in the block at hand, and in others
        played.seek(position)
        rows, samples = player.take(2)
        assert rows.tolist() == played.rows[position : position + 2].tolist()
        np.testing.assert_array_equal(samples, frames.to_complex(iq[rows]))


def test_lazy_frames_are_read_a_block_at_a_time():
    late = Recording(random_iq(2500))
    player = Replayer(dataset(late), ReplayOrder(np.zeros(2500)))
    assert late.reads == []
    total = sum(len(player.take(10)[0]) for _ in range(100))
    assert total == 1000 and late.reads == [1024]
    while len(player.take(10)[0]):
        pass
    assert late.reads == [1024, 1024, 452]


def test_nan_goes_through():
    iq = random_iq(6).astype(np.float32)
    iq[4, 0, 3] = np.nan
    iq[5, 1] = np.nan
    rows, samples = Replayer(dataset(Recording(iq)), ReplayOrder(np.zeros(6))).take(6)
    assert rows.tolist() == list(range(6))
    assert np.flatnonzero(np.isnan(samples).any(1)).tolist() == [4, 5]
    assert np.isnan(samples[4]).sum() == 1
