"""The man pages and completions in the tree are those of the command line as it is."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_they_are_up_to_date(tmp_path):
    script = runpy.run_path(str(ROOT / "script/man-pages"))
    script["write"](tmp_path / "man", tmp_path / "completion")
    assert "htrd.1" in texts(tmp_path / "man")
    for made, there in (("man", "docs/man"), ("completion", "apps/completion")):
        assert texts(tmp_path / made) == texts(ROOT / there), "out of date: run script/man-pages"
