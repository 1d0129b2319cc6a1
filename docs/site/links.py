"""The links of a built site.

    .venv/bin/python docs/site/links.py

lists those to elsewhere, which nothing checks.
"""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).parents[2] / "build" / "site"
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}  # with the page
FETCHED_LINKS = {"stylesheet", "icon", "preconnect", "preload", "prefetch", "dns-prefetch"}


class Page(HTMLParser):
    """What is read of a page.

    Attributes:
        ids: what a link to the page may name after ``#``
        links: addresses that a reader may follow
        fetched: addresses that a browser fetches by itself
        texts: of each paragraph and item of a list of the article, without code
    """

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.fetched, self.texts = set(), [], [], []
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note what a tag names."""
        found = dict(attrs)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and set((found.get("rel") or "").split()) & FETCHED_LINKS:
            self.fetched.append(found["href"])
        elif FETCHED.get(tag) in found:
            self.fetched.append(found[FETCHED[tag]])
        if tag in ("article", "p", "li", "pre", "code"):
            self._open.append(tag)
            if tag in ("p", "li"):
                self.texts.append("")

    def handle_endtag(self, tag):
        """Note the end of what may hold text."""
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data):
        """Note the text of a paragraph or an item."""
        if "article" in self._open and self._open[-1] in ("p", "li"):
            self.texts[-1] += data


def pages(site=SITE):
    """Path and Page of each file of a site, but for 404.html: its addresses are a server's."""
    found = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    return {path: Page(path.read_text()) for path in found}


def is_external(address):
    """Whether an address names another place than the site, or a kind such as mailto."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def broken(found):
    """(page, address) of what leads nowhere within the site; `found` are its pages."""
    for path, page in found.items():
        for address in page.links + page.fetched:
            if is_external(address):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            ids = found[target].ids if target in found else ()
            if not target.exists() or parts.fragment and unquote(parts.fragment) not in ids:
                yield path, address


def external(found):
    """Addresses elsewhere, each once."""
    return sorted({link for page in found.values() for link in page.links if is_external(link)})


if __name__ == "__main__":
    print(*external(pages()), sep="\n")
