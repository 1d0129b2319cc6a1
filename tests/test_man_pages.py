"""The man pages and completions in the tree are those of the command line as it is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_they_are_up_to_date(tmp_path):
    # In a process of its own: other tests register formats and networks, which the help names
    subprocess.run([sys.executable, ROOT / "script/man-pages", tmp_path], check=True, timeout=300)
    assert "htrd.1" in texts(tmp_path / "man")
    for made, there in (("man", "docs/man"), ("completion", "apps/completion")):
        assert texts(tmp_path / made) == texts(ROOT / there), "out of date: run script/man-pages"
