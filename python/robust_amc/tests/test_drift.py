"""The drift alarm: false alarms as seldom as said, true ones, and what changes nothing."""

import numpy as np
import pytest
from scipy import stats

from robust_amc.decisions import DecisionBatch
from robust_amc.errors import UserError
from robust_amc.rejection.drift import DriftMonitor, DriftSettings, Watch

SURE = 0.9999


def scores(rng, count, mean=0.0, spread=1.0, share=0.5):
    """Scores of two classes; the larger one is normal, of either class."""
    best = mean + spread * rng.standard_normal(count)
    label = (rng.random(count) > share).astype(int)
    best += 5 * label  # the classes differ, as they do
    made = np.full((count, 2), -100.0)
    made[np.arange(count), label] = best
    return made


def monitor(rng, runs=150, **settings):
    known = scores(rng, runs)
    label = known.argmax(1)
    reference = [sorted(known[label == number].max(1)) for number in (0, 1)]
    return DriftMonitor(reference, DriftSettings(**settings))


def test_false_alarms_are_as_seldom_as_said():
    """Also over many windows, and where the mix of classes is another one than in calibration."""
    rng = np.random.default_rng(0)
    trials, alarms = 300, 0
    for _ in range(trials):
        each = monitor(rng, false_alarm=0.2, window=200)
        each.add(scores(rng, 200, share=0.9))
        alarms += each.alarms
    assert alarms <= stats.binom.ppf(SURE, trials, 0.2)
    assert alarms > 0  # the bound is Ville's, and not far from what happens
    long = monitor(rng, runs=2000, false_alarm=0.2, window=100)
    long.add(scores(rng, 20_000))
    assert long.frames == 20_000 and long.alarms <= 2 * 0.2 * 200


@pytest.mark.parametrize(
    "drifted", [{"mean": -1.0}, {"mean": 1.0}, {"spread": 2.5}, {"spread": 0.2}]
)
def test_it_fires_when_scores_change(drifted):
    rng = np.random.default_rng(1)
    each = monitor(rng, runs=500)
    assert not each.add(scores(rng, 300)).any()
    is_on = each.add(scores(rng, 600, **drifted))
    assert is_on[-1] and each.alarms == 1 and each.evidence >= 100
    assert (np.diff(is_on.astype(int)) >= 0).all()  # and it stays


def test_ranks_are_uniform():
    rng = np.random.default_rng(2)
    each = monitor(rng)
    found = []
    each._bet = found.append
    each.add(scores(rng, 3000))
    assert stats.kstest(found, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / 3000**0.5


def test_equal_scores_are_no_drift():
    each = DriftMonitor([[0.0] * 50, []], DriftSettings(false_alarm=0.05))
    each.add(np.tile([0.0, -1.0], (2000, 1)))
    assert not each.alarm


def test_windows_steps_and_frames_without_scores():
    rng = np.random.default_rng(3)
    each = monitor(rng, runs=500, window=400, every=3)
    wrong = scores(rng, 900, mean=-3.0)
    wrong[::2] = -np.inf
    is_on = each.add(wrong)  # 450 frames, of which 150 are looked at
    assert each.frames == 150 and each.alarms == 1 and is_on[-1]
    each.add(scores(rng, 3 * 250))
    assert each.frames == 400 and each.alarm
    assert not each.add(scores(rng, 1)).any()  # a new window
    assert each.evidence == pytest.approx(1, abs=0.6) and each.alarms == 1
    for nonsense in ({"false_alarm": 0.0}, {"window": 0}, {"every": 0}):
        with pytest.raises(UserError):
            DriftSettings(**nonsense)


def test_the_watch_follows_the_model():
    rng = np.random.default_rng(4)
    watch, batch = Watch(), decided(scores(rng, 200, mean=-4.0))
    watch.add(None, batch)
    assert watch.report() == {} and batch.drift == [None] * 200
    known = scores(rng, 400)
    calibration = {
        "scores": {name: sorted(known[known.argmax(1) == number].max(1))
                   for number, name in enumerate("ab")},
        "drift": {"false_alarm": 0.01, "window": 1000, "every": 1},
    }  # fmt: skip
    watch.add(calibration, batch)
    assert batch.drift[-1] is True and batch.drift[0] is False
    assert watch.report()["drift"]["alarm"] and watch.report()["drift"]["frames"] == 200
    records = [*batch.records()]
    assert records[-1]["drift"] is True and "drift" not in records[0]
    watch.add(calibration, batch)
    assert watch.report()["drift"]["frames"] == 400
    watch.add(dict(calibration), batch)  # another model
    assert watch.report()["drift"]["frames"] == 200


def decided(made):
    count = len(made)
    return DecisionBatch(
        np.arange(count), [None] * count, made.max(1), np.zeros(count), made, ("a", "b")
    )
