"""Model cards, of toy models and of those that ship."""

import hashlib
from pathlib import Path

import pytest

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
