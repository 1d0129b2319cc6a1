"""Distances to the nearest frame of another class, against geometry and brute force."""

from itertools import product

import numpy as np
import pytest

from robust_amc.errors import UserError
from robust_amc.evaluation.ceiling import CONSTELLATIONS, ceiling, distance, shares
from robust_amc.evaluation.figures import security_curve


def drawn(name, count, symbols, seed=0):
    points = CONSTELLATIONS[name].points
    return points[np.random.default_rng(seed).integers(len(points), size=(count, symbols))]


@pytest.mark.parametrize(
    ("name", "other"),
    [("BPSK", "QPSK"), ("BPSK", "PAM4"), ("QPSK", "8PSK"), ("QPSK", "QAM16")],
)
def test_frames_of_a_class_within_another_are_no_distance_away(name, other):
    turned = drawn(name, 5, 12) * 0.01 * np.exp(0.3j)
    assert distance(turned, CONSTELLATIONS[other]).max() < 1e-6


def test_a_known_distance():
    """Both signs of 1 and 3 alike often: the best BPSK frame is 2 everywhere, off by 1."""
    frame = np.array([[1, 3, -1, -3]], complex)
    assert distance(frame, CONSTELLATIONS["BPSK"]) == pytest.approx(np.sqrt(4 / 20))


@pytest.mark.parametrize(("name", "other"), [("8PSK", "QPSK"), ("QAM16", "PAM4")])
def test_distance_is_that_of_trying_all_frames(name, other):
    """For given symbols the best gain leaves 1 - |correlation|²."""
    frames = drawn(name, 6, 4)
    points = CONSTELLATIONS[other].points
    every = np.array(list(product(points, repeat=4)))
    every = every / np.linalg.norm(every, axis=1, keepdims=True)
    unit = frames / np.linalg.norm(frames, axis=1, keepdims=True)
    expected = np.sqrt(1 - np.minimum(np.abs(unit @ every.conj().T).max(1) ** 2, 1))
    np.testing.assert_allclose(distance(frames, CONSTELLATIONS[other]), expected, atol=0.02)
    assert (distance(frames, CONSTELLATIONS[other]) > expected - 1e-6).all()  # an upper bound


def test_the_grids_are_lost_first():
    rows = {row["name"]: row for row in ceiling(10, [-20, -10, 0], frames=40, symbols=16)}
    assert list(rows) == list(CONSTELLATIONS)
    assert rows["BPSK"]["nearest"] is None and rows["BPSK"]["held"] == [1, 1, 1]
    assert rows["QAM64"]["nearest"] == "QAM16"
    assert 0.18 < rows["QAM64"]["lowest"] < rows["QAM64"]["median"] < 0.24
    for row in rows.values():
        assert row["held"][0] == 1  # at PNR -20 dB nothing is in reach
        assert row["held"] == sorted(row["held"], reverse=True)
    assert 0.5 < rows["QAM64"]["held"][1] < 1
    assert rows["QAM64"]["held"][2] == 0


def test_share_of_all_classes_is_the_mean():
    """A class of which nothing is known counts as held, and only those there are count."""
    rows = {row["name"]: row for row in ceiling(10, [-10, 0], frames=50, symbols=12)}
    grids = [1 - row["held"][1] for row in rows.values()]
    every = shares([*CONSTELLATIONS, "AM-DSB", "WBFM"], 10, [-10, 0], symbols=12, frames=50)
    assert every[1] == pytest.approx(1 - sum(grids) / 8)
    assert 0.3 < every[1] < every[0] < 1
    assert shares(["QAM64", "BPSK"], 10, [-10], symbols=12) == [1]
    assert shares(["QAM64", "AM-DSB"], 10, [-10]) is None


def test_curves_show_it(tmp_path):
    row = {"model": "m", "snr_db": 10.0}
    for metric in ("robust_accuracy", "attacked_accuracy"):
        row |= {metric: 0.5, f"{metric}_interval": [0.4, 0.6]}
    rows = [row | {"pnr_db": level} for level in (None, -20.0, -5.0)]
    for name, classes, count in (("with", list(CONSTELLATIONS), 1), ("without", ["a", "b"], 0)):
        security_curve(rows, tmp_path / f"{name}.svg", classes=classes, frame_length=64)
        text = (tmp_path / f"{name}.svg").read_text()
        assert text.count("ceiling: correct") == count  # Matplotlib writes texts as comments


def test_levels_that_make_no_sense():
    with pytest.raises(UserError, match="pnr_db"):
        ceiling(10, [float("nan")], frames=1)
    with pytest.raises(UserError, match="at least one frame"):
        ceiling(10, [-10], frames=0)
