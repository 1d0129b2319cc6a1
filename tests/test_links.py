"""Every relative link, anchor and path that the documentation names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in (
        "*.md", "docs/*.md", "docs/models/*.md", "docs/tutorials/*.md", "examples/*.md",
        "results/*.md",
    )
    for page in ROOT.glob(pattern)
)  # fmt: skip
FENCED = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def prose(page):
    """The text of a page without its code blocks."""
    return FENCED.sub("", page.read_text())


def anchors(page):
    """The anchors that GitHub makes from the headings of a page."""
    found = []
    for heading in re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        repeated = found.count(slug)
        found.append(f"{slug}-{repeated}" if repeated else slug)
    return found


def broken(page):
    """The relative links of a page that lead nowhere."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or anchor and anchor not in anchors(target):
            yield link


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    assert not list(broken(ROOT / name))


@pytest.mark.parametrize("name", [name for name in PAGES if name != "CHANGELOG.md"])
def test_paths_of_the_repository_exist(name):
    """In code spans: `python/robust_amc/plugins.py`, `results/sweeps/*.json`."""
    folders = "cmake|docs|examples|grc|include|lib|python|results|script|tests"
    spans = re.findall(rf"`((?:{folders})/[\w./*-]+)`", prose(ROOT / name))
    assert not [path for path in spans if not any(ROOT.glob(path.rstrip("/")))]


def test_a_broken_link_is_found(tmp_path):
    """The check itself, on a page with four good links, three broken ones and an outside one."""
    (tmp_path / "other.md").write_text("# A `block`, twice\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[1](other.md) [2](other.md#a-block-twice) [3](other.md#twice-1) [4](#here)\n"
        "![5](no.png) [6](#nowhere) [7](other.md#twice-2) [8](https://example.org/no)\n"
        "```sh\n[not a link](in-code)\n```\n"
    )
    assert list(broken(page)) == ["no.png", "#nowhere", "other.md#twice-2"]


def test_the_pages_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/README.md", "examples/README.md"} <= set(PAGES)
