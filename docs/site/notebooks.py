"""Pages of the notebooks, with the outputs of those that script/docs has run."""

import base64
import json
from pathlib import PurePath

EXECUTED = "build/notebooks"


def pages(root):
    """(name, content) of the page of each notebook in examples/notebooks, and of its pictures."""
    for path in sorted((root / "examples" / "notebooks").glob("*.ipynb")):
        executed = root / EXECUTED / path.name
        notebook = json.loads((executed if executed.exists() else path).read_text())
        yield from page(path.stem, notebook)


def page(name, notebook):
    """The Markdown of a notebook, and a PNG file for each picture in its outputs."""
    parts, pictures = [], {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                picture = f"{name}-{len(pictures) + 1}.png"
                pictures[picture] = base64.b64decode(data["image/png"])
                parts.append(f"![What this draws]({picture})")
            else:
                text = "".join(output.get("text", data.get("text/plain", "")))
                parts.append(f"```text\n{text.rstrip()}\n```")
    parts.insert(1, f"*This page is the notebook `examples/notebooks/{PurePath(name).name}.ipynb`.*")
    yield f"{name}.md", "\n\n".join(parts) + "\n"
    yield from pictures.items()
