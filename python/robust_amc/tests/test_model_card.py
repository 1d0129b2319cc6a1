"""Model cards, of toy models and of those that ship."""

import hashlib
import json
from pathlib import Path

import pytest
from scipy import stats

from robust_amc import assets, model_card
from robust_amc.classifier import Classifier
from robust_amc.cli import main

CARDS = Path(__file__).parents[3] / "docs" / "models"


@pytest.fixture
def saved(rejecting, tmp_path):
    """A model file with all that the commands write, and what was read from it."""
    row = {"attack": "none", "pnr_db": None, "frames": 40}
    attacked = {"attack": "pgd", "pnr_db": -10.0, "frames": 30}
    figures = {}
    for number, name in enumerate(model_card.METRICS):
        figures |= {name: number / 10, f"{name}_interval": [number / 10 - 0.05, number / 10 + 0.05]}
    classes = {"tone": {"frames": 9} | dict.fromkeys(model_card.BY_CLASS, 0.25)}
    attacked["by_class"] = {"noise": dict(classes["tone"], attacked_accuracy=None)} | classes
    rejecting.metadata |= {
        "training": {"method": "standard", "seed": 1, "fast": True, "snr_db": None, "history": [1]},
        "dataset": {
            "name": "toy.npz", "fingerprint": "f00", "split_seed": 0,
            "metadata": {"generator": "toy", "generator_version": 1, "seed": 3},
        },
        "evaluation": {
            "command": "a test", "date": "2026-01-02", "rows": [row | figures, attacked | figures]
        },
    }  # fmt: skip
    path = tmp_path / "mine.safetensors"
    rejecting.save(path)
    return path, Classifier.load(path)


def test_card_says_what_the_file_says(saved):
    path, classifier = saved
    text = model_card.card(classifier, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for line in (
        "# Model card: mine",
        f"| SHA-256 | `{digest}` |",
        "| generator version | 1 |",
        "| seed | 1 |",
        "| fast | yes |",
        "| snr db | - |",
        "| target rejection | 0.1 |",
        "| none | 40 | 0.000 [-0.050, 0.050] |",
        "| pgd, PNR -10 dB | 30 |",
        "| attack | class | frames | robust accuracy | attacked accuracy | rejection rate |",
        "| pgd, PNR -10 dB | tone | 9 | 0.250 | 0.250 | 0.250 |",
        "| pgd, PNR -10 dB | noise | 9 | 0.250 | - | 0.250 |",
    ):
        assert line in text, line
    assert "history" not in text and "quantiles" not in text
    assert "rejects 10%" in text


def test_card_says_what_totals_hide(saved, tmp_path, monkeypatch):
    path, classifier = saved
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = {"model": "mine", "attack": "none", "pnr_db": None, "frames": 40, "sha256": digest}
    row["dataset"] = "d.npz"
    classes = {"tone": {"frames": 9} | dict.fromkeys(model_card.BY_CLASS, 0.375)}
    rows = [
        row | {"snr_db": 0.0, "accuracy": 0.5, "rejection_rate": 0.25},
        row | {"snr_db": 10.0, "accuracy": 0.75, "rejection_rate": 0.125, "by_class": classes},
        row | {"snr_db": 10.0, "attack": "pgd", "pnr_db": -20.0, "by_class": classes},
        row | {"sha256": "another", "snr_db": 12.0, "accuracy": 0.1, "rejection_rate": 0.1},
    ]
    settings = {"cpu": "a processor", "date": "2026-01-03"}
    (tmp_path / "totals.json").write_text(json.dumps({"settings": settings, "rows": rows}))
    known = assets.path
    monkeypatch.setattr(
        assets, "path", lambda name: tmp_path / "totals.json" if "totals" in name else known(name)
    )
    text = model_card.card(classifier, path)
    for line in (
        "(d.npz; a processor, 2026-01-03)",
        "| without attack | 0 dB | 10 dB |",
        "| accuracy | 0.500 | 0.750 |",
        "| rejection rate | 0.250 | 0.125 |",
        "| 10 | none | tone | 9 | 0.375 | 0.375 | 0.375 |",
        "| 10 | pgd, PNR -20 dB | tone | 9 | 0.375 | 0.375 | 0.375 |",
    ):
        assert line in text, line


def test_card_says_what_is_promised(saved):
    path, classifier = saved
    one = {"snr_db": 10.0, "runs": 99, "rejected": 10, "threshold": 0.0, "excluded": 20,
           "lowest": -1.0}  # fmt: skip
    classifier.metadata["conformal"] = {"bins": [one]}
    low, high = stats.beta.ppf([0.025, 0.975], 10, 90)
    text = model_card.card(classifier, path)
    assert f"| 10 | 99 | 0.100 [{low:.3f}, {high:.3f}] | 0.800 [" in text


def test_command_prints_a_card(saved, capsys):
    path, classifier = saved
    with pytest.raises(SystemExit):
        main(["models", str(path), "--card"])
    assert capsys.readouterr().out == model_card.card(classifier, path)


def test_card_of_no_model(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["models", "--card"])
    assert stopped.value.code == 2
    assert "name it" in capsys.readouterr().err


@pytest.mark.skipif(not CARDS.exists(), reason="the documents are not beside the package")
@pytest.mark.parametrize("name", assets.model_names())
def test_every_model_that_ships_has_its_card(name):
    path = assets.model_path(name)
    assert (CARDS / f"{name}.md").read_text() == model_card.card(Classifier.load(name), path)
