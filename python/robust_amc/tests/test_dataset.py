"""Data sets in memory: selection, order of classes, splits."""

import numpy as np
import pytest

from robust_amc import data
from robust_amc.data import FRACTIONS, FrameDataset, Part
from robust_amc.errors import UserError

CLASSES = ("8PSK", "BPSK", "WBFM")
SNR_DB = (-10, 0, 10)


def make(runs=20, per_run=5, classes=CLASSES, snr_db=SNR_DB):
    """A data set of runs in mixed order; the first sample of each frame is its number."""
    key = np.repeat(np.arange(len(classes) * len(snr_db)), runs * per_run)
    run = np.arange(len(key)) // per_run
    order = np.random.default_rng(0).permutation(len(key))
    iq = np.zeros((len(key), 2, 16), np.float32)
    iq[:, 0, 0] = np.arange(len(key))
    return FrameDataset(
        iq=iq,
        label=(key // len(snr_db))[order].astype(np.int16),
        classes=tuple(classes),
        snr_db=np.array(snr_db, np.float32)[key % len(snr_db)][order],
        run_id=run[order].astype(np.int32),
    )


def numbers(dataset):
    return dataset.iq[:, 0, 0].astype(int).tolist()


def test_split_is_disjoint_and_complete():
    dataset = make()
    parts = data.split(dataset)
    assert set(parts) == {"train", "validation", "calibration", "test"}
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(len(dataset)))
    assert all(np.all(np.diff(part) > 0) for part in parts.values())


def test_split_keeps_runs_together():
    dataset = make()
    runs = [set(dataset.run_id[index].tolist()) for index in data.split(dataset).values()]
    assert sum(map(len, runs)) == len(set.union(*runs)) == 180


def test_split_is_stratified():
    """Each class and label has 100 frames in 20 runs, so every share is exact."""
    dataset = make()
    for name, index in data.split(dataset).items():
        part = dataset.subset(index)
        for label in range(len(CLASSES)):
            for snr_db in SNR_DB:
                count = np.sum((part.label == label) & (part.snr_db == snr_db))
                assert count == round(100 * FRACTIONS[name])


def test_split_halves_and_fractions():
    assert FRACTIONS["test"] == 0.5  # the paper's half; the other three are the training half
    assert sum(FRACTIONS.values()) == pytest.approx(1)


def test_split_is_seeded():
    dataset = make()
    first, again, other = (data.split(dataset, seed) for seed in (3, 3, 4))
    for name in FRACTIONS:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["test"], other["test"])


