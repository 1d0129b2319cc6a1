"""Comparing data sets: no difference by chance, the true one where there is one."""

import json
from dataclasses import replace

import matplotlib
import numpy as np
import pytest

from robust_amc import data
from robust_amc.cli import main
from robust_amc.comparison import figures
from robust_amc.comparison.compare import ALIKE, DIFFERS, TOO_FEW, compare, pair
from robust_amc.comparison.permutation import false_discovery_threshold, rank_test
from robust_amc.comparison.summary import share_interval, summary
from robust_amc.data import lazy
from robust_amc.data.formats import npz
from robust_amc.errors import UserError

from .files import REAL_SAMPLE, needs_real_sample
from .signals import carrier, dataset, linear, noisy

LABELS = (0, 10, 20)


def plain(name, snr_db, count, rng):
    return noisy(linear(name, count, rng), snr_db + 5, rng)


def compared(first, second, **settings):
    return compare(*pair(first, second, **settings))


def verdicts(cells):
    return [cell["verdict"] for cell in cells]


def found(cells):
    """The measures in which each cell differs, by class and label."""
    return {(cell["class"], cell["snr_db"]): cell["differs"] for cell in cells}


def test_other_seed_is_alike():
    """Twenty pairs of six cells; at a false-discovery rate of 5 % nearly none may differ."""
    sets = [dataset(plain, seed, count=20) for seed in range(10)]
    cells = [cell for a in range(5) for b in range(5, 9) for cell in compared(sets[a], sets[b])]
    assert len(cells) == 120 and verdicts(cells).count(DIFFERS) <= 6
    assert TOO_FEW not in verdicts(cells)


