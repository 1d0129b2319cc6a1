"""What MkDocs is told of the pages: which there are, and those that are made from the sources."""

from fnmatch import fnmatch
from pathlib import Path

import blocks
import dialect
import notebooks
import reference
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
FROM_THE_REPOSITORY = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
    "docs/*.md", "docs/images/*", "docs/models/*.md", "docs/site/*.css",
    "docs/tutorials/*",
    "examples/*.md", "results/*.md", "results/*.png",
)  # fmt: skip


def on_config(config):
    """Name all pages in the navigation, where it says them with a ``*``."""
    config.nav = _expanded(config.nav, [*_from_the_repository(), *_made()])
    return config


def on_files(files, config):
    """All pages, at their paths in the repository."""
    kept = [file for file in files if not (ROOT / "docs" / file.src_uri).exists()]  # the theme's
    kept += [File.generated(config, name, abs_src_path=str(ROOT / name))
             for name in _from_the_repository()]  # fmt: skip
    kept += [File.generated(config, name, content=content) for name, content in _made().items()]
    return Files(kept)


def on_page_markdown(markdown, **page):
    """The lists as MkDocs reads them."""
    return dialect.for_mkdocs(markdown)


def _from_the_repository():
    """Paths of the pages and pictures that are there, from the root."""
    found = (path for pattern in FROM_THE_REPOSITORY for path in sorted(ROOT.glob(pattern)))
    return [path.relative_to(ROOT).as_posix() for path in found]


def _made():
    """Path and content of the pages and pictures that are made."""
    return {
        **{f"docs/grc/{name}.md": text for name, text in blocks.pages(ROOT / "grc")},
        **{f"docs/api/{name}.md": text for name, text in reference.pages()},
        **{f"docs/notebooks/{name}": text for name, text in notebooks.pages()},
    }


def _expanded(nav, names):
    """The navigation with all pages in the place of each pattern."""
    expanded = []
    for entry in nav:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(value, list):
            expanded.append({title: _expanded(value, names)})
        elif "*" in value:
            found = [name for name in names if fnmatch(name, value)]
            expanded += [{title: found}] if title else found
        else:
            expanded.append(entry)
    return expanded
