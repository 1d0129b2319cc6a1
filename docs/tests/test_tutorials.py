"""The tutorials, typed from top to bottom on fewer frames: what they promise comes out."""

import json
import re

import pages
import pytest
from installed import install


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my-experiments"
    folder.mkdir()
    return folder


def rows(path):
    return json.loads(path.read_text())["rows"]


def robust(path, model):
    """Robust accuracy of a model by PNR, None: no attack."""
    return {
        row.get("pnr_db"): row["robust_accuracy"] for row in rows(path) if row["model"] == model
    }


def test_rtl_sdr(folder):
    said = pages.run(pages.TUTORIALS / "rtl-sdr.md", folder)
    shares = dict(line.split() for line in said.splitlines() if line.endswith("%"))
    assert float(shares["GFSK"].rstrip("%")) > 80
    assert (folder / "look.png").stat().st_size > 10_000
    for name in ("found.jsonl", "live.jsonl"):
        found = map(json.loads, (folder / name).read_text().splitlines())
        row, peak = sorted(found, key=lambda each: -each["center_hz"])
        assert row["label"] == "GFSK" and peak["label"] is None and row["ended"]
        assert peak["center_hz"] == pytest.approx(433.67e6, abs=50)
        assert row["symbol_rate"] == pytest.approx(25e3, rel=0.01)
        assert row["center_hz"] == pytest.approx(433.92e6, abs=500)
    annotations = json.loads((folder / "found.sigmf-meta").read_text())["annotations"]
    (found,) = [each for each in annotations if each.get("core:label") == "GFSK"]
    assert found["core:freq_lower_edge"] < 433.92e6 < found["core:freq_upper_edge"]


def test_attack(folder):
    said = pages.run(pages.TUTORIALS / "attack.md", folder)
    for model in ("undefended", "htrd"):
        by_pgd, by_noise = (robust(folder / f"{name}.json", model) for name in ("pgd", "noise"))
        assert by_pgd[-20] >= by_pgd[-10] >= by_pgd[0]
        assert by_pgd[0] < by_noise[0] - 0.3
    assert "became" in said
    for name in ("pgd.png", "one_frame.png"):
        assert (folder / name).stat().st_size > 10_000
    assert (folder / "universal.cf32").stat().st_size == 128 * 8


def test_train(folder):
    said = pages.run(pages.TUTORIALS / "train.md", folder)
    assert {row["model"] for row in rows(folder / "mine.json")} >= {"base", "mine"}
    assert (folder / "mine.onnx").stat().st_size > 1_000_000
    assert "adversarial" in said and "svm" in said


def test_rejector(folder, tmp_path):
    page = pages.TUTORIALS / "rejector.md"
    site = tmp_path / "site"
    texts = {block.title: block.text for block in pages.blocks(page.read_text()) if block.title}
    install(texts["pyproject.toml"], site)
    said = pages.run(page, folder, site, folder)
    shares = [float(share) for share in re.findall(r"^  rejected (\d\.\d+): ", said, re.MULTILINE)]
    for four in (shares[:4], shares[4:]):
        assert four == sorted(four) and len(four) == 4 and four[3] > four[0] + 0.2
    for model in ("confident", "svm"):
        left = robust(folder / "rejectors.json", model)
        assert left[-10] <= left[-20]


def test_reproduce(folder):
    said = pages.run(pages.TUTORIALS / "reproduce.md", folder)
    for name in ("paper-vs-ours.md", "normal-accuracy.md", "results.json", "fig5.png"):
        assert name in said and (folder / "quick" / name).stat().st_size > 0
    assert json.loads((folder / "sweep.json").read_text())