def in_runs(seed, frames_per_run=10):
    """Frames of a run share their SNR and how loud they are: far from independent."""

    def make(name, snr_db, count, rng):
        runs = count // frames_per_run
        level = (snr_db + 5 + 3 * rng.standard_normal(runs)).repeat(frames_per_run)
        loud = (0.4 * (rng.random(runs) < 0.5)).repeat(frames_per_run)[:, None]
        tone = np.cos(2 * np.pi * np.arange(128) / 90 + 6 * rng.random((count, 1)))
        clean = carrier(count, rng) * (1 + loud * tone)
        return noisy(clean, level[:, None], rng)

    made = dataset(make, seed, count=100, classes=("AM",))
    return replace(made, run_id=made.run_id // frames_per_run)


def test_runs_are_not_taken_for_independent_frames():
    pairs = [(in_runs(seed), in_runs(seed + 100)) for seed in range(8)]
    cells = [cell for sides in pairs for cell in compared(*sides)]
    assert verdicts(cells).count(DIFFERS) <= 2
    forgotten = [
        [replace(side, run_id=np.arange(len(side), dtype=np.int32)) for side in sides]
        for sides in pairs
    ]
    cells = [cell for sides in forgotten for cell in compared(*sides)]
    assert verdicts(cells).count(DIFFERS) > 6


def test_shifted_snr():
    quieter = dataset(lambda name, level, *more: plain(name, level - 3, *more), 2)
    cells = compared(dataset(plain, 1), quieter)
    assert verdicts(cells) == [DIFFERS] * 6
    assert all("snr_db" in cell["differs"] for cell in cells)
    high = [cell for cell in cells if cell["snr_db"] == 20]
    assert all(cell["differs"] == ["snr_db"] for cell in high)
    for cell in cells:
        assert cell["measures"]["snr_db"]["difference"] == pytest.approx(-3, abs=0.8)
    told = summary(cells)
    assert told["snr"]["share_within"] == 0 and len(told["snr"]["beyond"]) == 6


def test_other_roll_off():
    def wider(name, snr_db, count, rng):
        return noisy(linear(name, count, rng, excess=0.8), snr_db + 5, rng)

    cells = found(compared(dataset(plain, 1), dataset(wider, 2)))
    assert all("bandwidth" in cells[name, 20.0] for name in ("BPSK", "QPSK"))
    assert not any("snr_db" in differs for differs in cells.values())


def test_other_constellation():
    other = dataset(lambda name, *more: plain("8PSK" if name == "QPSK" else name, *more), 2)
    cells = found(compared(dataset(plain, 1), other))
    for level in (10.0, 20.0):
        assert "c40" in cells["QPSK", level]
        assert cells["BPSK", level] == []


def carriers(share):
    def make(name, snr_db, count, rng):
        loud = 0.5 * (rng.random((count, 1)) >= share)
        tone = np.cos(2 * np.pi * np.arange(128) / 90 + 6 * rng.random((count, 1)))
        return noisy(carrier(count, rng) * (1 + loud * tone), snr_db + 5, rng)

    return make


def test_carriers_removed():
    before, after = (
        dataset(carriers(share), seed, 100, classes=("AM",)) for seed, share in enumerate((0.9, 0))
    )
    cells = compared(before, after)
    assert "bare" in found(cells)["AM", 20.0]
    bare = summary(cells)["bare"]["AM"]
    assert bare["second"]["share"] < 0.05 and bare["first"]["share"] == pytest.approx(0.9, abs=0.1)
    low, high = bare["first"]["interval"]
    assert low < 0.9 < high
    assert bare["difference"] == bare["second"]["share"] - bare["first"]["share"]


def test_signal_against_noise():
    silent = dataset(lambda name, level, count, rng: plain(name, -60, count, rng), 2)
    cells = compared(dataset(plain, 1), silent)
    for cell in cells:
        assert "snr_db" in cell["differs"] and not cell["snr_measurable"]
        assert cell["snr_problem"] == {"first": None, "second": "below the noise"}
    assert summary(cells)["snr"]["measurable_cells"] == 0
    assert set(verdicts(compared(silent, silent))) == {ALIKE}


def test_few_frames():
    """Against five frames the same is alike and another SNR is found; four are too few."""
    reference, few = dataset(plain, 1, 100), dataset(plain, 2, 5)
    assert set(verdicts(compared(reference, few))) == {ALIKE}
    louder = dataset(lambda name, level, *more: plain(name, level + 6, *more), 3, 5)
    assert verdicts(compared(reference, louder)).count(DIFFERS) >= 5
    cells = compared(reference, dataset(plain, 4, 4))
    assert set(verdicts(cells)) == {TOO_FEW}
    assert cells[0]["differs"] == [] and cells[0]["frames"] == {"first": 100, "second": 4}


def test_halves_of_the_sample_are_alike():
    """Frames of the real generator, other runs on either side, AM-SSB and low labels too."""
    whole = data.read("sample")
    odd = whole.run_id % 2 == 1
    cells = compared(whole.subset(odd), whole.subset(~odd))
    assert len(cells) == 220 and verdicts(cells).count(DIFFERS) <= 4
    noise = [cell for cell in cells if cell["class"] == "AM-SSB"]
    assert not any(cell["snr_measurable"] for cell in noise)


@needs_real_sample
def test_real_frames_against_the_sample():
    told = summary(compared(data.read(REAL_SAMPLE), data.read("sample")))
    assert told["cells"] == 200 and told["snr"]["measurable_cells"] >= 80
    assert told["snr"]["share_within"] > 0.85
    assert told["verdicts"][DIFFERS] <= 10
    assert told["bare"]["QPSK"]["first"]["share"] == 0


def test_pair():
    first = dataset(plain, 1, 8, labels=(0, 10), classes=("QPSK", "BPSK"))
    second = dataset(plain, 2, 12, labels=(10, 20), classes=("8PSK", "BPSK", "QPSK"))
    a, b = pair(first, second, frames_per_key=6)
    assert a.classes == b.classes == ("QPSK", "BPSK")
    assert len(a) == len(b) == 12 and set(a.snr_db) == set(b.snr_db) == {10}
    for side, source in ((a, first), (b, second)):
        for name in a.classes:
            own = source.select([name], [10]).iq
            assert all((own == frame).all((1, 2)).any() for frame in side.select([name]).iq)
    again = pair(first, second, frames_per_key=6)[0]
    np.testing.assert_array_equal(a.iq, again.iq)
    only = pair(first, second, classes=["BPSK"], snr_db=[10])
    assert [len(side) for side in only] == [8, 12]


def test_pair_reads_no_more_than_it_needs():
    source = dataset(plain, 1, 50)

    class Counting(lazy.LazyFrames):
        asked = 0

        def fetch(self, rows):
            self.asked += len(rows)
            return source.iq[rows]

    late = Counting(*source.iq.shape[::2])
    a, b = pair(replace(source, iq=late), source, frames_per_key=10, classes=["BPSK"])
    assert late.asked == 30
    np.testing.assert_array_equal(a.iq, b.iq)


def test_all_zero_frames_are_left_out():
    first = dataset(plain, 1, 10, labels=(10,))
    second = replace(first, iq=first.iq.copy())
    second.iq[first.label == 0] = 0
    second.iq[-1] = 0
    cells = compared(first, second)
    assert [(cell["class"], cell["frames"]["second"]) for cell in cells] == [("QPSK", 9)]


@pytest.mark.parametrize(
    ("other", "settings", "message"),
    [
        ({"classes": ("8PSK", "QAM16")}, {}, "no class in common: BPSK, QPSK against 8PSK"),
        ({"labels": (1, 3)}, {}, "no class at an SNR label in common"),
        ({}, {"classes": ["8PSK"]}, "unknown class '8PSK'"),
        ({}, {"snr_db": [3]}, "no frame has the SNR label 3 dB"),
    ],
)
def test_nothing_to_compare(other, settings, message):
    with pytest.raises(UserError, match=message):
        pair(dataset(plain, 1, 5), dataset(plain, 2, 5, **other), **settings)


def test_frames_of_other_length():
    longer = dataset(lambda name, level, count, rng: linear(name, count, rng, length=256), 1, 5)
    with pytest.raises(UserError, match="convert --frame-length 128"):
        pair(dataset(plain, 1, 5), longer)


def test_p_values_by_enumeration():
    """Against all 252 ways to divide ten frames of one measure."""
    from itertools import combinations

    values = np.random.default_rng(0).standard_normal(10)
    values[5:] += 1
    rank = values.argsort().argsort()
    observed = abs(rank[:5].sum() - 22.5)
    sums = [abs(sum(chosen) - 22.5) for chosen in combinations(range(10), 5)]
    expected = np.mean(np.array(sums) >= observed)
    each = np.arange(5)
    p = rank_test(values[:5, None], values[5:, None], each, each)
    assert p == pytest.approx([expected], abs=0.01)


def test_p_values_of_several_measures():
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 30, 4))
    second[:, 2] += 3
    first[:, 3] = second[:, 3] = 1  # a constant says nothing
    second[::2, 1] = np.nan
    run = np.arange(30)
    p = rank_test(first, second, run, run)
    assert p[2] < 1e-3 and p[3] == 1 and p[[0, 1]].min() > 0.01
    alone = rank_test(first[:, :1], second[:, :1], run, run)
    assert p[0] >= alone[0]
    np.testing.assert_array_equal(p, rank_test(first, second, run, run))


