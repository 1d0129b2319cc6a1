"""gr_modtool makes the Python bindings of the C++ blocks again, as they are in the tree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ["CMakeLists.txt", "apps", "cmake", "docs", "grc", "include", "lib", "python"]
BINDINGS = Path("python/htrd/bindings")
BLOCKS = sorted(
    path.name.removesuffix("_python.cc") for path in (ROOT / BINDINGS).glob("*_python.cc")
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, ["gr_modtool", "castxml"])),
        reason="needs GNU Radio's gr_modtool, and castxml with pygccxml",
    ),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    tree = tmp_path_factory.mktemp("bindings") / "gr-htrd"
    tree.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tree / part)
    # castxml takes GCC 12's library to have sized deallocation, but not by itself
    wrapper = tree / "bin/castxml"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("castxml")} -fsized-deallocation "$@"\n')
    wrapper.chmod(0o755)
    return tree


def essence(path):
    """A binding or docstring template without its layout."""
    return re.sub(r"\s+|Copyright \d+", "", path.read_text())


@pytest.mark.parametrize("block", BLOCKS)
def test_bind(tree, block):
    done = subprocess.run(
        ["gr_modtool", "bind", block],
        cwd=tree,
        env=os.environ | {"PATH": f"{tree}/bin:{os.environ['PATH']}", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for made in (f"{block}_python.cc", f"docstrings/{block}_pydoc_template.h"):
        assert essence(tree / BINDINGS / made) == essence(ROOT / BINDINGS / made)
