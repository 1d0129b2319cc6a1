"""`htrd bench blind`: a classifier with the rate and the carrier told, and found."""

import json

import numpy as np
import pytest

from robust_amc.benchmarks import blind
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError

from .test_cli import run


def test_told_and_found_are_alike_where_the_signal_is_strong(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(blind, "CLASSES", {"BPSK": "BPSK", "QPSK": "QPSK"})
    run(
        "bench", "blind", "--snr", "20", "--signals", "2", "--symbols", "300",
        "--json", tmp_path / "blind.json",
    )  # fmt: skip
    rows = json.loads((tmp_path / "blind.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["BPSK", "QPSK"]
    for row in rows:
        assert row["oracle"] > 0.9 and row["blind"] > 0.9
        assert row["oracle_fused"] == row["blind_fused"] == 1
    assert "blind fused" in capsys.readouterr().out


def test_impaired_signals_are_harder(monkeypatch):
    monkeypatch.setattr(blind, "CLASSES", {"QAM16": "QAM16"})
    classifier = Classifier.load("modern")
    (clean,), (spoiled,) = (
        blind.bench(classifier, [25.0], 3, 300, 0, print, impaired=flag) for flag in (False, True)
    )
    assert 0.1 < spoiled["oracle"] < clean["oracle"]


def test_what_is_not_found_is_wrong():
    """Noise alone hides the rate, so that there are frames only where it is told."""
    classifier = Classifier.load("modern")
    rng = np.random.default_rng(2)
    told, found, _, fused = blind._trial(classifier, "QAM64", -30.0, 300, False, rng)
    assert (found, fused) == (0, False) and told >= 0


def test_a_model_of_other_classes(plain):
    with pytest.raises(UserError, match="knows none of"):
        blind.bench(plain, [20.0], 1, 300, 0, print)