def test_false_discovery_threshold():
    p = np.array([0.001, 0.9, 0.02, 0.03, 0.8])
    # of five: 0.001 <= 0.01, 0.02 <= 0.02, 0.03 <= 0.03
    assert false_discovery_threshold(p, 0.05) == 0.03
    assert false_discovery_threshold(p[1:], 0.02) == 0
    assert false_discovery_threshold(np.array([]), 0.05) == 0


def test_share_interval():
    """Wilson's for 3 of 10 by hand; over labels, where all frames of a label are alike, wider."""
    assert share_interval([0.3], 10) == pytest.approx([0.1078, 0.6032], abs=1e-3)
    assert share_interval([0.3, 0.3], 10) == share_interval([0.3], 10)
    assert share_interval([0], 10)[0] == 0 and share_interval([1], 10)[1] == 1
    # mean 3/4, deviation 1/2 over 4 labels: 3.182 * 0.25 to either side
    assert share_interval([1, 1, 1, 0], 4000) == [0, 1]
    low, high = share_interval([0.7, 0.8, 0.6, 0.7], 4000)
    assert (low, high) == pytest.approx((0.7 - 0.1299, 0.7 + 0.1299), abs=1e-3)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npz.write(dataset(plain, 1, 12, metadata={"mode": "legacy"}), "a.npz")
    quieter = dataset(lambda name, level, *more: plain(name, level - 4, *more), 2, 12)
    npz.write(quieter, "b.npz")
    return tmp_path


