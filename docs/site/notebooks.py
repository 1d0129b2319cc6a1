"""The notebooks: run, and as pages with their outputs.

    .venv/bin/python docs/site/notebooks.py

runs those in examples/notebooks, with what they print and draw in build/notebooks. The pages of
notebooks that have not been run are without outputs.
"""

import base64
import json
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "examples" / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"


def pages():
    """(name, content) of the page of each notebook, and of its pictures."""
    for path in sorted(SOURCES.glob("*.ipynb")):
        executed = EXECUTED / path.name
        text = (executed if executed.exists() else path).read_text()
        yield from page(path.stem, json.loads(text))


def page(name, notebook):
    """The Markdown of a notebook, a dictionary, and a PNG file for each picture in its outputs."""
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
                parts.append(f"![Output of the cell above]({picture})")
            else:
                text = "".join(output.get("text", data.get("text/plain", "")))
                parts.append(f"```text\n{text.rstrip()}\n```")
    title, _, rest = parts[0].partition("\n")
    said = f"*The notebook `examples/notebooks/{name}.ipynb`, run.*"
    yield f"{name}.md", "\n\n".join([title, said, rest.strip(), *parts[1:]]) + "\n"
    yield from pictures.items()


def execute(path, folder):
    """Run a notebook in a folder; returns it with its outputs. Raises what its cells raise."""
    import nbclient
    import nbformat
    from traitlets.config import Config

    # Sockets in a folder of their own, for the kernel runs in another one than this; no port
    with tempfile.TemporaryDirectory(prefix="htrd-") as sockets:
        ipc = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        return nbclient.NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            config=Config({"KernelManager": ipc}),
        ).execute()


def main():
    """Run all."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    for path in sorted(SOURCES.glob("*.ipynb")):
        print(f"running {path.name}", flush=True)
        (EXECUTED / path.name).write_text(json.dumps(execute(path, EXECUTED)))


if __name__ == "__main__":
    main()
