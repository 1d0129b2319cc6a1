"""`htrd bench open-set`: signals that are none of the classes, from a band to a label."""

import json
from dataclasses import replace

import numpy as np
import pytest

from robust_amc import data
from robust_amc.benchmarks import open_set
from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.evaluation import unknown_signals
from robust_amc.frontend import occupied

from .test_cli import run

KINDS = ("carrier at 0", "2-FSK, index 1")


def test_rows_of_the_command(capsys, tmp_path, monkeypatch):
    few = {name: unknown_signals.SIGNALS[name] for name in KINDS}
    monkeypatch.setattr(unknown_signals, "SIGNALS", few)
    run(
        "bench", "open-set", "--dataset", "sample", "--model", "residual_nr", "--snr", "10",
        "--signals", "3", "--length", "4096", "--json", tmp_path / "open.json",
    )  # fmt: skip
    rows = {row["name"]: row for row in json.loads((tmp_path / "open.json").read_text())["rows"]}
    assert set(rows) == set(KINDS)
    bare = rows["carrier at 0"]  # no symbol rate, so no frames for a model that needs one
    assert (bare["brought"], bare["labeled"], bare["accepted"], bare["auroc"]) == (0, 0, None, None)
    keyed = rows["2-FSK, index 1"]
    assert keyed["brought"] > 0.5 and 0 <= keyed["labeled"] <= 1
    assert 0 <= keyed["auroc"] <= 1 and 0 <= keyed["fpr_95"] <= 1
    said = capsys.readouterr().out
    assert "fpr 95" in said and "mean" in said


def test_what_scores_alike_is_at_chance_and_what_scores_lower_is_not():
    """The two measures, of scores that are known."""

    class Known:
        rejector = True

    def decided(scores):
        scores = np.asarray(scores, float)[:, None]
        return open_set.Decisions(np.zeros(len(scores), int), scores, scores[:, 0] > -99)

    inside = np.arange(1000.0)
    alike = open_set._summary(Known(), [(decided(inside), "BPSK")], inside)
    assert alike["auroc"] == pytest.approx(0.5)
    assert alike["fpr_95"] == pytest.approx(0.95, abs=0.002)
    apart = open_set._summary(Known(), [(decided(inside - 1000), None)], inside)
    assert (apart["auroc"], apart["fpr_95"], apart["labeled"]) == (1, 0, 0)


@pytest.mark.parametrize("name", ["OFDM, 52 of 64 subcarriers", "LoRa chirps, SF 7, half the rate"])
def test_the_snr_is_in_the_band(name):
    rng = np.random.default_rng(1)
    samples = open_set.received(name, 10.0, 1 << 14, rng)
    density = np.sort(occupied.spectrum(samples))
    assert len(samples) == 1 << 14
    floor = density[:50].mean()
    signal = density.sum() - floor * len(density)
    share = (density > floor + 0.5 * (density[-1] - floor) * 0.1).mean()
    assert signal / (floor * share * len(density)) == pytest.approx(10.0, rel=0.35)


def test_a_class_that_was_left_out(monkeypatch):
    """Its runs are signals; the figures by hand, from the decisions of its frames."""
    monkeypatch.setattr(unknown_signals, "SIGNALS", {})
    sample = data.read("sample")
    renamed = replace(sample, classes=tuple(n.replace("PAM4", "8PAM") for n in sample.classes))
    model = Classifier.load("residual_nr")
    (row,) = open_set.bench(model, renamed, [10.0], 1, 4096, 0, print)
    assert (row["name"], row["snr_db"], row["brought"]) == ("8PAM", 10.0, 1.0)
    decided = model.decide(renamed.select(snr_db=[10.0]).iq, posteriors=True)
    score, is_out = decided.score.max(1), renamed.select(snr_db=[10.0]).truth == "8PAM"
    assert row["accepted"] == pytest.approx(np.mean(~decided.rejected[is_out]))
    higher = score[~is_out][:, None] - score[is_out][None]
    assert row["auroc"] == pytest.approx(np.mean((higher > 0) + 0.5 * (higher == 0)))
    assert row["labeled"] == 0  # in the sample each frame is a run, too short for a label
    taken = decided.label[is_out] == model.classes.index("PAM4")  # what they are, under that name
    assert taken.mean() > 0.5
    together = replace(renamed, run_id=renamed.label.astype(np.int32))
    (row,) = open_set.bench(model, together, [10.0], 1, 4096, 0, print)
    assert row["labeled"] == 1
    with pytest.raises(UserError, match="no frame at 10 dB is of one of"):
        open_set.bench(model, renamed.select(["8PAM"]), [10.0], 1, 4096, 0, print)


def test_a_data_set_without_the_snr(plain):
    with pytest.raises(UserError, match="no frame has the SNR label 7 dB"):
        open_set.bench(plain, data.read("sample"), [7.0], 1, 4096, 0, print)


def test_the_default_model_is_shipped():
    assert Classifier.load("field").metadata["defense"]["system"] == "field"
