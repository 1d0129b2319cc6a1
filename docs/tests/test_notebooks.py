"""The notebooks run, and are committed without outputs."""

import json

import notebooks
import pytest

NOTEBOOKS = sorted(notebooks.SOURCES.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    executed = notebooks.execute(path, tmp_path)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert not [output for output in outputs if output.get("name") == "stderr"]
    page, *pictures = notebooks.page(path.stem, executed)
    assert all(name in page[1] and png.startswith(b"\x89PNG") for name, png in pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_outputs(path):
    notebook = json.loads(path.read_text())
    assert len(NOTEBOOKS) == 3
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and not cell.get("execution_count")
