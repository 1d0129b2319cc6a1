"""What is run of a page, and that nothing is overlooked."""

import pages
import pytest

TUTORIALS = sorted(pages.TUTORIALS.glob("[a-z]*.md"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_every_block_of_a_tutorial_is_seen(path):
    text = path.read_text()
    assert len(TUTORIALS) == 5
    assert 2 * len(list(pages.blocks(text))) == text.count("\n```")
    assert text.count("<!-- test:") == len(pages.re.findall(r"<!-- test: .* -->\n```sh", text))


def test_a_block_is_changed_saved_or_skipped_as_its_comment_says():
    text = (
        '```python title="x.py"\nprint(1)\n```\n'
        "<!-- test: 100 => 10 ; --slow => --fast -->\n```sh\nrun --frames 100 --slow\n```\n"
        "<!-- test: skip, needs a radio -->\n```sh\nlisten\n```\n"
    )
    assert list(pages.blocks(text)) == [
        pages.Block("python", "x.py", "print(1)\n"),
        pages.Block("sh", None, "run --frames 10 --fast\n"),
        pages.Block("sh", None, "listen\n", skipped=True),
    ]
    with pytest.raises(ValueError, match="'200' is not in the block"):
        list(pages.blocks("<!-- test: 200 => 2 -->\n```sh\nrun 100\n```\n"))
