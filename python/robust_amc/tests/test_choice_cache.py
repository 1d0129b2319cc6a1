"""The choice of an engine that is kept: when it is taken again, and when it is measured anew."""

import json
import os
import time

import pytest

from robust_amc.inference import choice_cache, choose, graph_cache, open_engine, source_of

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """How often engines were measured, with invented rates."""
    monkeypatch.setenv(graph_cache.FOLDER, str(tmp_path))
    found = []

    def rate(engine, _):
        found.append(engine.name)
        return {"torch": 1.0, "onnxruntime": 3.0, "openvino": 2.0}[engine.name]

    monkeypatch.setattr(choose, "_rate", rate)
    return found


def kept(folder):
    return [path for path in folder.iterdir() if path.suffix == ".json"]


def test_measured_once(plain, measured, tmp_path):
    first = open_engine(plain, precision="float32")
    assert first.name == "onnxruntime" and "onnxruntime" in measured
    count = len(measured)
    again = open_engine(plain, precision="float32")
    assert len(measured) == count
    assert again.name == "onnxruntime"
    assert again.reason.startswith(first.reason) and "measured on" in again.reason
    open_engine(plain, precision="float32", threads=7)  # another question
    assert len(measured) > count
    assert len(kept(tmp_path)) == 2


def test_an_old_or_damaged_one_is_measured_anew(plain, measured, tmp_path):
    open_engine(plain, precision="float32")
    (path,) = kept(tmp_path)
    old = time.time() - (choice_cache.DAYS + 1) * 86400
    for spoil in (
        lambda: os.utime(path, (old, old)),
        lambda: path.write_text("no JSON"),
        lambda: path.write_text("[]"),
        lambda: path.write_text(json.dumps({"engine": "steam", "precision": "float32"})),
        lambda: path.write_text(
            json.dumps({"engine": "steam", "precision": "float32", "reason": "fast"})
        ),
    ):
        spoil()
        count = len(measured)
        assert open_engine(plain, precision="float32").name == "onnxruntime"
        assert len(measured) > count


def test_the_oldest_are_deleted(plain, measured, tmp_path):
    for number in range(choice_cache.MOST + 2):
        path = tmp_path / f"{number}.json"
        path.touch()
        os.utime(path, (number, number))
    open_engine(plain, precision="float32")
    assert len(kept(tmp_path)) == choice_cache.MOST
    assert not (tmp_path / "0.json").exists()


def test_nothing_is_kept_without_a_folder(plain, measured, monkeypatch):
    monkeypatch.setenv(graph_cache.FOLDER, "")
    source = source_of(plain)
    open_engine(source, precision="float32")
    assert choice_cache.recall(source, source.pairs(None), None) is None
