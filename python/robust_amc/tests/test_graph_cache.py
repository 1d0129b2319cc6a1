"""Exported graphs that are kept: when they are found again, and when not."""

import copy
import os

import pytest

from robust_amc.inference import graph_cache
from robust_amc.inference.onnx_model import document, to_onnx

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(graph_cache.FOLDER, str(tmp_path / "new"))
    return tmp_path / "new"


class Counted:
    """Exports a classifier, and counts how often."""

    def __init__(self, classifier, scaling="none"):
        self.classifier, self.count = classifier, 0
        self.facts = document(classifier, scaling)

    def __call__(self):
        self.count += 1
        return to_onnx(self.classifier, self.facts["exported"]["scaling"])

    def kept(self):
        return graph_cache.kept(self.classifier, self.facts, self)


def test_found_again(plain, folder):
    export = Counted(plain)
    first, second = export.kept(), export.kept()
    assert export.count == 1
    assert first.SerializeToString() == second.SerializeToString()
    assert len(list(folder.iterdir())) == 1


def test_another_model_or_another_graph_is_another_file(plain, rejecting, folder):
    changed = copy.deepcopy(plain)
    weight = next(changed.network.parameters())
    weight.data.view(-1)[0] += 1
    exports = [Counted(plain), Counted(plain, "sum_abs"), Counted(rejecting), Counted(changed)]
    for export in exports:
        export.kept()
    assert [export.count for export in exports] == [1, 1, 1, 1]
    assert len(list(folder.iterdir())) == 4


def test_a_damaged_file_is_made_again(plain, folder):
    export = Counted(plain)
    export.kept()
    (path,) = folder.iterdir()
    path.write_bytes(b"no graph")
    assert export.kept().graph.node
    assert export.count == 2
    assert onnx.load(path).graph.node


def test_nothing_is_kept_where_nobody_can_write(plain, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for place in ("", tmp_path / "file" / "inside"):
        monkeypatch.setenv(graph_cache.FOLDER, str(place))
        export = Counted(plain)
        export.kept()
        export.kept()
        assert export.count == 2


def test_the_oldest_are_deleted(plain, folder):
    folder.mkdir()
    for number in range(graph_cache.MOST + 3):
        path = folder / f"{number}.onnx"
        path.touch()
        os.utime(path, (number, number))
    Counted(plain).kept()
    left = {path.name for path in folder.iterdir()}
    assert len(left) == graph_cache.MOST
    assert not {f"{number}.onnx" for number in range(4)} & left


def test_layers_of_others(plain, folder):
    """Their source counts; without a source file nothing is kept."""
    made = {}
    exec("import torch\nclass Odd(torch.nn.Module): pass", made)  # noqa: S102
    made["Odd"].__module__ = "somewhere"
    changed = copy.deepcopy(plain)
    changed.network.odd = made["Odd"]()
    export = Counted(changed)
    export.kept()
    assert export.count == 1
    assert not folder.exists()