def run(*arguments):
    try:
        main(["dataset", "compare", *map(str, arguments)])
    except SystemExit as done:
        return done.code
    return 0


def test_command(files, capsys):
    assert not run("a.npz", "b.npz", "--json", "out.json", "--seed", 3)
    said = capsys.readouterr().out
    assert "cells: 6 compared: " in said and "SNR: medians within 1.5 dB in 0 of 6" in said
    results = json.loads((files / "out.json").read_text())
    assert results["settings"]["first"] == "a" and results["settings"]["seed"] == 3
    assert results["summary"]["verdicts"][DIFFERS] == 6
    cell = results["cells"][0]
    assert (cell["class"], cell["snr_db"], cell["verdict"]) == ("BPSK", 0, DIFFERS)
    entry = cell["measures"]["snr_db"]
    assert entry["difference"] == entry["second"]["value"] - entry["first"]["value"] < -1.5
    assert len(cell["spectrum_db"]["first"]) == 32
    assert max(cell["spectrum_db"]["first"]) == max(cell["spectrum_db"]["first"][14:18])


def test_command_with_every_cell(files, capsys):
    assert not run("a.npz", "a.npz", "--all", "--snr", "10,20", "--classes", "QPSK")
    rows = [line for line in capsys.readouterr().out.splitlines() if "│ QPSK" in line]
    assert len(rows) == 2 and all("alike" in row and "12 / 12" in row for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.npz", "missing.npz"), "there is no file missing.npz"),
        (("a.npz", "b.npz", "--classes", "WBFM"), "unknown class 'WBFM'"),
        (("a.npz", "b.npz", "--figure", "x.txt"), "x.txt must end in one of"),
        (("a.npz", "b.npz", "--snr-figure", "no/x.png"), "folder of no/x.png does not exist"),
    ],
)
def test_command_refuses(files, capsys, arguments, message):
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("error: ") == 1 and "Traceback" not in said


def test_figures(files):
    """Each is drawn, the same bytes again, and leaves the settings of matplotlib alone."""
    touched = ("svg.hashsalt", "xtick.labelsize", "ytick.labelsize")
    before = [matplotlib.rcParams[name] for name in touched]
    arguments = ("a.npz", "b.npz", "--figure", "all.svg", "--snr-figure", "law.png")
    assert not run(*arguments)
    first = [(files / name).read_bytes() for name in ("all.svg", "law.png")]
    assert not run(*arguments)
    assert [(files / name).read_bytes() for name in ("all.svg", "law.png")] == first
    assert [matplotlib.rcParams[name] for name in touched] == before


def test_class_names_that_mean_something_elsewhere(files, capsys):
    """Markup of the terminal and of mathematics is shown as it is written."""
    strange = data.read("a.npz")
    strange = replace(strange, classes=("[/b]", r"$\frac$", *strange.classes[2:]))
    npz.write(strange, "strange.npz")
    assert not run("strange.npz", "strange.npz", "--figure", "x.png", "--snr-figure", "y.png")
    assert "[/b]" in capsys.readouterr().out


def test_frames_that_are_all_zero(files, capsys):
    silent = data.read("a.npz")
    npz.write(replace(silent, iq=0 * silent.iq), "silent.npz")
    assert run("silent.npz", "a.npz") == 2
    assert "not all zero" in capsys.readouterr().err


def test_snr_quartiles():
    labels, (low, median, high) = figures.snr_quartiles(
        dataset(plain, 1, 60, labels=(-30, 0, 20), classes=("QPSK",))
    )
    assert labels.tolist() == [-30, 0, 20] and np.isnan(median[0])
    np.testing.assert_allclose(median[1:], [5, 25], atol=0.6)
    assert (low[1:] < median[1:]).all() and (median[1:] < high[1:]).all()


def test_law_of_the_label_is_drawn_for_radioml_only():
    plainly = dataset(plain, 1, 5)
    assert not figures.has_label_law(plainly)
    for metadata in ({"mode": "legacy"}, {"format": "RadioML pickle"}):
        assert figures.has_label_law(replace(plainly, metadata=metadata))
    assert not figures.has_label_law(replace(plainly, metadata={"mode": "corrected"}))
