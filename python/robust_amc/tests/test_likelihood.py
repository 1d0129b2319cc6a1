"""Maximum likelihood of linear modulations in noise, against its definition."""

import json
import math

import numpy as np
import pytest

from robust_amc.errors import UserError
from robust_amc.evaluation import likelihood
from robust_amc.evaluation.ceiling import CONSTELLATIONS
from robust_amc.evaluation.likelihood import log_likelihood, recognized

from .test_cli import run


@pytest.mark.parametrize("name", ["PAM4", "QAM16"])
def test_it_is_the_mean_over_all_frames(name, monkeypatch):
    """The probability density of a frame, every sequence of symbols being equally likely."""
    monkeypatch.setattr(likelihood, "AT_ONCE", 40)
    rng, noise, points = np.random.default_rng(0), 0.3, CONSTELLATIONS[name].points
    frames = rng.standard_normal((5, 2)) + 1j * rng.standard_normal((5, 2))
    found = log_likelihood(frames, points, noise)
    for frame, value in zip(frames, found, strict=True):
        densities = [
            math.exp(-(abs(frame[0] - first) ** 2 + abs(frame[1] - second) ** 2) / noise)
            for first in points
            for second in points
        ]
        assert value == pytest.approx(math.log(np.mean(densities)))


def test_what_noise_leaves():
    rows = recognized([-40, 8, 60], frames=400, symbols=12)
    assert [row["name"] for row in rows[:6]] == [*CONSTELLATIONS]
    chance, some, certain = (
        np.mean([row["right"] for row in rows if row["snr_db"] == level]) for level in (-40, 8, 60)
    )
    assert 0.1 < chance < 0.25 and 0.5 < some < 0.95 and certain == 1
    assert {row["mistaken_for"] for row in rows[-6:]} == {None}
    of = {row["name"]: row for row in rows[6:12]}
    assert of["QAM16"]["mistaken_for"] == "QAM64" and of["QAM64"]["mistaken_for"] == "QAM16"
    more = np.mean([row["right"] for row in recognized([8], frames=400, symbols=48)])
    assert more > some + 0.05


def test_bpsk_beside_qpsk_as_the_error_function_has_it(monkeypatch):
    """One symbol: QPSK is likelier where the imaginary part is large; the boundary is known."""
    two = {name: CONSTELLATIONS[name] for name in ("BPSK", "QPSK")}
    monkeypatch.setattr(likelihood, "CONSTELLATIONS", two)
    rows = recognized([15], frames=20000, symbols=1)
    # At 15 dB: BPSK's points are far from 1j, and from QPSK's own two at ±1 nothing tells them
    assert rows[0]["right"] == pytest.approx(1.0, abs=0.01)
    assert rows[1]["right"] == pytest.approx(0.5, abs=0.015)


def test_the_command(tmp_path, capsys):
    out = tmp_path / "l.json"
    run("bench", "likelihood", "--snr", "10,20", "--frames", "50", "--symbols", "8", "--json", out)
    document = json.loads(out.read_text())
    assert document["settings"]["symbols"] == 8 and len(document["rows"]) == 12
    shown = capsys.readouterr().out
    assert f"{document['rows'][5]['right']:.3f}" in shown and "mean" in shown


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"symbols": 0}, {"snr_db": [math.nan]}])
def test_what_makes_no_sense(wrong):
    with pytest.raises(UserError):
        recognized(**{"snr_db": [10.0]} | wrong)
