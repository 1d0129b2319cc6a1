"""Pages whose blocks are run in their order, as a reader would type them.

A block of `sh` runs; one with a title, ```` ```python title="x.py" ````, is saved under it. A
comment before a block, which readers of the page do not see, says what the tests do otherwise:

    <!-- test: skip, needs a radio -->
    <!-- test: --frames 1000 => --frames 20 ; --epochs 15 => --epochs 1 -->
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
BLOCK = re.compile(
    r"(?:^<!-- test: (?P<test>.*?) -->\n)?"
    r'^```(?P<language>sh|python|toml)(?: title="(?P<title>[\w./-]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
SKIP = re.compile(r"skip, \w+")


@dataclass(frozen=True)
class Block:
    """A block of code: `title` is the file that it is, or None; `skipped` whether it runs."""

    language: str
    title: str | None
    text: str
    skipped: bool = False


def blocks(page):
    """The blocks of a page's text, as the tests run them."""
    for found in BLOCK.finditer(page):
        test, text = found["test"] or "", found["text"]
        skipped = bool(SKIP.match(test))
        if test and not skipped:
            for change in test.split(" ; "):
                old, new = change.split(" => ")
                if old not in text:
                    raise ValueError(f"{old!r} is not in the block after {test!r}")
                text = text.replace(old, new)
        yield Block(found["language"], found["title"], text, skipped)


def commands(folder):
    """A folder for PATH with `python` and `htrd` as they are here, and a dongle that is none."""
    htrd = "import sys; from robust_amc.cli import main; main(sys.argv[1:])"
    scripts = {
        "python": f'exec "{sys.executable}" "$@"',
        "htrd": f'exec "{sys.executable}" -c "{htrd}" "$@"',
        # what it has received before: the recording that the page makes
        "rtl_sdr": 'if [ "${!#}" = - ]; then cat capture.cu8; fi',
    }
    folder.mkdir()
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


def run(page, folder, *paths):
    """Run the blocks of a page in a folder, with `paths` on Python's; returns what they print."""
    path = f"{commands(folder.with_name(folder.name + '-bin'))}{os.pathsep}{os.environ['PATH']}"
    python = [str(ROOT / "python"), *map(str, paths), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, python)),
        "OMP_NUM_THREADS": "2",
        "NO_COLOR": "1",
    }
    said = []
    for block in blocks(page.read_text()):
        if block.skipped:
            continue
        if block.title:
            (folder / block.title).write_text(block.text)
            continue
        assert block.language == "sh", f"a block of {block.language} without a title"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    return "".join(said)
