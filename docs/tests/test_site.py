"""The site as script/docs has built it: links, what it fetches, and what is made for it."""

import re

import blocks
import dialect
import links
import notebooks
import pages
import pytest
import yaml

DESCRIPTIONS = sorted((pages.ROOT / "grc").glob("*.block.yml"))


@pytest.fixture(scope="module")
def site():
    assert links.SITE.exists(), "script/docs has not been run"
    return links.pages()


def names(found):
    return {path.relative_to(links.SITE).as_posix() for path in found}


def test_every_link_leads_somewhere(site):
    assert [(path.name, address) for path, address in links.broken(site)] == []


def test_nothing_is_fetched_from_elsewhere(site):
    fetched = {address for page in site.values() for address in page.fetched}
    assert fetched and not [address for address in fetched if links.is_external(address)]
    for style in links.SITE.rglob("*.css"):
        assert "url(http" not in style.read_text().replace("url(\"http", "url(http")


def test_all_pages_are_there(site):
    expected = {"index.html", "CONTRIBUTING.html", "docs/index.html", "docs/blocks.html"}
    expected |= {f"docs/tutorials/{path.stem}.html" for path in pages.TUTORIALS.glob("[a-z]*.md")}
    expected |= {f"docs/notebooks/{path.stem}.html" for path in notebooks.SOURCES.glob("*.ipynb")}
    expected |= {f"docs/grc/{path.name[5:-10]}.html" for path in DESCRIPTIONS}
    expected |= {"docs/api/classifier.html", "docs/api/rejection.html"}
    assert expected <= names(site)


def test_lists_are_lists(site):
    """Markdown has two dialects: what GitHub takes for a list may be text for MkDocs."""
    for path, page in site.items():
        for text in page.texts:
            left = re.search(r"^ *([-*|] |\d{1,2}\. |```)", text, re.MULTILINE)
            assert not left, (path.name, text)


def test_nothing_of_another_markup_is_left():
    """Docstrings name other objects in roles, as Sphinx has them."""
    for path in (links.SITE / "docs" / "api").glob("*.html"):
        assert not re.findall(r":\w+:<code>", path.read_text()), path.name


def test_the_reference_has_what_the_readme_uses(site):
    api = {path.stem: page.ids for path, page in site.items() if path.parent.name == "api"}
    assert "robust_amc.classifier.Classifier.decide" in api["classifier"]
    assert "robust_amc.power.epsilon" in api["frames"]
    assert "robust_amc.rejection.base.Rejector.forward" in api["rejection"]


@pytest.mark.parametrize("path", DESCRIPTIONS, ids=lambda path: path.stem)
def test_a_block_page_has_every_parameter_and_port(path):
    described = yaml.safe_load(path.read_text())
    page = blocks.page(described)
    for parameter in described["parameters"]:
        in_python = parameter["dtype"] != "gui_hint"
        assert page.count(f"| `{parameter['id']}` |") == in_python
        assert page.count(f"\n| {parameter['label']} |".replace("_", r"\_")) == 1
        for option in parameter.get("options", []):
            assert f"`{option}`" in page
    for port in described.get("inputs", []) + described.get("outputs", []):
        assert str(port.get("label", port.get("id"))).replace("_", r"\_") in page


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here">x</p><a href="#here"></a><a href="#there"></a><a href="b.html#c"></a>'
        '<a href="b.html#d"></a><img src="no.png"><a href="https://example.org/"></a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="c">b</h1>')
    found = links.pages(tmp_path)
    assert [address for _, address in links.broken(found)] == ["#there", "b.html#d", "no.png"]
    assert links.external(found) == ["https://example.org/"]


GITHUB = """A list:
- one
  goes on

1. first
   - inner
     goes on

   ```sh
   - x
   ```
2. second

End:

    - code
"""
MKDOCS = """A list:

- one
    goes on

1. first
    - inner
        goes on

    ```sh
    - x
    ```
2. second

End:

    - code
"""


def test_the_lists_of_github_become_those_of_mkdocs():
    assert dialect.for_mkdocs(GITHUB) == MKDOCS