def test_split_of_uneven_runs():
    """Runs of 1 to 30 frames: the shares hold within the longest run."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 31, 60)
    run_id = np.repeat(np.arange(60, dtype=np.int32), sizes)
    n = len(run_id)
    dataset = FrameDataset(
        np.zeros((n, 2, 4), np.float32), np.zeros(n, np.int16), ("a",),
        np.zeros(n, np.float32), run_id,
    )  # fmt: skip
    for name, index in data.split(dataset).items():
        assert abs(len(index) - FRACTIONS[name] * n) <= 30


@pytest.mark.parametrize("count", [0, 1, 3])
def test_split_of_very_few_frames(count):
    dataset = make().subset(np.arange(count))
    assert sum(map(len, data.split(dataset).values())) == count


def test_part():
    dataset = make()
    assert data.part(dataset, Part.ALL) is dataset
    test = data.part(dataset, "test", seed=1)
    assert numbers(test) == data.split(dataset, 1)["test"].tolist()


def test_select():
    dataset = make()
    chosen = dataset.select(["WBFM", "8PSK"], [10])
    assert len(chosen) == 200 and chosen.classes == CLASSES
    assert set(chosen.truth) == {"WBFM", "8PSK"} and set(chosen.snr_db) == {10}
    assert numbers(chosen) == sorted(numbers(chosen))
    assert len(dataset.select()) == len(dataset)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"classes": ["QAM1024"]}, "unknown class 'QAM1024'; there are 8PSK, BPSK, WBFM"),
        ({"snr_db": [10, 11]}, "SNR label 11 dB; there are -10, 0, 10"),
        ({"snr_db": [float("nan")]}, "SNR label nan dB"),
        ({"classes": []}, "the selection is empty"),
        ({"snr_db": []}, "the selection is empty"),
    ],
)
def test_select_refuses(wanted, message):
    with pytest.raises(UserError) as error:
        make().select(**wanted)
    assert message in str(error.value)


def test_select_of_a_pair_that_is_not_there():
    dataset = make()
    bpsk_at_10 = (dataset.label == 1) & (dataset.snr_db == 10)
    with pytest.raises(UserError, match="the selection is empty"):
        dataset.subset(~bpsk_at_10).select(["BPSK"], [10])


def test_require_classes():
    dataset = make()
    other = dataset.require_classes(("WBFM", "QPSK", "BPSK", "8PSK"))
    assert list(other.truth) == list(dataset.truth)
    assert set(other.label) == {0, 2, 3}
    with pytest.raises(UserError, match="does not know: WBFM; the model knows 8PSK, BPSK"):
        dataset.require_classes(("8PSK", "BPSK"))


def test_limit():
    dataset = make()
    drawn = dataset.limit(50, seed=2)
    assert len(set(numbers(drawn))) == 50 and numbers(drawn) == sorted(numbers(drawn))
    assert numbers(dataset.limit(50, seed=2)) == numbers(drawn) != numbers(dataset.limit(50, 3))
    assert dataset.limit(None, 0) is dataset and dataset.limit(10**6, 0) is dataset
    with pytest.raises(UserError, match="must be positive, not 0"):
        dataset.limit(0, seed=0)


def test_parts_must_fit_together():
    good = {name: getattr(make(), name) for name in ("iq", "label", "classes", "snr_db", "run_id")}
    for changes, message in (
        ({"run_id": good["run_id"][1:]}, "run_id has shape (899,), but there are 900 frames"),
        ({"label": good["label"] + 1}, "labels must lie in 0 … 2"),
        ({"classes": ("a", "b", "a")}, "a class is named twice"),
        ({"iq": good["iq"][:, 0]}, "frames must be real [n, 2, length]"),
    ):
        with pytest.raises(UserError) as error:
            FrameDataset(**good | changes)
        assert message in str(error.value)


def test_fingerprint_is_of_the_content():
    dataset = make()
    half = FrameDataset(
        dataset.iq.astype(np.float16), dataset.label, dataset.classes, dataset.snr_db,
        dataset.run_id, {"other": "metadata"},
    )  # fmt: skip
    assert half.fingerprint() == dataset.fingerprint()
    changed = dataset.iq.copy()
    changed[0, 1, 3] = 1
    other = FrameDataset(changed, dataset.label, dataset.classes, dataset.snr_db, dataset.run_id)
    assert other.fingerprint() != dataset.fingerprint()
    assert dataset.subset(np.arange(899)).fingerprint() != dataset.fingerprint()


def test_split_keeps_runs_together_that_span_classes():
    dataset = make()
    mixed = FrameDataset(
        dataset.iq, dataset.label, dataset.classes, dataset.snr_db,
        (np.arange(len(dataset)) % 40).astype(np.int32),
    )  # fmt: skip
    parts = data.split(mixed)
    runs = [set(mixed.run_id[index].tolist()) for index in parts.values()]
    assert sum(map(len, runs)) == len(set.union(*runs)) == 40
    assert sum(map(len, parts.values())) == len(mixed)


@pytest.mark.parametrize("name", ["", "two\nlines", "\ud800", "\x1b[31m", "x" * 101])
def test_class_names_that_cannot_be_shown(name):
    with pytest.raises(UserError, match="which is not a name"):
        make(classes=("8PSK", name))
