"""The man pages and completions in the tree are those of the command line as it is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {"man": ROOT / "docs/man", "completion": ROOT / "apps/completion"}


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_they_are_up_to_date(tmp_path):
    subprocess.run([sys.executable, ROOT / "script/man-pages", tmp_path], check=True, timeout=300)
    assert "htrd.1" in texts(tmp_path / "man")
    for name, place in PLACES.items():
        assert texts(tmp_path / name) == texts(place), "out of date: run script/man-pages"
